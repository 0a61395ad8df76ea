import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/value.ts';
import { compileExpression } from '../../../src/template/template.ts';
import { at, caught, envOf } from './support.ts';

const run = (expression: string) => compileExpression(expression, at).evaluate(envOf({ s: new Secret('hunter2') }));

describe('filters of community.general', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["[['a', 1], ['b', 2]] | community.general.dict", { a: 1, b: 2 }],
    ["'x' | community.general.dict_kv('k')", { k: 'x' }],
    ["[{'n': 'a', 'v': 1}] | community.general.groupby_as_dict('n')", { a: { n: 'a', v: 1 } }],
    ["['1.10', '1.9', '1.2'] | community.general.version_sort", ['1.2', '1.9', '1.10']],
    ["['1.10', '1.9'] | community.general.version_sort(reverse=true)", ['1.10', '1.9']],
    ["'e\u0301' | community.general.unicode_normalize", '\u00e9'],
    ["[{'a': 1, 'b': 2}] | community.general.keep_keys(target=['a'])", [{ a: 1 }]],
    ["[{'ab': 1, 'b': 2}] | community.general.keep_keys(target='a', matching_parameter='starts_with')", [{ ab: 1 }]],
    ["[{'a': 1, 'b': 2}] | community.general.remove_keys(target=['a'])", [{ b: 2 }]],
    ["[{'a1': 1, 'b': 2}] | community.general.remove_keys(target='.\\d', matching_parameter='regex')", [{ b: 2 }]],
    ['[1, 2, 2] | community.general.lists_union([3], [1])', [1, 2, 3]],
    ['[1, 2, 3] | community.general.lists_intersect([2, 3], [3])', [3]],
    ['[1, 2, 3] | community.general.lists_difference([2])', [1, 3]],
    ['[1, 2] | community.general.lists_symmetric_difference([2, 3])', [1, 3]],
  ];
  test.each(cases)('%s', (expression, expected) => expect(run(expression)).toEqual(expected));

  test('a secret stays secret', () => {
    expect(run("(s | community.general.dict_kv('k')).k")).toBeInstanceOf(Secret);
    expect(run("([s] | community.general.lists_union(['x']))[0]")).toBeInstanceOf(Secret);
    expect(run('[s] | community.general.version_sort | first')).toBeInstanceOf(Secret);
  });

  test('a long list is refused within a second, not compared for hours', () => {
    const message = caught(() => run('range(20000) | community.general.lists_union([1])')).diagnostics[0]?.message;
    expect(message).toContain('takes too long');
  });

  const refused = [
    "[{'n': 1}, {'n': 1}] | community.general.groupby_as_dict('n')",
    "[{'n': 1}] | community.general.groupby_as_dict('m')",
    "'x' | community.general.unicode_normalize('NFX')",
    "[{'a': 1}] | community.general.keep_keys(target='a', matching_parameter='like')",
    "[{'a': 1}] | community.general.keep_keys(target='a', other=1)",
  ];
  test.each(refused)('refuses %s', (expression) =>
    expect(caught(() => run(expression)).diagnostics[0]?.at).toBeDefined(),
  );
});
