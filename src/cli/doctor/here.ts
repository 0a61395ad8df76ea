// What `bringup doctor` asks of this machine. Nothing is changed.
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseKnownHosts } from '../../connect/known-hosts.ts';
import { size } from '../../core/units.ts';
import { requirements } from '../../lab/requirements.ts';
import { type Answer, bad, good } from './contract.ts';

/** What is asked: a directory with an inventory, and whether its hosts belong to a lab. */
export type Here = Readonly<{ inventoryDir: string; hasLab: boolean; usesSsh: boolean }>;

/** A run stores facts and builds here. */
const LEAST_FREE = 500 * 1024 ** 2;

export async function askHere({ inventoryDir, hasLab, usesSsh }: Here): Promise<readonly Answer[]> {
  return [
    node(),
    ...(usesSsh ? [sshClient(), loginKeys(), agent(), pins(join(inventoryDir, 'known_hosts'))] : []),
    space(),
    ...(hasLab ? [await lab()] : []),
  ];
}

/** package.json wants this version. */
export function node(version = process.versions.node): Answer {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return good('Node.js', version);
  return bad('Node.js', `Node.js ${version} is too old`, 'install Node.js 20.19 or newer: https://nodejs.org');
}

function sshClient(): Answer {
  const missing = ['ssh', 'ssh-keygen'].filter((program) => !inPath(program));
  if (missing.length === 0) return good('SSH client', 'installed');
  const hint = 'install it: apt-get install openssh-client';
  return bad(
    'SSH client',
    `${missing.join(' and ')} is not installed; ~/.ssh/config is not read without it`,
    hint,
    false,
  );
}

/** The keys that are tried if the inventory names none. */
function loginKeys(): Answer {
  const folder = join(homedir(), '.ssh');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^id_(ed25519|ecdsa|rsa)$/.test(name)) : [];
  if (names.length === 0)
    return bad(
      'login key',
      `no private key in ${folder}`,
      'create one: ssh-keygen -t ed25519',
      process.env['SSH_AUTH_SOCK'] === undefined,
    );
  const open = names.filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0);
  if (open.length > 0) {
    const files = open.map((name) => join(folder, name)).join(' ');
    return bad('login key', `other users may read ${files}`, `close it: chmod 600 ${files}`);
  }
  const alone = names.filter((name) => !existsSync(join(folder, `${name}.pub`)));
  if (alone.length === 0) return good('login key', names.join(', '));
  const [first = ''] = alone;
  const hint = `write it: ssh-keygen -y -f ${join(folder, first)} > ${join(folder, first)}.pub`;
  return bad('login key', `${first} has no public key beside it; adopt and image write need it`, hint, false);
}

function agent(): Answer {
  const socket = process.env['SSH_AUTH_SOCK'];
  if (socket === undefined || socket === '') return good('SSH agent', 'none; keys with a passphrase are asked for');
  if (statSync(socket, { throwIfNoEntry: false })?.isSocket() === true) return good('SSH agent', socket);
  return bad(
    'SSH agent',
    `SSH_AUTH_SOCK is ${socket}, which is no socket`,
    'start one: eval "$(ssh-agent)" && ssh-add; or unset SSH_AUTH_SOCK',
  );
}

/** Lines of the project's known_hosts that OpenSSH and bringup would skip without a word. */
function pins(file: string): Answer {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return good('pinned host keys', `none in ${file}`);
  if (!found.isFile()) return bad('pinned host keys', `${file} is no file`, 'remove it');
  const lines = readFileSync(file, 'utf8').split('\n');
  const wrong = lines.findIndex((line) => !/^\s*(#|$)/.test(line) && parseKnownHosts(line, file).length === 0);
  if (wrong >= 0)
    return bad('pinned host keys', `${file}:${wrong + 1} is no host key`, `remove the line ${wrong + 1} of ${file}`);
  if ((found.mode & 0o022) !== 0)
    return bad('pinned host keys', `other users may write ${file}`, `close it: chmod go-w ${file}`);
  return good('pinned host keys', `${parseKnownHosts(lines.join('\n'), file).length} in ${file}`);
}

function space(): Answer {
  const { bavail, bsize } = statfsSync('.');
  const free = bavail * bsize;
  const can = writable('.');
  if (!can)
    return bad(
      'working directory',
      `${process.cwd()} cannot be written, so facts and images are not kept`,
      'run bringup in a directory of your own',
      false,
    );
  if (free >= LEAST_FREE) return good('disk space', `${size(free)} free`);
  return bad(
    'disk space',
    `${size(free)} free in ${process.cwd()}`,
    `free at least ${size(LEAST_FREE)}; .bringup is a cache that may be deleted`,
  );
}

async function lab(): Promise<Answer> {
  const missing = await requirements();
  if (missing.length === 0) return good('lab', 'everything is there');
  return {
    topic: 'lab',
    seen: '',
    troubles: missing.map(({ what, why, hint }) => ({
      what: `${what} is missing: ${why}`,
      hint: hint ?? 'install what the lab needs: bringup lab install',
      isFault: true,
    })),
  };
}

function inPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
