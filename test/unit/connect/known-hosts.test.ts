import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { algorithmsFor, fingerprint, keyType, parseKnownHosts, pin, verify } from '../../../src/connect/known-hosts.ts';

const key = (type: string, tail: string): Buffer => {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(tail)]);
};
const A = key('ssh-ed25519', 'aaaa');
const B = key('ssh-rsa', 'bbbb');
const line = (hosts: string, k = A, marker = ''): string => `${marker}${hosts} ${keyType(k)} ${k.toString('base64')}`;
const hashed = (name: string): string => {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};
const is = (text: string, host: string, port = 22, k = A): string =>
  verify(parseKnownHosts(text, 'f'), host, port, k).is;

describe('a host key', () => {
  it.each([
    ['its own name', line('web1'), 'web1', 22, 'known'],
    ['one of several names', line('a,web1,10.0.0.1'), '10.0.0.1', 22, 'known'],
    ['another name', line('web2'), 'web1', 22, 'unknown'],
    ['a hashed name', line(hashed('web1')), 'web1', 22, 'known'],
    ['another hashed name', line(hashed('web2')), 'web1', 22, 'unknown'],
    ['a port of its own', line('[web1]:2222'), 'web1', 2222, 'known'],
    ['another port', line('web1'), 'web1', 2222, 'unknown'],
    ['a wildcard', line('web?,*.lan'), 'db.lan', 22, 'known'],
    ['a wildcard with an exception', line('*.lan,!db.lan'), 'db.lan', 22, 'unknown'],
    ['a key that is not it', line('web1', B), 'web1', 22, 'changed'],
    ['one key of two', `${line('web1', B)}\n${line('web1')}`, 'web1', 22, 'known'],
    ['a revoked key', `${line('web1')}\n${line('*', A, '@revoked ')}`, 'web1', 22, 'revoked'],
    ['comments, blanks and rubbish', `# x\n\nfoo\n${line('web1')}`, 'web1', 22, 'known'],
    ['nothing', '', 'web1', 22, 'unknown'],
  ])('is found or not for %s', (_, text, host, port, verdict) => expect(is(text, host, port)).toBe(verdict));

  it('of a known type is requested first, so that another type does not look like a changed key', () => {
    const [first] = algorithmsFor(parseKnownHosts(line('web1', B), 'f'), 'web1', 22);
    expect(first).toBe('rsa-sha2-512');
    expect(algorithmsFor([], 'web1', 22)[0]).toBe('ssh-ed25519');
  });

  it('has the fingerprint that ssh-keygen prints', () => {
    expect(fingerprint(Buffer.from('abc'))).toBe('SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0');
  });
});

describe('pinning a key', () => {
  const pinned = (text: string, port = 22) => pin(text, 'web1', port, 'ssh-ed25519 NEW');
  it.each([
    ['an empty file', '', 'web1 ssh-ed25519 NEW\n'],
    ['other hosts and comments', '# mine\nweb2 ssh-rsa A\n', '# mine\nweb2 ssh-rsa A\nweb1 ssh-ed25519 NEW\n'],
    ['no line break at the end', 'web2 ssh-rsa A', 'web2 ssh-rsa A\nweb1 ssh-ed25519 NEW\n'],
    ['old keys of the host', 'web1 ssh-rsa A\nWEB1 ssh-ed25519 B\n', 'web1 ssh-ed25519 NEW\n'],
    ['a line of several hosts', 'a,web1,b ssh-rsa A\n', 'a,b ssh-rsa A\nweb1 ssh-ed25519 NEW\n'],
    ['a hashed name', `${hashed('web1')} ssh-rsa A\n${hashed('web2')} ssh-rsa B`.replace(/^.*\n/, ''), undefined],
    ['a revoked key', '@revoked web1 ssh-rsa A\n', '@revoked web1 ssh-rsa A\nweb1 ssh-ed25519 NEW\n'],
    ['a pattern', 'web* ssh-rsa A\n', 'web* ssh-rsa A\nweb1 ssh-ed25519 NEW\n'],
  ])('%s', (_, before, after) => expect(pinned(before)).toBe(after ?? `${before}\nweb1 ssh-ed25519 NEW\n`));
  it('replaces a hashed name', () => expect(pinned(`${hashed('web1')} ssh-rsa A\n`)).toBe('web1 ssh-ed25519 NEW\n'));
  it('knows ports', () =>
    expect(pinned('web1 ssh-rsa A\n', 2222)).toBe('web1 ssh-rsa A\n[web1]:2222 ssh-ed25519 NEW\n'));
});
