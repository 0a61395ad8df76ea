import { describe, expect, test } from 'vitest';
import type { Code } from '../../../src/core/errors/index.ts';
import { compileExpression, compileTemplate, resolve } from '../../../src/template/template.ts';
import { at, caught, envOf, text } from './support.ts';

const vars = { x: 'abc', n: 5, list: [1, 2], conf: { port: 80 }, many: Array.from({ length: 3000 }, (_, i) => i) };

// [template, code, line, col, message]: the text starts at line 7, column 3; its further lines start at column 1.
const cases: readonly (readonly [string, Code, number, number, string])[] = [
  ['{{ y }}', 'E_UNDEFINED_VARIABLE', 7, 6, "'y' is undefined"],
  ['a\n  {{ x | nofilter }}', 'E_UNKNOWN_PLUGIN', 8, 10, "no filter named 'nofilter'"],
  ['{{ x is notest }}', 'E_UNKNOWN_PLUGIN', 7, 11, "no test named 'notest'"],
  ["{{ lookup('fil', 'a') }}", 'E_UNKNOWN_PLUGIN', 7, 13, "no lookup named 'fil'"],
  ['{{ rang(3) }}', 'E_UNKNOWN_PLUGIN', 7, 6, "no function named 'rang'"],
  ["{{ list | map('uper') }}", 'E_UNKNOWN_PLUGIN', 7, 17, "no filter named 'uper'"],
  ["{{ list | selectattr('a', 'definde') }}", 'E_UNKNOWN_PLUGIN', 7, 29, "no test named 'definde'"],
  ['{{ conf.prot }}', 'E_UNDEFINED_ATTRIBUTE', 7, 11, "'dict object' has no attribute 'prot'"],
  ['{{ conf.prot.deep }}', 'E_UNDEFINED_ATTRIBUTE', 7, 11, "'dict object' has no attribute 'prot'"],
  ['{{ list[9] }}', 'E_UNDEFINED_VALUE', 7, 10, 'list object has no element 9'],
  ["{{ 'a' + 1 }}", 'E_TEMPLATE_VALUE', 7, 10, 'can only concatenate str (not "int") to str'],
  ['{{ 1 / 0 }}', 'E_TEMPLATE_VALUE', 7, 8, 'division by zero'],
  ['{{ x', 'E_TEMPLATE_SYNTAX', 7, 3, "'{{' is never closed"],
  ['{{ (x }}', 'E_TEMPLATE_SYNTAX', 7, 9, "unexpected '}', expected ')'"],
  ['{% if x %}\n', 'E_TEMPLATE_SYNTAX', 7, 6, "'if' is never closed"],
  ['a\nb\n{% endif %}', 'E_TEMPLATE_SYNTAX', 9, 4, "unknown tag 'endif'"],
  ['{{ x x }}', 'E_TEMPLATE_SYNTAX', 7, 8, "unexpected 'x'"],
  ["{{ 'x }}", 'E_TEMPLATE_SYNTAX', 7, 6, 'the string is never closed'],
  ['{{ ! }}', 'E_TEMPLATE_SYNTAX', 7, 6, 'unexpected character "!"'],
  ['{{ }}', 'E_TEMPLATE_SYNTAX', 7, 6, 'expected an expression, got the end'],
  ['{# x', 'E_TEMPLATE_SYNTAX', 7, 3, 'missing end of comment tag'],
  ['{% for a, b in list %}{% endfor %}', 'E_TEMPLATE_VALUE', 7, 10, "'int' object is not iterable"],
  ["{{ lookup('config', 'x') }}", 'E_UNSUPPORTED_PLUGIN', 7, 6, "the lookup 'config' is not supported"],
  ['{{ x | indent(wdth=2) }}', 'E_TEMPLATE_VALUE', 7, 10, "indent() got an unexpected keyword argument 'wdth'"],
  ['{{ x | upper(1, 2) }}', 'E_TEMPLATE_VALUE', 7, 10, 'upper() takes at most 0 arguments, 2 given'],
  ['{{ 9007199254740993 }}', 'E_TEMPLATE_SYNTAX', 7, 6, 'the integer is too large: more than 53 bits'],
  ['{{ 2 ** 70 }}', 'E_TEMPLATE_VALUE', 7, 8, 'the integer is too large: more than 53 bits'],
  ['{% set list.a = 1 %}', 'E_TEMPLATE_VALUE', 7, 10, "'list' is no namespace: only a namespace's fields can be set"],
  ['{{ x.upper }}', 'E_TEMPLATE_VALUE', 7, 3, '<function upper> is no value'],
];

