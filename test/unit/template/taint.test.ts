import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/core/diagnostic.ts';
import { Secret, Unknown, type Value } from '../../../src/core/value.ts';
import { print } from '../../../src/template/print.ts';
import {
  compileExpression,
  compileTemplate,
  filterNames,
  findUnknown,
  testNames,
  toPlain,
  truthy,
} from '../../../src/template/template.ts';
import { at, envOf } from './support.ts';

const unknown = new Unknown('task install');
const secret = new Secret('hunter2 hunter2');
const vars = {
  u: unknown,
  s: secret,
  has: { u: unknown, s: secret, k: 1 },
  list: ['a', unknown, 'b'],
  ok: 'ok',
  no: false,
};
const run = (source: string): Value => compileTemplate(source, at).evaluate(envOf(vars));

describe('unknown values stay unknown', () => {
  const cases = [
    '{{ u }}', 'a {{ u }} b', '{{ u.a.b }}', "{{ u['x'] }}", '{{ u[1:] }}', '{{ u + 1 }}', '{{ 1 ~ u }}', '{{ -u }}', '{{ not u }}',
    '{{ u == 1 }}', "{{ 'a' in u }}", '{{ u and 1 }}', "{{ 'a' if u else 'b' }}", '{% if u %}a{% endif %}', '{% for i in u %}a{% endfor %}',
    '{{ u | default(1) }}', '{{ u | upper }}', '{{ u is defined }}', '{{ u is undefined }}', '{{ u is string }}', '{{ u is success }}',
    '{{ ok | replace(u, 1) }}', "{{ list | join(',') }}", '{{ has | to_json }}', "{{ '%s' % u }}", "{{ '{}'.format(u) }}", '{{ ok.replace(u, ok) }}',
    '{% set x = u %}{{ x }}', '{% macro m(a) %}{{ a }}{% endmacro %}{{ m(u) }}', '{% filter upper %}{{ u }}{% endfilter %}',
    "{{ list | select('eq', 'b') | list }}", '{{ list | sort }}', '{{ list | first ~ list[1] }}', '{{ u | ternary(1, 2) }}', '{{ range(u) }}',
    "{{ lookup('file', u) }}", '{{ list | unique }}', '{{ [1, 2] | max ~ u }}', '{{ {u: 1} }}', 'x {{ list }}', '{% set a, b = u %}{{ a }}',
  ]; // biome-ignore format: a table
  for (const source of cases) test(source, () => expect(run(source)).toBe(unknown));

  test('a result that does not depend on it is known', () => {
    expect(run('{{ has.k }}')).toBe(1);
    expect(run('{{ list | length }}')).toBe(3);
    expect(run('{{ list | first }}')).toBe('a');
    expect(run('{{ no and u }}')).toBe(false);
    expect(run("{{ 'a' if no else 'b' }}{% if no %}{{ u }}{% endif %}")).toBe('b');
    expect(run('{{ list is defined }}')).toBe(true);
    expect(run("{{ list | map('default', 'x') | list }}")).toEqual(['a', unknown, 'b']);
    expect(run('{{ has | combine({"u": 2}) }}')).toEqual({ u: 2, s: secret, k: 1 });
  });

  test('truth and search', () => {
    expect(truthy(unknown)).toBe(unknown);
    expect(findUnknown(run('{{ [1, {"a": u}] }}'))).toBe(unknown);
    expect(findUnknown({ a: [1] })).toBeUndefined();
  });

  test('every filter and test', () => {
    for (const name of filterNames) {
      if (name === 'json_query') continue;
      const value = attempt(`u | ${name}`);
      if (value !== undefined) expect(value, name).toBe(unknown);
    }
    for (const name of testNames) {
      const value = attempt(`u is ${name}`);
      if (value !== undefined) expect(value, name).toBe(unknown);
    }
  });
});

