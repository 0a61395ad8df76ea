import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Value } from '../../../src/core/value.ts';
import { readJson } from '../../../src/template/json.ts';
import { print } from '../../../src/template/print.ts';
import { compileTemplate } from '../../../src/template/template.ts';
import { at, caught, envOf } from './support.ts';

/** Results of ansible-core 2.14's Templar. `expected: null` means that it failed. JSON is read with 1.0 as a float. */
const recorded = readJson(readFileSync(new URL('ansible-cases.json', import.meta.url), 'utf8')) as Readonly<{
  vars: Readonly<Record<string, Value>>;
  cases: readonly Readonly<{ template: string; expected: string | null }>[];
}>;

describe('gives the results of ansible-core', () => {
  for (const { template, expected } of recorded.cases) {
    const run = () => print(compileTemplate(template, at).evaluate(envOf(recorded.vars)));
    test(template, () => {
      if (expected === null) caught(run);
      else expect(run()).toBe(expected);
    });
  }
});
