import { randomBytes } from 'node:crypto';
import type { Client, ClientChannel } from 'ssh2';
import { Lost, type Target } from '../core/connection.ts';
import type { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { quote } from '../core/sh.ts';

/**
 * Opens a channel on which `program` (sh text without secrets) runs as `who`. Without a password, everything that is
 * written goes to the program at once. With a password, sudo's prompt is answered first. sudo prints a random prompt of
 * ours on stderr, so that the password is never sent to a program that did not ask for it.
 */
export async function become(
  client: Client,
  target: Target,
  loginUser: string,
  who: string,
  program: string,
): Promise<ClientChannel> {
  if (who === loginUser) return exec(client, target, program);
  const password = target.become.password?.reveal();
  if (password === undefined) {
    if (target.become.method === 'su') throw noPasswordForSu(target);
    return exec(client, target, `${programOf(target)} -n${flagsOf(target)} -u ${quote(who)} sh -c ${quote(program)}`);
  }
  const prompt = `bringup-${randomBytes(6).toString('hex')}:`;
  if (target.become.method !== 'sudo') throw noPasswordForSu(target);
  const channel = await exec(
    client,
    target,
    `${programOf(target)} -S${flagsOf(target)} -p ${prompt} -u ${quote(who)} sh -c ${quote(`echo; ${program}`)}`,
  );
  await answered(channel, prompt, password, target);
  return channel;
}

/** Options that bringup sets itself, because it knows whether there is a password to answer with. */
const OURS = ['-n', '-S', '--non-interactive', '--stdin'];

function programOf({ become: { method, exe } }: Target): string {
  return quote(exe ?? method);
}

function flagsOf({ become: { flags = [] } }: Target): string {
  return flags.flatMap((flag) => (OURS.includes(flag) ? [] : [` ${quote(flag)}`])).join('');
}

/** The words that run a program as root on this machine, where no password can be asked for. */
export function rootBy(target: Target): readonly string[] {
  const { method, exe, flags = [] } = target.become;
  return [exe ?? method, '-n', ...flags.filter((flag) => !OURS.includes(flag))];
}

function noPasswordForSu(target: Target): Failure {
  return failure('E_BECOME_METHOD', { host: target.name, method: target.become.method });
}

function answered(channel: ClientChannel, prompt: string, password: string, target: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    let stderr = '';
    let asked = 0;
    const onErr = (chunk: Buffer): void => {
      stderr += chunk.toString();
      const times = stderr.split(prompt).length - 1;
      if (times > asked && asked === 0) channel.write(`${password}\n`);
      if (times > 1) {
        channel.close();
        done(() => reject(wrongPassword(target)));
      }
      asked = times;
    };
    const onOut = (): void => done(resolve);
    const onClose = (): void =>
      done(() =>
        reject(
          /incorrect|sorry/i.test(stderr) ? wrongPassword(target) : notAllowed(target, stderr.replaceAll(prompt, '')),
        ),
      );
    const done = (then: () => void): void => {
      channel.stderr.off('data', onErr);
      channel.off('data', onOut);
      channel.off('close', onClose);
      then();
    };
    channel.stderr.on('data', onErr);
    channel.once('data', onOut);
    channel.once('close', onClose);
  });
}

function wrongPassword(target: Target): Failure {
  return failure('E_SUDO_PASSWORD_WRONG', { host: target.name });
}

function notAllowed(target: Target, stderr: string): Failure {
  return failure('E_SUDO_REFUSED', { host: target.name, method: 'sudo', detail: stderr.trim() });
}

/** The exit code of a channel's program, when the channel has closed. undefined: the connection was lost. */
export function exitOf(client: Client, channel: ClientChannel): Promise<number | undefined> {
  return new Promise((resolve) => {
    let code: number | undefined;
    channel.once('exit', (status: number | null) => {
      code = status ?? undefined;
    });
    channel.once('close', () => resolve(code));
    client.once('close', () => resolve(undefined));
  });
}

function exec(client: Client, target: Target, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Lost(target.name));
    client.once('close', onClose);
    client.exec(command, (error, channel) => {
      client.off('close', onClose);
      if (error !== undefined) return reject(new Lost(target.name, error));
      resolve(channel);
    });
  });
}
