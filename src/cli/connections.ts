import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { targetOf } from '../config/target.ts';
import { connect } from '../connect/connect.ts';
import type { Claim, Connection, Target } from '../core/connection.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { RawVars, Value } from '../core/value.ts';

export type Getter = (name: string) => Value | undefined;

/**
 * How to reach a host of the inventory. A host with `lab_name` belongs to that lab, which supplies its login, key and
 * pinned host key, unless its disk was blank.
 */
export async function reach(name: string, at: Pos | undefined, get: Getter, defaults: RawVars = {}): Promise<Target> {
  const target = targetOf({ name, at, get, defaults });
  const lab = get('lab_name');
  // The lab put nothing on a blank disk, so it knows neither the login nor the host key.
  if (typeof lab !== 'string' || target.via === 'local' || get('lab_image') === 'blank') return target;
  const { connection } = await import('../lab/lab.ts');
  const own = await connection(lab, name);
  return {
    ...target,
    address: own.address,
    user: target.user ?? own.user,
    privateKeyFile: target.privateKeyFile ?? own.privateKeyFile,
    knownHostsFile: own.knownHostsFile,
  };
}

export type LineOptions = Readonly<{
  /** The directory in which tasks on this machine run. Default: the current one. */
  dir?: string | undefined;
  /** Variables that count where `get` has none. */
  defaults?: RawVars | undefined;
  /** Called with each secret before it is used, so that it is never printed. */
  onSecret: (secret: string) => void;
  signal: AbortSignal;
  meanwhile?: () => void;
  /** The run may change the host, so it locks it. */
  claim?: Claim | undefined;
}>;

export async function openLine(
  name: string,
  at: Pos | undefined,
  get: Getter,
  { dir, defaults, onSecret, signal, meanwhile, claim }: LineOptions,
): Promise<Connection> {
  const target = { ...(await reach(name, at, get, defaults)), dir };
  for (const secret of [target.password, target.become.password]) if (secret !== undefined) onSecret(secret.reveal());
  return connect(target, { passphrase: (file) => ask(`passphrase of ${file}: `), meanwhile, claim }, signal);
}

/** Asks on the terminal. The answer is hidden unless `echo` is set. undefined without a terminal. */
export async function ask(question: string, { echo = false } = {}): Promise<string | undefined> {
  if (process.stdin.isTTY !== true) return undefined;
  const { createInterface } = await import('node:readline/promises');
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = echo ? process.stderr : silent;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const answer = await lines.question('');
  lines.close();
  if (!echo) process.stderr.write('\n');
  return answer;
}

/** Downloads a file on the controller for a host without an HTTP client. */
export async function download(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    const response = await fetch(url, { headers, signal });
    if (!response.ok) throw failure('E_FETCH', { url, why: `${response.status} ${response.statusText}` });
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error;
    throw failure('E_FETCH', { url, why: String((error as Error).cause ?? error) });
  }
}

const hash =
  (algorithm: string) =>
  (data: string | Uint8Array): string =>
    createHash(algorithm).update(data).digest('hex');
export const sha256 = hash('sha256');
export const sha1 = hash('sha1');
export const md5 = hash('md5');