describe('a mistake is reported with its position', () => {
  for (const [source, code, line, col, message] of cases) {
    test(source, () => {
      const { diagnostics } = caught(() => compileTemplate(source, at).evaluate(envOf(vars)));
      expect(diagnostics[0]).toMatchObject({ code, message, at: { file: 'play.yml', line, col } });
    });
  }

  test('all unknown names at once', () => {
    const { diagnostics } = caught(() => compileTemplate('{{ a | uper | lwer }}{{ b is definde }}', at));
    expect(diagnostics.map((d) => d.message)).toEqual([
      "no filter named 'lwer'",
      "no filter named 'uper'",
      "no test named 'definde'",
    ]);
    expect(diagnostics.map((d) => d.hint)).toContain("write 'upper' instead of 'uper'");
  });

  test('the nearest variable and key', () => {
    const name = caught(() => compileTemplate('{{ lsit }}', at).evaluate(envOf(vars)));
    expect(name.diagnostics[0]?.hint).toBe("write 'list' instead of 'lsit'");
    const key = caught(() => compileTemplate('{{ conf.prot }}', at).evaluate(envOf(vars)));
    expect(key.diagnostics[0]?.hint).toBe("write 'port' instead of 'prot'");
  });

  test('in a bare expression', () => {
    const { diagnostics } = caught(() => compileExpression('n > and', at));
    expect(diagnostics[0]).toMatchObject({ code: 'E_TEMPLATE_SYNTAX', at: { line: 7, col: 7 } });
    const vague = caught(() => compileExpression('n > y', at).evaluate(envOf(vars)));
    expect(vague.diagnostics[0]).toMatchObject({ code: 'E_UNDEFINED_VARIABLE', at: { line: 7, col: 7, length: 1 } });
  });

  test('in a variable that another one uses', () => {
    const env = envOf({ a: text('{{ b }}'), b: text('x {{ nope }}') });
    expect(caught(() => env.get('a')).diagnostics[0]).toMatchObject({ message: "'nope' is undefined", at: { col: 8 } });
  });
});

describe('limits', () => {
  const endless = [
    ['{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}', /too long/],
    ["{% set ns = namespace(t='x') %}{% for i in range(40) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}", /too long/],
    ['{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', /too deep/],
    ["{{ 'x' * 1000000000 }}", /too long/],
    ['{{ [1] * 1000000000 }}', /too long/],
    ['{{ range(100000000) | list }}', /too long/],
    ["{{ '%1000000000d' % 1 }}", /too wide/],
    ["{{ 'x'.ljust(1000000000) }}", /too long/],
    ['{{ many | permutations(5) | list | length }}', /too long/],
    [`{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`, /too deep/],
    [`{{ ${'not '.repeat(5000)}1 }}`, /too deep/],
    [`{{ ${'[0]'.repeat(3)}${' | list'.repeat(6000)} }}`, /too deep|has no element/],
  ] as const;
  for (const [source, message] of endless) {
    test(source.slice(0, 60), () => {
      expect(caught(() => compileTemplate(source, at).evaluate(envOf(vars))).message).toMatch(message);
    });
  }
});

describe('a template cannot reach properties of JavaScript', () => {
  for (const name of [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '__class__',
    '__init__',
    'valueOf',
  ]) {
    for (const of of ['x', 'n', 'list', 'conf', 'range', '{}', '[]', '(1,)', "''", '1.5', 'true', 'none', 'loop']) {
      test(`${of}.${name}`, () => {
        const loop = (inner: string) => `{% for i in [1] %}${inner}{% endfor %}`;
        for (const access of [`${of}.${name}`, `${of}['${name}']`, `${of} | attr('${name}')`]) {
          const run = () => compileTemplate(loop(`{{ ${access} }}`), at).evaluate(envOf(vars));
          expect(caught(run).message).toMatch(/has no attribute|has no element/);
        }
      });
    }
  }

  test('names and keys', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(caught(() => compileTemplate(`{{ ${name} }}`, at).evaluate(envOf(vars))).message).toContain('undefined');
      expect(caught(() => compileTemplate(`{{ x | ${name} }}`, at)).diagnostics[0]?.code).toBe('E_UNKNOWN_PLUGIN');
      expect(caught(() => compileTemplate(`{{ x is ${name} }}`, at)).diagnostics[0]?.code).toBe('E_UNKNOWN_PLUGIN');
      expect(caught(() => compileTemplate(`{% ${name} %}`, at)).diagnostics[0]?.code).toBe('E_TEMPLATE_SYNTAX');
    }
    const made = compileTemplate("{{ {'__proto__': {'polluted': 1}} | combine({'a': 1}) }}", at).evaluate(envOf({}));
    expect(made).toBeInstanceOf(Map);
    const read = resolve(text('{{ \'{"__proto__": {"polluted": 1}}\' | from_json }}'), envOf({}));
    expect(read).toBeInstanceOf(Map);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
