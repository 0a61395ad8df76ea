import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { globMatches } from '../core/glob.ts';

/** One line of an OpenSSH known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export type KnownHost = Readonly<{
  marker: 'revoked' | 'cert-authority' | undefined;
  hosts: string;
  type: string;
  key: Buffer;
  file: string;
  line: number;
}>;

export type Verdict = Readonly<
  | { is: 'known' }
  | { is: 'revoked'; by: KnownHost }
  | { is: 'changed'; known: readonly KnownHost[] }
  | { is: 'unknown' }
>;

export function parseKnownHosts(text: string, file: string): readonly KnownHost[] {
  return text.split('\n').flatMap((raw, i): readonly KnownHost[] => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const words = line.split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift()?.slice(1) : undefined;
    const [hosts, type, key] = words;
    if (hosts === undefined || type === undefined || key === undefined) return [];
    if (marker !== undefined && marker !== 'revoked' && marker !== 'cert-authority') return [];
    return [{ marker, hosts, type, key: Buffer.from(key, 'base64'), file, line: i + 1 }];
  });
}

/** What the files say about a host's `key`. A revoked key is rejected whatever else they say. */
export function verify(entries: readonly KnownHost[], host: string, port: number, key: Buffer): Verdict {
  const known = entriesFor(entries, host, port);
  const revoked = entries.find(
    (e) => e.marker === 'revoked' && e.key.equals(key) && matches(e.hosts, hostName(host, port)),
  );
  if (revoked !== undefined) return { is: 'revoked', by: revoked };
  if (known.some((e) => e.key.equals(key))) return { is: 'known' };
  return known.length > 0 ? { is: 'changed', known } : { is: 'unknown' };
}

/**
 * The host key algorithms to offer, those of known keys first. Otherwise a server might present a key of another type,
 * which looks like a changed key.
 */
export function algorithmsFor(entries: readonly KnownHost[], host: string, port: number): readonly string[] {
  const types = entriesFor(entries, host, port).map((e) => e.type);
  const known = types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set([...known, ...DEFAULTS])].filter((type) => DEFAULTS.includes(type));
}
const DEFAULTS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * The text of a known_hosts file in which the host has this key and no other. `key` is its type and its base64 form.
 * Lines of other hosts, patterns and revoked keys stay as they are.
 */
export function pin(text: string, host: string, port: number, key: string): string {
  const name = hostName(host, port);
  const kept = text.split('\n').flatMap((raw) => {
    const [entry] = parseKnownHosts(raw, '');
    if (entry === undefined || entry.marker !== undefined || /[*?!]/.test(entry.hosts)) return [raw];
    if (!matches(entry.hosts, name)) return [raw];
    const others = entry.hosts.split(',').filter((one) => one.toLowerCase() !== name.toLowerCase());
    const rest = entry.hosts.startsWith('|') ? [] : others;
    return rest.length === 0 ? [] : [raw.replace(entry.hosts, rest.join(','))];
  });
  const before = kept.join('\n').replace(/\n*$/, '');
  return `${before === '' ? '' : `${before}\n`}${name} ${key}\n`;
}

/** The fingerprint as `ssh-keygen -lf` prints it: SHA256:… */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The key's type, which is its first field. */
export function keyType(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function entriesFor(entries: readonly KnownHost[], host: string, port: number): readonly KnownHost[] {
  return entries.filter((e) => e.marker === undefined && matches(e.hosts, hostName(host, port)));
}

function hostName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = patterns.split('|');
    const wanted = Buffer.from(hash, 'base64');
    const digest = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
    return wanted.length === digest.length && timingSafeEqual(wanted, digest);
  }
  if (!/[*?!,]/.test(patterns)) return patterns.toLowerCase() === name.toLowerCase();
  const all = patterns.split(',');
  const is = (pattern: string): boolean => globMatches(pattern.toLowerCase(), name.toLowerCase());
  if (all.some((p) => p.startsWith('!') && is(p.slice(1)))) return false;
  return all.some((p) => !p.startsWith('!') && is(p));
}