describe('secret values stay secret', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{{ s }}', 'hunter2 hunter2'],
    ['a {{ s }}', 'a hunter2 hunter2'],
    ['{{ s | upper }}', 'HUNTER2 HUNTER2'],
    ["{{ s ~ '!' }}", 'hunter2 hunter2!'],
    ["{{ '%s-%s' | format(s, 1) }}", 'hunter2 hunter2-1'],
    ['{{ s[0] }}', 'h'],
    ['{{ s[:7] }}', 'hunter2'],
    ["{{ s.split(' ')[0] }}", 'hunter2'],
    ['{{ has | to_json }}'.replace('has', '{"a": s}'), '{"a": "hunter2 hunter2"}'],
    ["{{ [s, 'x'] | join(',') }}", 'hunter2 hunter2,x'],
    ['{{ s | hash("md5") }}', 'c71dc0ff3ee5ae31c85c0cf7d1ecca9b'],
    ['{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(s) }}', '<hunter2 hunter2>'],
    ['{% set x %}{{ s }}{% endset %}{{ x }}', 'hunter2 hunter2'],
    ['{% filter upper %}{{ s }}{% endfilter %}', 'HUNTER2 HUNTER2'],
    ["{{ s | regex_replace('^(.).*', '\\\\1') }}", 'h'],
    ["{{ s | default('x') }}", 'hunter2 hunter2'],
    ["{{ 'x' | ternary(s, 1) }}", 'hunter2 hunter2'],
  ];
  for (const [source, revealed] of cases) {
    test(source, () => {
      const value = run(source);
      expect(value).toBeInstanceOf(Secret);
      if (source.includes('md5')) return;
      expect(value instanceof Secret && value.reveal()).toBe(revealed);
    });
  }

  test('answers are plain', () => {
    expect(run("{{ s == 'hunter2 hunter2' }}")).toBe(true);
    expect(run("{{ 'hunter' in s }}")).toBe(true);
    expect(run('{{ s is string }}')).toBe(true);
    expect(run("{{ s is match('h') }}")).toBe(true);
    expect(run('{{ s | length }}')).toBe(15);
    expect(run("{{ s.startswith('h') }}")).toBe(true);
    expect(run('{{ has.k }}')).toBe(1);
  });

  test('a number made of a secret takes part in arithmetic, but is not shown', () => {
    const env = envOf({ s: new Secret('8080') });
    const port = compileExpression('(s | int) + 1', at).evaluate(env);
    expect(print(port)).toBe('[REDACTED]');
    expect(port instanceof Secret && port.reveal()).toBe('8081');
  });

  test('is revealed for a module, and reported to the redactor', () => {
    const told: string[] = [];
    expect(toPlain({ a: [secret], b: 1 }, (text) => told.push(text))).toEqual({ a: ['hunter2 hunter2'], b: 1 });
    expect(told).toEqual(['hunter2 hunter2']);
  });

  test('an error message does not quote it', () => {
    for (const source of [
      '{{ s | human_to_bytes }}',
      '{{ s + 1 }}',
      '{{ s | from_json }}',
      '{{ {s: 1} }}',
      '{{ s | to_datetime }}',
      '{{ s.nope }}',
      '{{ s | urlsplit(s) }}',
      '{{ {} [s] }}',
      "{{ 'x' | indent(**{'a': s}) }}",
    ]) {
      try {
        run(source);
        throw new Error(`${source} did not fail`);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
        expect(JSON.stringify((error as Failure).diagnostics)).not.toContain('hunter2');
      }
    }
  });

  test('no chain of filters shows it', () => {
    const word = 'Zq9Xw7Kp';
    const env = envOf({ s: new Secret(word), l: ['a', new Secret(word)], d: { k: new Secret(word) }, x: 'abc' });
    const filters = filterNames.filter((name) => !['password_hash', 'permutations', 'product'].includes(name));
    const source = fc
      .tuple(
        fc.constantFrom(
          's',
          'l',
          'd',
          '[s, x]',
          "{'a': s}",
          '(s, 1)',
          's ~ x',
          's * 2',
          'd.items()',
          'd.values()',
          "'%s' % s",
          's[::-1][::-1]',
          'dict(a=s)',
          "'{0}'.format(s)",
          'l + [s]',
          'd.k',
          'l[1]',
        ),
        fc.array(
          fc.oneof(
            fc.constantFrom(...filters),
            fc.constantFrom(
              "default('x')",
              "map('string')",
              "map(attribute='k', default=s)",
              "join(',')",
              'combine(d)',
              'zip(l)',
              "regex_findall('.+')",
              "replace('Z', 'Z')",
              'union(l)',
              "split('Q')",
              'ternary(s, x)',
              'product(l)',
              'batch(1)',
              'indent(2)',
              "regex_replace('(.*)', '\\\\1')",
              "extract({'x': s})",
              'dict2items',
              'items2dict',
              'subelements(0)',
              'groupby(0)',
              'dictsort',
            ),
          ),
          { maxLength: 4 },
        ),
        fc.constantFrom('', 'a '),
      )
      .map(([head, pipeline, before]) => `${before}{{ ${[head, ...pipeline].join(' | ')} }}`);
    fc.assert(
      fc.property(source, (template) => {
        try {
          expect(print(compileTemplate(template, at).evaluate(env))).not.toContain(word);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          expect(JSON.stringify(error.diagnostics)).not.toContain(word);
        }
      }),
      { seed: 1, numRuns: 1500 },
    );
  });
});

/** undefined if it needs arguments. */
function attempt(expression: string): Value | undefined {
  try {
    return compileExpression(expression, at).evaluate(envOf(vars));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
