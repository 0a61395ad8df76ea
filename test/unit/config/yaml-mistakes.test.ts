import { expect, test } from 'vitest';
import { parseYaml } from '../../../src/config/source.ts';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';

test.each([
  ['a list and a filter without quotes', '- a: 1\n  when: [1]|length\n- b: 2\n  c: "x"\n- d: {e: f}\n', ['2:12']],
  ['two values with a colon', '- a: x: y\n- b: c: d\n', ['1:6', '2:6']],
  ['an open bracket', '- a: [1, 2\n- b: c\n- d: e\n', ['2:1']],
])('%s: reported where it is, and not for the rest of the file', (_, text, places) => {
  const problems: Diagnostic[] = [];
  expect(parseYaml(text, 'f.yml', problems)).toBeUndefined();
  expect(problems.map(({ code }) => code)).toEqual(places.map(() => 'E_YAML_SYNTAX'));
  expect(problems.map(({ at }) => `${at?.line}:${at?.col}`)).toEqual(places);
});
