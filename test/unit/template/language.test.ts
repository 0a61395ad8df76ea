import { describe, expect, test } from 'vitest';
import { Float, type RawVars, Secret, type TemplateText, Unknown, type Value } from '../../../src/core/value.ts';
import { passwordHash } from '../../../src/template/crypt.ts';
import { filters } from '../../../src/template/filters.ts';
import { omit } from '../../../src/template/globals.ts';
import { lookups } from '../../../src/template/lookups.ts';
import { print } from '../../../src/template/print.ts';
import { makeScope } from '../../../src/template/scope.ts';
import {
  compileExpression,
  compileTemplate,
  filterNames,
  lookupNames,
  resolve,
  templatesIn,
  testNames,
  toPlain,
  truthy,
} from '../../../src/template/template.ts';
import { tests } from '../../../src/template/tests.ts';
import { at, caught, envOf, portsOf, text } from './support.ts';

const run = (source: string, vars: RawVars = {}, files: Readonly<Record<string, string>> = {}): Value =>
  compileTemplate(source, at).evaluate(envOf(vars, files));

describe('values', () => {
  test('a single expression keeps its type', () => {
    expect(run('{{ [1, 2] }}')).toEqual([1, 2]);
    expect(run('{{ 2 * 3 }}')).toBe(6);
    expect(run('{{ none }}')).toBeNull();
    expect(run('{{ true }} ')).toBe('True ');
    expect(run('{% if 1 %}{{ {"a": 1} }}{% endif %}')).toEqual({ a: 1 });
    expect(run('')).toBe('');
  });

  test('None prints as nothing in a text, as in Ansible', () => {
    expect(run('a{{ none }}b')).toBe('ab');
    expect(run('{{ [none] }}!')).toBe('[None]!');
    expect(run('{% for i in [1, 2] %}{{ none }}{{ i }}{% endfor %}')).toBe('12');
    expect(compileTemplate('a{{ none }}', at, { printNone: true }).evaluate(envOf({}))).toBe('aNone');
  });

  test('resolve evaluates lists and dicts, and drops items that are omit', () => {
    const env = envOf({ x: 1 });
    const raw = {
      a: [text('{{ x }}'), text('{{ omit }}'), 'c'],
      b: text('{{ y | default(omit) }}'),
      d: { e: text('v{{ x }}') },
      f: new Float(2),
    };
    expect(resolve(raw, env)).toEqual({ a: [1, 'c'], d: { e: 'v1' }, f: new Float(2) });
    expect(resolve(text('{{ omit }}'), env)).toBe(omit);
    expect(resolve(new Map<Value, TemplateText>([[1, text('{{ x }}')]]), env)).toEqual(new Map([[1, 1]]));
    expect([...templatesIn(raw)].length).toBe(4);
    expect(caught(() => run('x {{ omit }}')).message).toMatch(/omit cannot stand within a text/);
  });

  test('strings keep their backslashes in YAML, but not in files', () => {
    const source = "{{ 'ab' | regex_replace('(a)', '\\1\\1') }}";
    expect(resolve(text(source), envOf({}))).toBe('aab');
    expect(run(source)).toBe('\x01\x01b');
    expect(resolve(text("{{ ['a', 'it\\'s'] | join('\\n') }}"), envOf({}))).toBe("a\\nit\\'s");
  });

  test('plain values for modules', () => {
    expect(toPlain([new Float(1), new Map<Value, Value>([[1, true]]), null])).toEqual([1, { 1: true }, null]);
    expect(toPlain(new Secret('x'))).toBe('x');
  });

  test("truth is Python's", () => {
    for (const value of ['', 0, null, false, [], {}, new Float(0), new Map()]) expect(truthy(value)).toBe(false);
    for (const value of ['no', 'false', 1, [0], new Secret('x')]) expect(truthy(value)).toBe(true);
  });

  test('dicts keep the order of their keys', () => {
    expect(print(run("{{ {'b': 1, '10': 2, '9': 3, 1: 4} }}"))).toBe("{'b': 1, '10': 2, '9': 3, 1: 4}");
    expect(run("{{ {1: 'a'}[1] }}{{ {1: 'a'}[1.0] }}")).toBe('aa');
  });
});

