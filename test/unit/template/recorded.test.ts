import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Float, type Value } from '../../../src/core/value.ts';
import { print } from '../../../src/template/print.ts';
import { compileTemplate } from '../../../src/template/template.ts';
import { caught, envOf } from './support.ts';

type Case = Readonly<{ t: string; src: string; expected: string | null; wantError: boolean }>;

/**
 * The output of Debian's Jinja2 3.1 for these templates (with trim_blocks, Ansible's filters, and its newlines at the
 * end).
 */
const recorded = JSON.parse(readFileSync(new URL('jinja-cases.json', import.meta.url), 'utf8')) as {
  vars: Record<string, Value>;
  cases: readonly Case[];
};
const vars = { ...recorded.vars, f1: new Float(1) }; // JSON has no 1.0
const at = { file: 't.j2', line: 1, col: 1 };
const run = (source: string) =>
  print(compileTemplate(source, at, { printNone: true, asText: true }).evaluate(envOf(vars)));

const differs = new Set([
  "{{ 10 | random(seed=1) is number }} {{ lookup | default('nolookup') }}", // lookup is a function here
  "{{ hosts | json_query('[].name') | default('jq') }}", // rejected
  "{{ ansible_facts['distribution'] | default('?') }}", // an error in both, because the dict itself is undefined
]);

describe('prints what Jinja2 prints', () => {
  for (const { t, src, expected, wantError } of recorded.cases) {
    if (wantError || differs.has(t)) continue;
    test(t, () => {
      if (t === '{{ d.items }}') expect(run(src)).toContain('<function items>');
      else expect(run(src)).toBe(expected);
    });
  }
});

describe('rejects what Jinja2 rejects, with its position', () => {
  for (const { t, src, wantError } of recorded.cases) {
    if (!wantError) continue;
    test(t, () => {
      const failure = caught(() => run(src));
      expect(failure.diagnostics[0]?.at).toMatchObject({ file: 't.j2', line: 3 });
    });
  }
});
