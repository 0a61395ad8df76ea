import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { coerce } from '../../../src/core/coerce.ts';
import { didYouMean, nearest } from '../../../src/core/diagnostic.ts';
import { redactor } from '../../../src/core/redact.ts';
import { overlaps, parentsOf } from '../../../src/core/resource.ts';
import { lines, sh } from '../../../src/core/sh.ts';
import { Secret } from '../../../src/core/value.ts';

describe('sh', () => {
  it('quotes every value so that a real sh returns it unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        if (text.includes('\0')) return;
        expect(spawnSync('sh', ['-c', sh`printf %s ${text}`.text], { encoding: 'utf8' }).stdout).toBe(text);
      }),
      { numRuns: 100 },
    );
  });
  it('splices scripts, joins lists, remembers secrets', () => {
    const inner = sh`echo ${new Secret('s3cret')}`;
    const outer = lines([sh`set -e`, sh`${inner} ${['a b', 'c']} ${7}`]);
    expect(outer.text).toBe("set -e\necho s3cret 'a b' c 7");
    expect(outer.secrets).toEqual(['s3cret']);
  });
  it('keeps backslashes of sh, and unescapes \\${', () =>
    expect(sh`printf '\n' "\${x}"`.text).toBe('printf \'\\n\' "${x}"'));
  it('rejects a NUL byte', () => expect(() => sh`${'a\0b'}`).toThrow());
});

describe('resources', () => {
  it.each([
    ['path:/etc/nginx', 'path:/etc/nginx/nginx.conf', true],
    ['path:/etc/nginx/nginx.conf', 'path:/etc/nginx', true],
    ['path:/etc/ngin', 'path:/etc/nginx', false],
    ['path:/etc/a/../b', 'path:/etc/b/', true],
    ['path:/', 'path:/etc', true],
    ['unit:*', 'unit:nginx', true],
    ['unit:nginx', 'package:nginx', false],
    ['*', 'cron:root', true],
    ['live:x', 'live:*', true],
    ['dir:/srv/shop', 'path:/srv/shop/hello', true],
    ['dir:/srv/shop', 'path:/srv/shop/deep/hello', false],
    ['dir:/srv', 'path:/srv/shop/hello', false],
    ['dir:/srv', 'path:/srv', false],
    ['path:/srv/shop', 'dir:/srv', false],
  ])('%s and %s: %s, computed and cached', (a, b, expected) =>
    expect([overlaps([a], [b]), overlaps([a], [b])]).toEqual([expected, expected]),
  );
  it('directories above a path', () => {
    expect(parentsOf('/a/b/../c/d')).toEqual(['dir:/a/c', 'dir:/a']);
    expect(parentsOf('/a')).toEqual([]);
  });
});

describe('coercion', () => {
  it.each([
    ['yes', Type.Boolean(), true],
    ['off', Type.Boolean(), false],
    ['maybe', Type.Boolean(), 'maybe'],
    ['42', Type.Integer(), 42],
    [8, Type.String(), '8'],
    [true, Type.String(), 'True'],
    ['a, b,c', Type.Array(Type.String()), ['a', 'b', 'c']],
    ['x', Type.Array(Type.String()), ['x']],
    [5, Type.Union([Type.String(), Type.Integer()]), 5],
    ['yes', Type.Union([Type.Literal('dist'), Type.Boolean()]), true],
  ])('%j', (value, schema, expected) => expect(coerce(value, schema)).toEqual(expected));
});

describe('redaction', () => {
  it('hides private keys although nobody marked them as secret', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n';
    const shown = JSON.stringify(
      redactor().hide({ diff: { before: null, after: `cert\n${key}more\n` }, cut: key.slice(0, 45) }),
    );
    expect(shown).not.toMatch(/MIGH/);
    expect(shown).toMatch(/cert.*BEGIN PRIVATE KEY.*more/);
  });

  it('hides every secret anywhere, also line by line', () => {
    const { add, hide } = redactor();
    add('hunter2');
    add('first line of it\nsecond line of it\n');
    expect(hide({ a: ['xhunter2y', { b: 'second line of it' }], n: 1 })).toEqual({
      a: ['x[REDACTED]y', { b: '[REDACTED]' }],
      n: 1,
    });
  });
  it('replaces the longest secret first', () => {
    const { add, hide } = redactor();
    add('abc');
    add('abcdef');
    expect(hide('abcdef')).toBe('[REDACTED]');
  });
  it('never prints a Secret by accident', () =>
    expect(`${new Secret('x1')} ${JSON.stringify({ s: new Secret('x1') })}`).not.toContain('x1'));
});

describe('suggestions', () => {
  it('name the most likely word', () => {
    expect(nearest('strated', ['stopped', 'started'])).toBe('started');
    expect(nearest('zzz', ['started'])).toBeUndefined();
    expect(didYouMean('wbe', ['web', 'db']).hint).toContain("'web'");
  });
});
