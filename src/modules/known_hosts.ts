import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { args, flag, text } from './shared/args.ts';
import { decodeBytes, encodeBase64 } from './shared/bytes.ts';
import { fileEdits, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import type { Seen } from './shared/path-state.ts';
import { hmacSha1, sha1 } from './shared/sha1.ts';

const Args = args({
  name: Type.String({
    pattern: '^[^\\s,]+$',
    expected: 'one host name, or [name]:port',
    description: 'The name of the host.',
  }),
  key: text('The line of the key: name, type, key. Required with present. With absent, only this key is removed.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the key is in the file.' }),
  hash_host: flag('Write a hash of the name instead of the name.'),
  path: Type.String({
    default: '/etc/ssh/ssh_known_hosts',
    pattern: '^/',
    expected: 'a path on the host',
    description: 'The known_hosts file.',
  }),
});
type Args = Static<typeof Args>;

export const known_hosts = defineModule<typeof Args, Seen>({
  name: 'known_hosts',
  summary: "Adds or removes a host's public key in known_hosts.",
  args: Args,
  aliases: { host: 'name' },
  examples: [
    {
      title: 'Add a host',
      args: {
        name: 'git.foobar.com',
        key: 'git.foobar.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
      },
    },
  ],
  verify: ({ state, key }) =>
    state === 'present' && key === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'key'" })] : [],
  needs: ({ path }) => [`path:${path}`],
  touches: ({ path }) => [`path:${path}`],
  edits: fileEdits,
  probe: ({ path }) => probeText({ path }),
  parse: (stdout, { path }) => parseText(stdout, { path }),
  plan: (now, given, ctx) =>
    planEdit(
      now,
      { path: given.path, create: true },
      ctx,
      (before) => edit(before, given, ctx.nonce),
      given.state === 'absent',
    ),
  data: (_, { name, state }) => ({ name, state }),
});

type EditArgs = Pick<Args, 'name' | 'key' | 'state'> & Partial<Pick<Args, 'hash_host'>>;

/** @param salt the seed for the salts of new hashes */
export function edit(before: string, { name, key = '', state, hash_host = false }: EditArgs, salt = ''): string {
  const was = splitLines(before);
  const given = key.split('\n').flatMap((line) => entryOf(line) ?? []);
  const isOf = (entry: Entry | undefined): boolean => entry?.hosts.some((host) => isName(host, name)) === true;
  if (state === 'absent') {
    const left = was.list.filter((line) => {
      const entry = entryOf(line);
      return !isOf(entry) || (key !== '' && !given.some((one) => isSameKey(one, entry)));
    });
    return left.length === was.list.length ? before : joinLines(left, was);
  }
  const isThere = (one: Entry): boolean =>
    was.list.some((line) => {
      const entry = entryOf(line);
      return entry !== undefined && isSameKey(one, entry) && (isOf(entry) || one.hosts.join() === entry.hosts.join());
    });
  // A host has one key of each type, so a new key replaces the older one. It may have several certificate authorities.
  const kept = was.list.filter((line) => {
    const entry = entryOf(line);
    const rival = (one: Entry): boolean =>
      one.marker === '' && entry?.marker === '' && one.type === entry.type && !isSameKey(one, entry);
    return !isOf(entry) || !given.some(rival);
  });
  const missing = given.filter((one) => !isThere(one)).map((one) => (hash_host ? hashed(one, salt) : one.line));
  return missing.length === 0 && kept.length === was.list.length
    ? before
    : joinLines([...kept, ...missing], { eol: was.eol, final: true });
}

/** A line of known_hosts. `marker` is a word such as @cert-authority. */
type Entry = Readonly<{ line: string; marker: string; hosts: readonly string[]; type: string; key: string }>;

function entryOf(text: string): Entry | undefined {
  const line = text.trim();
  const words = line.split(/\s+/);
  const marker = words[0]?.startsWith('@') === true ? (words.shift() ?? '') : '';
  const [hosts = '', type, key] = words;
  if (line.startsWith('#') || type === undefined || key === undefined) return undefined;
  return { line, marker, hosts: hosts.split(','), type, key };
}

function isSameKey(one: Entry, other: Entry | undefined): boolean {
  return other !== undefined && one.marker === other.marker && one.type === other.type && one.key === other.key;
}

/** Compares the name itself, or its hash: |1|salt|HMAC-SHA1, both in base64. */
function isName(host: string, name: string): boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|(.+)$/.exec(host) ?? [];
  if (salt === undefined || hash === undefined) return host === name;
  return encodeBase64(hmacSha1(decodeBytes(salt), name)) === hash;
}

function hashed({ marker, hosts, type, key }: Entry, seed: string): string {
  return hosts
    .map((host) => {
      const salt = sha1(new TextEncoder().encode(`${seed} ${host} ${key}`));
      const name = `|1|${encodeBase64(salt)}|${encodeBase64(hmacSha1(salt, host))}`;
      return [marker, name, type, key].filter((word) => word !== '').join(' ');
    })
    .join('\n');
}
