// `bringup adopt`: from a machine that answers SSH to a host of the inventory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { targetOf } from '../config/target.ts';
import { connect } from '../connect/connect.ts';
import { pin } from '../connect/known-hosts.ts';
import { resolveTarget } from '../connect/resolve.ts';
import { type Connection, Lost, type Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { type RawVars, Secret } from '../core/value.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { allowSudo, becomesRoot, inspect, installKeys } from './adopt-host.ts';
import { type Entry, entryFor, placeOf, writeEntry } from './adopt-inventory.ts';
import { parseFingerprint, type Verified, verifiedKey } from './adopt-key.ts';
import { ask } from './connections.ts';
import { publicKeysOf } from './login-keys.ts';
import type { HostOptions } from './options.ts';
import { streams } from './output.ts';
import { pinFile, pinKey } from './pins.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';

export type AdoptOptions = HostOptions &
  Readonly<{ name: string; group: string; fingerprint: string | undefined; user: string | undefined }>;

const ports = { passphrase: (file: string) => ask(`passphrase of ${file}: `) };

/**
 * Adopts the machine at an address. The inventory and known_hosts are written last, so a failure leaves both as they
 * were; what was done on the host is found and kept when the command runs again. Returns the exit code.
 */
export async function adopt(given: string, options: AdoptOptions, signal: AbortSignal): Promise<number> {
  const { name } = options;
  const wanted = options.fingerprint === undefined ? undefined : parseFingerprint(options.fingerprint);
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const { entry, target } = planOf(given, options, project);
  const pins = pinFile(project.inventory.dir, target, entry.inventory.hosts.get(name)?.at ?? NOWHERE);
  const keys = publicKeysOf(target, undefined);
  const key = await verifiedKey(target, wanted, ports, signal);
  tellDone(name, `host key ${key.fingerprint} ${key.how}`);
  await withPin(key, async (knownHostsFile) => {
    const first = { ...target, knownHostsFile };
    await prepare(first, keys, project, signal);
    await proveLogin(first, signal);
  });
  await pinKey(pins, { ...target, address: key.address, port: key.port }, key.key);
  await writeEntry(project, entry);
  tellDone(name, `pinned in ${pins}`);
  tellDone(name, entry.file === undefined ? 'already in the inventory' : `added to ${options.group} in ${entry.file}`);
  return 0;
}
const NOWHERE = { file: '<command line>', line: 1, col: 1 };

/** Nothing is contacted and nothing is written. */
function planOf(
  given: string,
  { name, group, user: asUser }: AdoptOptions,
  project: Project,
): Readonly<{ entry: Entry; target: Target }> {
  const place = placeOf(given);
  const user = place.user ?? asUser;
  const base = {
    ansible_host: place.address,
    ...(place.port !== undefined && place.port !== 22 && { ansible_port: place.port }),
  };
  const defaults = project.connection;
  const targetIn = (entry: Entry, logins: RawVars): Target => {
    const { get } = inventoryScope(project.templates, entry.inventory, project.extraVars, '.', name);
    return targetOf({ name, at: undefined, get, defaults: logins });
  };
  const entry = entryFor(project, { name, group, vars: base });
  // A user that the inventory does not give the host anyway belongs into the inventory, or later logins fail.
  const { ansible_user: _, ...others } = defaults;
  const usual = targetIn(entry, others).user;
  const own = user ?? (usual === undefined ? defaults['ansible_user'] : undefined);
  const isNew = entry.file !== undefined && own !== undefined && own !== usual;
  const full = isNew ? entryFor(project, { name, group, vars: { ...base, ansible_user: String(own) } }) : entry;
  const target = targetIn(full, defaults);
  if (target.via === 'local')
    throw failure('E_ADOPT_ADDRESS', { address: given, problem: 'is reached with ansible_connection: local' });
  for (const secret of [target.password, target.become.password])
    if (secret !== undefined) project.redactor.add(secret.reveal());
  return { entry: full, target: user === undefined ? target : { ...target, user } };
}

/** Runs `work` with a file that has this host key alone. */
async function withPin(verified: Verified, work: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-adopt-'));
  try {
    const file = join(folder, 'known_hosts');
    writeFileSync(file, pin('', verified.address, verified.port, verified.key));
    await work(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first login: installs the login key, and lets the login user become root without a password. */
async function prepare(target: Target, keys: readonly string[], project: Project, signal: AbortSignal): Promise<void> {
  const host = target.name;
  const options = { host, signal };
  const { user } = await resolveTarget(target);
  await withLine(target, signal, async (line) => {
    const { hasSudo } = await inspect(line, options);
    if (user !== 'root' && !hasSudo) throw failure('E_ADOPT_SUDO', { host, user, why: 'sudo is not installed' });
    const isNew = await installKeys(line, keys, options);
    tellDone(host, isNew ? `installed the login key for ${user}` : `the login key of ${user} is there`);
  });
  if (user === 'root' || (await isRootAlready(target, signal))) return;
  const password = target.become.password ?? target.password ?? (await askedPassword(host, user));
  if (password === undefined) throw failure('E_SUDO_PASSWORD', { host, method: 'sudo' });
  project.redactor.add(password.reveal());
  const become = { ...target.become, method: 'sudo' as const, password };
  await withLine({ ...target, become }, signal, (line) => allowSudo(line, user, options));
  tellDone(host, `allowed ${user} to use sudo without a password`);
}

async function askedPassword(host: string, user: string): Promise<Secret | undefined> {
  const answer = await ask(`password of ${user} for sudo on ${host}: `);
  return answer === undefined ? undefined : new Secret(answer);
}

const withoutPassword = (target: Target): Target => ({
  ...target,
  become: { ...target.become, method: 'sudo', password: undefined },
});

async function isRootAlready(target: Target, signal: AbortSignal): Promise<boolean> {
  try {
    return await withLine(withoutPassword(target), signal, (line) => becomesRoot(line, { host: target.name, signal }));
  } catch (error) {
    const code = error instanceof Failure ? error.diagnostics[0]?.code : undefined;
    if (code === 'E_SUDO_PASSWORD' || code === 'E_SUDO_REFUSED') return false;
    throw error;
  }
}

/** Logs in as later runs do: with the key, and to root without a password. */
async function proveLogin(target: Target, signal: AbortSignal): Promise<void> {
  const { name: host } = target;
  const { user } = await resolveTarget(target);
  try {
    const later = { ...withoutPassword(target), password: undefined };
    if (await withLine(later, signal, (line) => becomesRoot(line, { host, signal }))) {
      tellDone(
        host,
        user === 'root' ? 'logs in as root with the key' : `logs in as ${user} with the key, and becomes root`,
      );
      return;
    }
  } catch (error) {
    const [first] = error instanceof Failure ? error.diagnostics : [];
    if (first?.code === 'E_AUTH' || first?.code === 'E_NO_CREDENTIALS')
      throw failure('E_ADOPT_LOGIN', { host, user, why: first.message });
    if (first?.code !== 'E_SUDO_PASSWORD' && first?.code !== 'E_SUDO_REFUSED') throw error;
  }
  const hint =
    "check that /etc/sudoers ends with '@includedir /etc/sudoers.d', and that no later rule asks for a password";
  throw failure('E_ADOPT_SUDO', { host, user, why: 'sudo still asks for a password', hint });
}

async function withLine<T>(target: Target, signal: AbortSignal, work: (line: Connection) => Promise<T>): Promise<T> {
  const line = await connect(target, ports, signal).catch((error: unknown) => {
    throw target.password === undefined ? hinted(error) : error;
  });
  try {
    return await work(line);
  } catch (error) {
    if (!(error instanceof Lost) || signal.aborted) throw error;
    const hint = 'run the command again';
    throw failure('E_ADOPT_SYSTEM', { host: target.name, problem: 'broke the connection', hint });
  } finally {
    await line.close();
  }
}

/** A new host has no key of ours yet, so a password is the usual way in. */
function hinted(error: unknown): unknown {
  const [first] = error instanceof Failure ? error.diagnostics : [];
  if (first === undefined || (first.code !== 'E_AUTH' && first.code !== 'E_NO_CREDENTIALS')) return error;
  return new Failure({ ...first, hint: 'log in with a password: -k; or name the login user: -u USER' });
}

const tellDone = (host: string, what: string): void => streams.out(`${pc.green('✓')} ${pc.bold(host)}: ${what}\n`);
