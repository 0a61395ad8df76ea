import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/core/diagnostic.ts';
import { Float } from '../../../src/core/value.ts';
import { print } from '../../../src/template/print.ts';
import { compileTemplate } from '../../../src/template/template.ts';
import { envOf } from './support.ts';

const vars = {
  i: 7, z: 0, neg: -3, f: 2.5, g: new Float(4), t: true, nul: null, s: 'Hello, World', e: '', ml: 'a b\n  c\n\nd', l: [3, 1, 2], ls: ['b', 'A', 'c', 'a'],
  d: { k: 'v', n: 1, a: [1, 2] }, rows: [{ name: 'a', up: true, w: 1 }, { name: 'b', up: false, w: 3 }, { name: 'B', up: true, w: 2 }],
}; // biome-ignore format: a table

/** Renders everything in one process. A case that fails gives null. */
const oracle = `
import copy, json, sys, jinja2
env = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, extensions=['jinja2.ext.do', 'jinja2.ext.loopcontrols'])
given = json.load(sys.stdin)
out = []
def newlines(text): return len(text) - len(text.rstrip('\\n'))
def rendered(source):
    text = env.from_string(source).render(copy.deepcopy(given['vars']))
    return text + '\\n' * (newlines(source) - newlines(text)) # as Ansible does
for source in given['templates']:
    try: out.append(rendered(source))
    except Exception: out.append(None)
json.dump(out, sys.stdout)
`;
const pythons = ['/usr/bin/python3', 'python3'];
const python = pythons.find((path) => spawnSync(path, ['-c', 'import jinja2']).status === 0);

function expected(templates: readonly string[]): readonly (string | null)[] {
  const input = JSON.stringify({ templates, vars }, (_, value) =>
    value instanceof Float ? `float:${value.value}` : value,
  );
  const typed = input.replace(/"float:([\d.]+)"/g, '$1.0');
  const { stdout, stderr } = spawnSync(python ?? 'python3', ['-c', oracle], { input: typed, maxBuffer: 1 << 28 });
  if (stdout.length === 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString()) as readonly (string | null)[];
}