describe('names', () => {
  const names = (source: string) => [...compileTemplate(source, at).names].sort();
  test('only free names are reported', () => {
    expect(
      names('{{ a.b[c] | default(d) }}{% for x in e if x > f %}{{ x }}{{ loop.index }}{% endfor %}{{ x }}'),
    ).toEqual(['a', 'c', 'd', 'e', 'f', 'x']);
    expect(names('{% set a = b %}{{ a }}{% macro m(p, q=r) %}{{ p }}{{ q }}{{ s }}{% endmacro %}{{ m(t) }}')).toEqual([
      'b',
      'r',
      's',
      't',
    ]);
    expect(names("{{ range(n) }}{{ lookup('env', v) }}{{ omit }}{% with w = x %}{{ w }}{% endwith %}")).toEqual([
      'n',
      'v',
      'x',
    ]);
    expect([...compileExpression('a is defined and not b', at).names]).toEqual(['a', 'b']);
  });

  test('a text is compiled once', () => {
    expect(compileTemplate('{{ same }}', at)).toBe(compileTemplate('{{ same }}', at));
  });
});

describe('a template that extends another', () => {
  const files = {
    'base.j2':
      'user {{ who }};\n{% block body %}\nbase\n{% endblock %}\n{% for i in [1, 2] %}{% block row scoped %}{{ i }}{% endblock %}{% endfor %}\n\nend\n',
    'child.j2': "{% extends 'base.j2' %}\n{% block body %}child {{ super() }}{% endblock body %}\n",
    'loop.j2': '{% for i in [1] %}{% block one %}{{ i }}{% endblock %}{% endfor %}',
    'macro.j2': '{% macro hi(n) %}hi {{ n }}{% endmacro %}{% block body %}{% endblock %}',
    'must.j2': '{% block body required %}{% endblock %}',
    'self.j2': "{% extends 'self.j2' %}",
  };
  const cases: readonly (readonly [string, string])[] = [
    ["{% extends 'base.j2' %}", 'user al;\nbase\n12\nend'],
    ["{% extends 'base.j2' %}\n", 'user al;\nbase\n12\nend\n'],
    [
      "before {% extends 'base.j2' %}after{% if true %}{{ who }}{% block x %}x{% endblock %}{% endif %}",
      'before user al;\nbase\n12\nend',
    ],
    [
      "{% extends 'base.j2' %}{% set who = 'bo' %}{% block body %}{{ who }} {{ super() }}{% endblock %}",
      'user bo;\nbo base\n12\nend',
    ],
    [
      "{% extends 'child.j2' %}{% block body %}{{ super() }}grandchild\n{% endblock %}",
      'user al;\nchild base\ngrandchild\n12\nend',
    ],
    ["{% extends 'base.j2' %}{% block row %}<{{ i }}>{% endblock %}", 'user al;\nbase\n<1><2>\nend'],
    ["{% extends 'macro.j2' %}{% block body %}{{ hi('bo') }}{% endblock %}", 'hi bo'],
    ["{% extends 'child.j2' if who == 'al' else 'base.j2' %}", 'user al;\nchild base\n12\nend'],
    ['{% block a %}a{% endblock %}{{ self.a() | upper }}', 'aA'],
    ["{% include 'child.j2' %}|", 'user al;\nchild base\n12\nend|'],
  ];
  for (const [source, expected] of cases) test(source, () => expect(run(source, { who: 'al' }, files)).toBe(expected));

  const mistakes: readonly (readonly [string, RegExp])[] = [
    ["{% include 'loop.j2' %}", /'i' is undefined/], // a block reads names around it only if it is scoped
    ["{% extends 'must.j2' %}", /required block 'body' not found/],
    ["{% extends 'base.j2' %}{% extends 'child.j2' %}", /can extend only one template/],
    ['{% block a %}{{ super() }}{% endblock %}', /no parent block called 'a'/],
    ['{% block a %}{% endblock %}{% block a %}{% endblock %}', /block 'a' defined twice/],
    ["{% for i in [1] %}{% extends 'base.j2' %}{% endfor %}", /extends must not stand within/],
    ["{% extends 'self.j2' %}", /too deep/],
    ["{% extends 'none.j2' %}", /none.j2/],
  ];
  for (const [source, message] of mistakes)
    test(`refuses ${source}`, () => expect(caught(() => run(source, { who: 'al' }, files)).message).toMatch(message));
});

