import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitWords } from '../../../src/core/words.ts';
import { parseKey } from '../../../src/modules/authorized_key.ts';
import { expanded } from '../../../src/modules/command.ts';
import { decodeBytes, encodeBase64, hexBytes } from '../../../src/modules/shared/bytes.ts';

import { modeErrors, octal, resolveMode } from '../../../src/modules/shared/mode.ts';
import { difference, grantStatements, parseGrants, parsePrivileges } from '../../../src/modules/shared/privileges.ts';
import { regex } from '../../../src/modules/shared/regex.ts';
import { isSha2Password } from '../../../src/modules/shared/sha2-password.ts';

describe('modes', () => {
  test('accepts the number that YAML makes of 0644, and rejects that of 644', () => {
    for (const mode of [0o644, 0o600, 0o640, 0o755, 0o750, 0o777, 0o700, 0o444, 0o400, 0o664, 0o1777, 0o2755, 0o4755])
      expect(modeErrors(mode), octal(mode)).toEqual([]);
    for (const mode of [644, 600, 640, 755, 750, 777, 700, 444, 400, 664, 440, 1777, 2755])
      expect(modeErrors(mode), String(mode)).toMatchObject([
        { hint: `write mode: '${String(mode).padStart(4, '0')}', with the quotes` },
      ]);
    expect(modeErrors('u=q')).toHaveLength(1);
  });

  test('interprets symbolic modes as chmod does', () => {
    const dir = mkdtempSync(join(tmpdir(), 'bringup-mode-'));
    const path = join(dir, 'f');
    writeFileSync(path, '');
    const clause = fc
      .tuple(
        fc.constantFrom('u', 'g', 'o', 'a', 'ug', 'go', ''),
        fc.constantFrom('+', '-', '='),
        fc.constantFrom('r', 'w', 'x', 'rw', 'rX', 'X', '', 's', 't', 'u', 'g', 'o'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0o7777 }),
        fc.array(clause, { minLength: 1, maxLength: 3 }),
        (before, clauses) => {
          const mode = clauses.join(',');
          chmodSync(path, before);
          execFileSync('sh', ['-c', 'umask 022; chmod -- "$0" "$1"', mode, path]);
          expect(octal(resolveMode(mode, before, false, 0o022)), `${octal(before)} ${mode}`).toBe(
            octal(statSync(path).mode),
          );
        },
      ),
      { numRuns: 150 },
    );
    rmSync(dir, { recursive: true });
  });
});

test('regular expressions of Python', () => {
  expect(regex('(?P<a>x)(?P=a)').exec('xx')?.groups?.['a']).toBe('x');
  expect(regex('(?i)^a').test('A')).toBe(true);
  expect(regex('a\\Z').test('a')).toBe(true);
  expect(regex('a\\Z').test('a\n')).toBe(false);
  expect(regex('^[]x]+$').test(']x')).toBe(true);
  expect(regex('^a{,2}$').test('aa')).toBe(true);
});

test('the words of a command line', () => {
  expect(splitWords(`a 'b c' "d \\"e\\" $x" f\\ g ''`)).toEqual(['a', 'b c', 'd "e" $x', 'f g', '']);
  expect(splitWords("a 'b")).toBeUndefined();
});

test('variables in words', () => {
  const said = execFileSync(
    'dash',
    ['-u', '-c', `printf '%s|' ${['~/x', 'a$HOME', '$' + '{HOME}b', '$NOPE_', "it's", '$'].map(expanded).join(' ')}`],
    { env: { HOME: '/h' }, encoding: 'utf8' },
  );
  expect(said).toBe("/h/x|a/h|/hb|$NOPE_|it's|$|");
});

test('base64', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      expect(decodeBytes(encodeBase64(bytes))).toEqual(bytes);
    }),
  );
});

test('authorized keys', () => {
  expect(parseKey('from="10.0.0.0/8",command="a b" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@x y')).toEqual({
    options: 'from="10.0.0.0/8",command="a b"',
    type: 'ssh-ed25519',
    data: 'AAAAC3NzaC1lZDI1NTE5AAAA',
    comment: 'me@x y',
  });
  expect(parseKey('-----BEGIN OPENSSH PRIVATE KEY-----')).toBeUndefined();
});

describe('privileges', () => {
  const sql = (lines: readonly string[], priv: string, how: 'exact' | 'append' | 'subtract' = 'exact') => {
    const want = parsePrivileges(priv);
    if (want === undefined) throw new Error(priv);
    return grantStatements(difference(parseGrants(lines), want, how), 'A');
  };
  test.each([
    [
      'as it is',
      ['GRANT USAGE ON *.* TO `u`@`h`', 'GRANT SELECT, INSERT ON `db`.* TO `u`@`h`'],
      'db.*:INSERT,SELECT',
      [],
    ],
    ['all of a database', ['GRANT ALL PRIVILEGES ON `db`.* TO `u`@`h` WITH GRANT OPTION'], 'db.*:ALL,GRANT', []],
    ['too little', ['GRANT SELECT ON `db`.* TO `u`@`h`'], 'db.*:SELECT,INSERT', ['GRANT INSERT ON `db`.* TO A']],
    ['too much', ['GRANT SELECT, DROP ON `db`.* TO `u`@`h`'], 'db.*:SELECT', ['REVOKE DROP ON `db`.* FROM A']],
    [
      'less than all',
      ['GRANT ALL PRIVILEGES ON `db`.* TO `u`@`h`'],
      'db.*:SELECT',
      ['REVOKE ALL PRIVILEGES ON `db`.* FROM A', 'GRANT SELECT ON `db`.* TO A'],
    ],
    [
      'another database',
      ['GRANT SELECT ON `old`.* TO `u`@`h`'],
      'new.*:SELECT',
      ['REVOKE SELECT ON `old`.* FROM A', 'GRANT SELECT ON `new`.* TO A'],
    ],
    [
      "MariaDB's names",
      ['GRANT PROCESS, BINLOG MONITOR ON *.* TO `u`@`h` IDENTIFIED VIA unix_socket'],
      '*.*:PROCESS,REPLICATION CLIENT',
      [],
    ],
    ['columns', ['GRANT SELECT (`a`, `b`) ON `db`.`t` TO `u`@`h`'], 'db.t:SELECT(b,a)', []],
  ])('%s', (_, lines, priv, statements) => {
    expect(sql(lines, priv)).toEqual(statements);
  });
  test('append and subtract', () => {
    const lines = ['GRANT SELECT, DROP ON `db`.* TO `u`@`h`'];
    expect(sql(lines, 'db.*:INSERT', 'append')).toEqual(['GRANT INSERT ON `db`.* TO A']);
    expect(sql(lines, 'db.*:DROP,ALTER', 'subtract')).toEqual(['REVOKE DROP ON `db`.* FROM A']);
  });
});

test('the hash of caching_sha2_password, by a published vector', () => {
  const stored = Uint8Array.from([
    ...new TextEncoder().encode('$A$005$'),
    ...hexBytes('F9CC98CE08892924F50A213B6BC571A2C11778C5'),
    ...hexBytes('625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F'),
  ]);
  const sha = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
  expect(isSha2Password(stored, 'hashcat', sha)).toBe(true);
  expect(isSha2Password(stored, 'Hashcat', sha)).toBe(false);
});
