// First contact: the host key of a new host is verified by a fingerprint, by known_hosts, or by the person at the terminal.
import { fingerprint as fingerprintOf, keyType, verify } from '../connect/known-hosts.ts';
import { hostKeyTrouble, type LoginPorts } from '../connect/login.ts';
import { offeredKeys } from '../connect/offered-keys.ts';
import { resolveTarget } from '../connect/resolve.ts';
import type { Target } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import { ask } from './connections.ts';

/** A verified host key: its address as known_hosts has it, and the key as one line without a comment. */
export type Verified = Readonly<{ address: string; port: number; key: string; fingerprint: string; how: string }>;

/** Reads a fingerprint as ssh-keygen prints it, with or without `SHA256:`. Throws Failure. */
export function parseFingerprint(given: string): string {
  const [, hash] = /^(?:SHA256:)?([A-Za-z0-9+/]{43})=?$/.exec(given.trim()) ?? [];
  if (hash === undefined) throw failure('E_ADOPT_FINGERPRINT', { given });
  return `SHA256:${hash}`;
}

/**
 * The host key that a new host is pinned with. Nobody logs in. `wanted` is the fingerprint that one of its keys must
 * have. Without it, a key that known_hosts has is accepted, and otherwise the person at the terminal is asked. Throws
 * Failure.
 */
export async function verifiedKey(
  target: Target,
  wanted: string | undefined,
  ports: LoginPorts,
  signal: AbortSignal,
): Promise<Verified> {
  const to = await resolveTarget(target);
  const where = to.port === 22 ? to.host : `[${to.host}]:${to.port}`;
  const accept = (key: Buffer, how: string): Verified => ({
    address: to.host,
    port: to.port,
    key: `${keyType(key)} ${key.toString('base64')}`,
    fingerprint: fingerprintOf(key),
    how,
  });
  const shown: Buffer[] = [];
  for await (const key of offeredKeys(target, ports, signal)) {
    const verdict = verify(to.knownHosts, to.host, to.port, key);
    if (verdict.is === 'revoked') throw hostKeyTrouble(to, target, key) as Error;
    if (wanted !== undefined && fingerprintOf(key) === wanted) return accept(key, 'has the given fingerprint');
    if (wanted === undefined && verdict.is === 'known') return accept(key, 'is known');
    shown.push(key);
  }
  const host = target.name;
  const detail = shown.map((key) => `it shows   ${keyType(key)} ${fingerprintOf(key)}`).join('\n');
  if (wanted !== undefined) throw failure('E_ADOPT_OTHER_KEY', { host, where, wanted, detail });
  const [first] = shown;
  if (first === undefined) throw new Error('offeredKeys ended without a key');
  const trouble = hostKeyTrouble(to, target, first);
  if (verify(to.knownHosts, to.host, to.port, first).is === 'changed' && trouble !== undefined) throw trouble;
  const question = `${detail}\nCompare it with the console of ${host}: for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $f; done\nDoes ${host} have one of these keys? Type yes, or paste the fingerprint: `;
  const answer = (await ask(question, { echo: true }))?.trim();
  if (answer === 'yes') return accept(first, 'was compared at the terminal');
  if (answer === undefined || answer === '' || /^no?$/i.test(answer))
    throw failure('E_ADOPT_UNVERIFIED', { host, where, detail });
  const typed = parseFingerprint(answer);
  const found = shown.find((key) => fingerprintOf(key) === typed);
  if (found === undefined) throw failure('E_ADOPT_OTHER_KEY', { host, where, wanted: typed, detail });
  return accept(found, 'has the typed fingerprint');
}