describe('files', () => {
  const files = {
    'part.j2': 'part {{ x }} {{ local }}\n',
    'lib.j2': '{% macro hi(n) %}hi {{ n }}{% endmacro %}{% set answer = 42 %}',
    'self.j2': "{% include 'self.j2' %}",
    'bad.j2': 'one\n{{ nope }}',
  };
  test('include, import, from', () => {
    expect(run("{% set local = 'l' %}{% include 'part.j2' %}", { x: 1 }, files)).toBe('part 1 l');
    expect(run("{% include 'none.j2' ignore missing %}ok", {}, files)).toBe('ok');
    expect(run("{% include ['none.j2', 'lib.j2'] %}ok", {}, files)).toBe('ok');
    expect(run("{% import 'lib.j2' as lib %}{{ lib.hi('al') }} {{ lib.answer }}", {}, files)).toBe('hi al 42');
    expect(run("{% from 'lib.j2' import hi as h, answer %}{{ h('bo') }} {{ answer }}", {}, files)).toBe('hi bo 42');
  });
  test('a list or number on a line of its own stays what it is, as in Ansible', () => {
    expect(run('{{ [1] }}\n', {}, files)).toEqual([1]);
    expect(run('{{ 5 }}\n', {}, files)).toBe(5);
  });
  test('an included file is split into tags as the template that includes it', () => {
    const source = "[% include 'part.j2' %]";
    const options = {
      block_start_string: '[%',
      block_end_string: '%]',
      variable_start_string: '<<',
      variable_end_string: '>>',
    };
    const part = { 'part.j2': '  [% if x %]<< x >>{{ x }}[% endif %]\n' };
    expect(compileTemplate(source, at, { ...options, lstrip_blocks: true }).evaluate(envOf({ x: 1 }, part))).toBe(
      '1{{ x }}',
    );
  });
  test('an included file may change a list', () => {
    const part = { 'part.j2': '{% set _ = l.append(3) %}now {{ l }}' };
    expect(run("{% include 'part.j2' %}", { l: [1] }, part)).toBe('now [1, 3]');
  });
  test('mistakes in included files', () => {
    expect(caught(() => run("{% include 'none.j2' %}", {}, files)).diagnostics[0]).toMatchObject({
      code: 'E_FILE_MISSING',
      at: { col: 14 },
    });
    expect(caught(() => run("{% include 'self.j2' %}", {}, files)).message).toMatch(/too deep/);
    expect(caught(() => run("{% include 'bad.j2' %}", {}, files)).diagnostics[0]?.at).toMatchObject({
      file: 'bad.j2',
      line: 2,
      col: 4,
    });
    expect(caught(() => run("{% from 'lib.j2' import nope %}", {}, files)).message).toMatch(/does not define 'nope'/);
  });
  test('lookups', () => {
    expect(run("{{ lookup('file', 'part.j2') }}", {}, files)).toBe('part {{ x }} {{ local }}');
    expect(run("{{ lookup('template', 'part.j2') }}", { x: 1, local: 2 }, files)).toBe('part 1 2\n');
    expect(run("{{ lookup('file', 'none', errors='ignore') is none }}", {}, files)).toBe(true);
    expect(run("{{ lookup('first_found', ['none', 'lib.j2']) | basename }}", {}, files)).toBe('lib.j2');
    expect(run("{{ query('first_found', {'files': ['a'], 'paths': ['b'], 'skip': true}) }}", {}, files)).toEqual([]);
    expect(run("{{ lookup('env', 'HOME') }}")).toBe('/root');
    expect(run("{{ lookup('random_choice', ['a']) }}")).toEqual(['a']);
    expect(run("{{ lookup('random_choice', 'a') }}")).toBe('a');
  });
  test('a password is created once, and is secret', () => {
    const env = envOf({});
    const get = (source: string) => compileTemplate(source, at).evaluate(env);
    const first = get("{{ lookup('password', 'creds/a length=12 chars=digits') }}");
    expect(first).toBeInstanceOf(Secret);
    expect(first instanceof Secret && first.reveal()).toMatch(/^\d{12}$/);
    expect(toPlain(get("{{ lookup('password', 'creds/a length=12 chars=digits') }}"))).toBe(toPlain(first));
    expect(toPlain(get("{{ lookup('password', 'creds/a', encrypt='sha256') }}"))).toMatch(/^\$5\$/);
  });
});

