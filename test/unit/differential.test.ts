import { describe, expect, it } from 'vitest';
import { knownDifferences, readCases, readOutcome } from '../differential/case.ts';
import { runCase } from '../differential/run.ts';

/** WORD=loops runs the cases whose names contain the word. */
const { WORD } = process.env;
const cases = readCases(WORD);
const known = knownDifferences();

describe('bringup does what ansible-core 2.19 does', () => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const { outcome, trouble } = await runCase(one);
    const message = trouble.join('\n');
    if (one.differs !== undefined || known.has(name)) {
      expect(outcome, 'the case no longer differs: remove its mark').not.toEqual(readOutcome(name));
    } else {
      expect(outcome, message).toEqual(readOutcome(name));
    }
  });
});

it('the list of known differences names cases', () => {
  const names = new Set(readCases().map((one) => one.name));
  expect([...known.keys()].filter((name) => !names.has(name))).toEqual([]);
});