function ours(template: string): string | null {
  try {
    return print(
      compileTemplate(template, { file: 't', line: 1, col: 1 }, { printNone: true, asText: true }).evaluate(
        envOf(vars),
      ),
    );
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

const { expr } = fc.letrec<{ expr: string }>((tie) => ({
  expr: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...Object.keys(vars), '1', '0', '2.0', '1e3', "'x'", "'a-b c'", "'%s|%05.2f'", 'none', 'true', '[]', '{}', '(1,)', "'é\\n'", 'missing', 'd.k', "d['a']", 'rows[0].name', 'range(4)|list'),
    fc.tuple(tie('expr'), fc.constantFrom('+', '-', '*', '/', '//', '%', '~', '==', '!=', '<', '>=', 'in', 'not in', 'and', 'or'), tie('expr')).map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc.tuple(tie('expr'), fc.constantFrom('upper', 'lower', 'title', 'capitalize', 'trim', 'length', 'first', 'last', 'string', 'list', 'int', 'float', 'abs', 'round', 'round(1)', 'sum', 'max', 'min', 'sort', 'unique|list', 'reverse|list', "join('-')", "default('dflt')", "default('dflt', true)", "replace('l', 'L')", 'e', 'tojson', 'wordcount', 'string|truncate(7)', 'string|truncate(7, true)', 'indent(2)', 'indent(1, true)', 'center(9)', 'batch(2)|list', 'slice(2)|list', 'dictsort', "map('upper')|list", "select|list", "reject('odd')|list", "selectattr('up')|map(attribute='name')|list", "groupby('up')|list", "sort(attribute='w', reverse=true)|map(attribute='name')|join", 'urlencode', 'wordwrap(5)', 'striptags', 'filesizeformat', 'items|list', "format(1, 2)", 'xmlattr', "min(attribute='w')", "sum(attribute='w')")).map(([a, name]) => `(${a} | ${name})`),
    fc.tuple(tie('expr'), fc.constantFrom('defined', 'undefined', 'none', 'string', 'number', 'integer', 'float', 'boolean', 'mapping', 'sequence', 'iterable', 'odd', 'even', 'divisibleby 2', 'lower', 'upper', 'in [1, 2]', 'eq 1', 'lt 3', 'true', 'false', 'callable')).map(([a, name]) => `(${a} is ${name})`),
    fc.tuple(tie('expr'), fc.constantFrom('.upper()', '.split()', ".split('l')", ".split(' ', 1)", ".rsplit('o', 1)", '.strip()', '.title()', ".startswith('H')", ".replace('o', '0', 1)", '.splitlines()', '.items()|list', '.keys()|list', ".get('k')", ".find('o')", ".count('l')", '.swapcase()', '.zfill(9)', ".ljust(9, '.')", '.isdigit()', ".partition('o')", "[0]", '[-1]', '[1:]', '[::-1]', '[1:3]', "['k']", '.k', '.index(1)', '.capitalize()', '.isupper()', '.expandtabs(2)')).map(([a, method]) => `(${a})${method}`),
    fc.tuple(tie('expr'), tie('expr'), tie('expr')).map(([a, b, c]) => `(${a} if ${b} else ${c})`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `[${a}, ${b}]`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a}, ${b})`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `{'p': ${a}, 'q': ${b}}`),
    tie('expr').map((a) => `(not ${a})`),
    tie('expr').map((a) => `(-${a})`),
  ), // biome-ignore format: a grammar
}));

const mark = fc.constantFrom('', '-', '+');
const piece = fc.oneof(
  fc.constantFrom('a', ' ', '\n', '  \n', '\t', 'b\n ', '{', '}', '%', "'"),
  expr.map((e) => `{{ ${e} }}`),
  fc.tuple(mark, mark).map(([a, b]) => `{%${a} if i ${b}%} x {%${b} else ${a}%} y {%${a} endif ${a}%}`),
  fc.tuple(mark, mark).map(([a, b]) => `{%${a} for q in l ${b}%} {{ q }}{{ loop.index }} {%${b} endfor ${a}%}`),
  fc.tuple(fc.constantFrom('', '-'), fc.constantFrom('', '-')).map(([a, b]) => `{{${a} i ${b}}}`),
  fc.tuple(fc.constantFrom('', '-'), fc.constantFrom('', '-')).map(([a, b]) => `{#${a} note ${b}#}`),
  fc.tuple(mark, fc.constantFrom('', '-')).map(([a, b]) => `{%${a} raw ${b}%} {{ x }} {%${a} endraw ${b}%}`),
  fc.constantFrom(
    '{% set v = 1 %}{{ v }}',
    '{% set a, b = 1, 2 %}{{ a + b }}',
    '{% set v %} blk {% endset %}[{{ v }}]',
    '{% set v | upper | trim %} blk {% endset %}[{{ v }}]',
    '{% with w = 3, y = i %}{{ w + y }}{% endwith %}',
    '{% macro m(a, b=2) %}({{ a }},{{ b }},{{ varargs }},{{ kwargs }}){% endmacro %}{{ m(1) }}{{ m(1, 3, 4) }}{{ m(a=5, c=6) }}',
    '{% macro m(a) %}{{ caller(a) }}{% endmacro %}{% call(x) m(4) %}<{{ x }}>{% endcall %}',
    '{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}in{% endcall %}',
    '{% filter upper | replace("A", "b") %}a {{ s }}{% endfilter %}',
    '{% for k, v in d.items() %}{{ k }}={{ v }}{{ "," if not loop.last }}{% endfor %}',
    '{% for x in rows if x.up %}{{ loop.index }}/{{ loop.length }}{{ x.name }}{{ loop.previtem.name if loop.previtem is defined }}{% else %}none{% endfor %}',
    '{% for x in [] %}{% else %}none{% endfor %}',
    '{% for x in ls %}{{ loop.cycle("o", "e") }}{{ loop.changed(x | lower) }}{{ loop.revindex0 }}{% endfor %}',
    '{% for x in [1, [2, [3]]] recursive %}{% if x is number %}{{ x }}@{{ loop.depth }}{% else %}({{ loop(x) }}){% endif %}{% endfor %}',
    '{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}',
    '{% set ns = namespace(n=0) %}{% for x in l %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}',
    '{% set o = 1 %}{% for x in l %}{% set o = x %}{{ o }}{% endfor %}{{ o }}',
    '{% set q = [] %}{% for x in l %}{% do q.append(x * 2) %}{% endfor %}{{ q }}',
    '{% set q = {} %}{% do q.update({"a": 1}) %}{% set _ = q.update(b=2) %}{{ q }}',
    '{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner("|") %}{{ j() }}{{ j() }}',
    '{% if i %}{% set in_if = 5 %}{% endif %}{{ in_if }}',

    '{{ (1, 2)[0] }}{{ l.0 }}{{ 1, 2 }}{{ "a" "b" }}{{ 0x1f + 0b11 + 1_000 }}',
    '{% if not i %}{% elif l and not e %}yes{% endif %}',
    '{{ d.items | string | length > 5 }}',
  ),
);

describe.skipIf(python === undefined)('against python3-jinja2', { timeout: 60_000 }, () => {
  test('random expressions', () => {
    const templates = fc.sample(expr, { seed: 20240229, numRuns: 2500 }).map((e) => `{{ ${e} }}`);
    compareAll(templates);
  });
  test('random templates', () => {
    const templates = fc
      .sample(fc.array(piece, { minLength: 1, maxLength: 6 }), { seed: 20240229, numRuns: 1500 })
      .map((parts) => parts.join(''));
    compareAll(templates);
  });
});

test.runIf(python === undefined)('against python3-jinja2', (ctx) => ctx.skip('python3-jinja2 is not installed'));

function compareAll(templates: readonly string[]): void {
  const wanted = expected(templates);
  const differing = templates
    .map((template, i) => ({ template, wanted: wanted[i] ?? null, got: ours(template) }))
    .filter(({ wanted: a, got: b }) => a !== b)
    .filter((one) => !isMeant(one));
  expect(differing.slice(0, 10)).toEqual([]);
}

/** Intentional differences. */
function isMeant({
  template,
  wanted,
  got,
}: Readonly<{ template: string; wanted: string | null; got: string | null }>): boolean {
  // An undefined value inside a list or dict is an error here, as in Ansible. Jinja2 prints it.
  if (got === null && /missing|Undefined|\[|\.k/.test(template + wanted) && wanted !== null) return true;
  // `unique` accepts lists, as in Ansible, and `urlencode` accepts pairs of any values.
  if (wanted === null && /unique|urlencode/.test(template)) return true;
  // There is no autoescape, so no text is marked as safe.
  return wanted?.includes('Markup(') ?? false;
}