describe('variables are lazy', () => {
  test('resolved once, at their first use', () => {
    const scope = makeScope(
      [
        { a: text('{{ b }}!'), b: 1 },
        { b: text('{{ c + 1 }}'), c: 2 },
      ],
      portsOf(),
    );
    expect(scope.get('a')).toBe('3!');
    expect(scope.get('nope')).toBeUndefined();
    expect(scope.has('c')).toBe(true);
    expect(scope.names()).toEqual(['a', 'b', 'c']);
  });
  test('a cycle is reported', () => {
    const scope = makeScope([{ a: text('{{ b }}'), b: { x: text('{{ a }}') } }], portsOf());
    expect(caught(() => scope.get('a')).diagnostics[0]).toMatchObject({
      code: 'E_RECURSIVE_VARIABLE',
      message: 'recursive: a -> b -> a',
      at,
    });
    expect(caught(() => scope.get('b')).message).toBe('recursive: b -> a -> b');
  });
  test('another layer changes only what depends on it', () => {
    const base = makeScope([{ a: text('{{ item }}'), list: text('{{ range(3) }}'), b: text('{{ list }}') }], portsOf());
    const first = base.with({ item: 1 });
    const second = base.with({ item: 2 });
    expect([first.get('a'), second.get('a')]).toEqual([1, 2]);
    expect(first.get('b')).toBe(second.get('b'));
    expect(base.with({ list: [9] }).get('b')).toEqual([9]);
    expect(
      base
        .with({ x: text("{{ lookup('vars', 'item') }}") })
        .with({ item: 5 })
        .get('x'),
    ).toBe(5);
    expect(base.with({ item: 1 }).with({ item: 7 }).get('a')).toBe(7);
  });
  test('changing a list changes a copy', () => {
    const env = envOf({ l: [1], d: { k: [1] } });
    const go = (source: string) => compileTemplate(source, at).evaluate(env);
    expect(go('{% do l.append(2) %}{% do d.k.append(3) %}{% do d.update({"z": 1}) %}{{ l }}{{ d }}')).toBe(
      "[1, 2]{'k': [1, 3], 'z': 1}",
    );
    expect(env.get('l')).toEqual([1]);
    expect(env.get('d')).toEqual({ k: [1] });
    expect(go('{% set x = {} %}{% set _ = x.update(a=1) %}{{ x }}')).toEqual({ a: 1 });
  });
});

describe('white space', () => {
  const cases: readonly (readonly [string, object, string])[] = [
    ['a\n  {% if 1 %}\n  b\n  {% endif %}\nc', { lstrip_blocks: true }, 'a\n  b\nc'],
    ['a\n  {% if 1 %}\n  b\n  {% endif %}\nc', {}, 'a\n    b\n  c'],
    ['a\n{% if 1 %}\nb\n{% endif %}\n', { trim_blocks: false }, 'a\n\nb\n'],
    ['a{% if 1 %}b{% endif %}\n\n', {}, 'ab\n\n'],
    ["{{ 'a\\n' }}\n", {}, 'a\n'],
    ['{{ 1 }}\n', { asText: true }, '1\n'],
    ['  {%+ if 1 %}x{% endif +%}\ny', { lstrip_blocks: true }, '  x\ny'],
    [
      '<% if 1 %>[[ 2 ]]<% endif %>{{ x }}<# c #>',
      {
        block_start_string: '<%',
        block_end_string: '%>',
        variable_start_string: '[[',
        variable_end_string: ']]',
        comment_start_string: '<#',
        comment_end_string: '#>',
      },
      '2{{ x }}',
    ],
    ["{{ '}}' }}{{ {'a': {'b': 1}}.a }}", {}, "}}{'b': 1}"],
    ['a\r\n{% if 1 %}\r\nb\r\n{% endif %}', {}, 'a\nb\n'],
  ];
  for (const [source, options, expected] of cases) {
    test(JSON.stringify(source), () => expect(compileTemplate(source, at, options).evaluate(envOf({}))).toBe(expected));
  }
});

