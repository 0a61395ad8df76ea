import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { KNOWN, knownDifferences, type Outcome, readCases, readOutcome } from './case.ts';
import { runCase } from './run.ts';

/**
 * Prints how bringup's outcomes differ from Ansible's, for the cases whose names contain a word:
 * npx tsx test/differential/compare.ts WORD. Known differences are left out, unless --all is given. --write updates the
 * list of known differences.
 */
const filter = process.argv.slice(2).find((word) => !word.startsWith('-')) ?? '';
const showsAll = process.argv.includes('--all');
const known = new Map(knownDifferences());
const cases = readCases(filter);
let equal = 0;

for (const one of cases) {
  const { outcome, trouble } = await runCase(one);
  const expected = readOutcome(one.name);
  const wasKnown = known.has(one.name);
  if (isDeepStrictEqual(outcome, expected)) {
    equal++;
    known.delete(one.name);
    if (wasKnown || one.differs !== undefined) console.log(`${one.name}: no longer differs`);
    continue;
  }
  if (one.differs !== undefined) known.delete(one.name);
  if (one.differs !== undefined && !showsAll) continue;
  if (one.differs === undefined && !wasKnown) known.set(one.name, briefly(expected, outcome, trouble));
  if (wasKnown && !showsAll) continue;
  console.log(`${one.name}${one.differs === undefined ? '' : ` (on purpose: ${one.differs})`}`);
  for (const line of differences(expected, outcome, '')) console.log(`  ${line.slice(0, 1500)}`);
  for (const text of new Set(trouble)) console.log(`  ! ${text}`);
}
console.log(`${equal} of ${cases.length} cases are equal`);
if (process.argv.includes('--write')) {
  const lines = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `${name}: ${text}\n`);
  writeFileSync(KNOWN, lines.join(''));
}

/** What bringup does instead, in a few words. */
function briefly(expected: Outcome, outcome: Outcome, trouble: readonly string[]): string {
  const [first = ''] = differences(expected, outcome, '');
  const exit = outcome.runs[0]?.exit;
  const cause = exit === 'done' || trouble.length === 0 ? first : `${exit}: ${trouble[0]}`;
  return cause.replaceAll('\n', ' ').slice(0, 200);
}

function differences(expected: unknown, got: unknown, path: string): readonly string[] {
  if (isDeepStrictEqual(expected, got)) return [];
  if (!isMap(expected) || !isMap(got)) {
    return [`${path.slice(1)}: Ansible ${JSON.stringify(expected)}, bringup ${JSON.stringify(got)}`];
  }
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(got)])];
  return keys.flatMap((key) => differences(expected[key], got[key], `${path}.${key}`));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