describe('addresses', () => {
  const cases: readonly (readonly [string, Value])[] = [
    ["'192.168.1.5/24' | ipaddr('address')", '192.168.1.5'],
    ["'192.168.1.5/24' | ipaddr('network')", '192.168.1.0'],
    ["'192.168.1.5/24' | ipaddr('netmask')", '255.255.255.0'],
    ["'192.168.1.5/255.255.255.0' | ipaddr('prefix')", 24],
    ["'192.168.1.5/24' | ipaddr('host/prefix')", '192.168.1.5/24'],
    ["'192.168.1.0/24' | ipaddr('network/prefix')", '192.168.1.0/24'],
    ["'192.168.1.5/24' | ipaddr('broadcast')", '192.168.1.255'],
    ["'192.168.1.0/24' | ipaddr('net')", '192.168.1.0/24'],
    ["'192.168.1.0/24' | ipaddr('1')", '192.168.1.1/24'],
    ["'10.1.2.3' | ipaddr('10.0.0.0/8')", '10.1.2.3'],
    ["'11.1.2.3' | ipaddr('10.0.0.0/8')", false],
    ["'nonsense' | ipaddr", false],
    ["['10.0.0.1', 'x', '::1'] | ipv4", ['10.0.0.1']],
    ["['10.0.0.1', 'x', '::1'] | ipv6", ['::1']],
    ["'fe80::1' | ipwrap", '[fe80::1]'],
    ["'10.0.0.1' | ipwrap", '10.0.0.1'],
    ["'2001:db8:0:0:1::5/64' | ipaddr('network')", '2001:db8::'],
    ["'10.0.0.0/16' | ipsubnet(24, 3)", '10.0.3.0/24'],
    ["'10.1.2.3' | ipaddr('revdns')", '3.2.1.10.in-addr.arpa.'],
  ];
  for (const [source, expected] of cases) {
    test(source, () => expect(compileExpression(source, at).evaluate(envOf({}))).toEqual(expected));
  }
});

describe('deterministic results', () => {
  test('filters that are random in Ansible are deterministic here', () => {
    for (const source of [
      '[1, 2, 3, 4, 5] | shuffle',
      '1000 | random',
      "100 | random(seed='x')",
      "'pw' | password_hash('sha512')",
    ]) {
      expect(compileExpression(source, at).evaluate(envOf({}))).toEqual(
        compileExpression(source, at).evaluate(envOf({})),
      );
    }
    expect(passwordHash('Hello world!', 'sha512', 'saltstring', undefined)).toBe(
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    );
  });
});

test('a registered result', () => {
  const vars = { r: { failed: true, changed: false, skipped: true, unreachable: true }, u: new Unknown('x') };
  expect(
    compileExpression(
      '[r is failed, r is changed, r is skipped, r is unreachable, r is success, r is finished]',
      at,
    ).evaluate(envOf(vars)),
  ).toEqual([true, false, true, true, false, true]);
  expect(caught(() => compileExpression("'x' is failed", at).evaluate(envOf({}))).message).toMatch(/result of a task/);
});

test('from_yaml uses its port', () => {
  const env = makeScope([{}], { ...portsOf(), parseYaml: (source) => [source] });
  expect(compileExpression("'a' | from_yaml", at).evaluate(env)).toEqual(['a']);
  expect(compileExpression("'a\n---\nb' | from_yaml_all", at).evaluate(env)).toEqual([['a\n'], ['\nb']]);
});

test('names of the tables', () => {
  expect(filterNames).toHaveLength(Object.keys(filters).length);
  expect(testNames).toHaveLength(Object.keys(tests).length);
  expect(lookupNames).toHaveLength(Object.keys(lookups).length);
});
