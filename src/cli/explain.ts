import pc from 'picocolors';
import { AREAS, type Code, ENTRIES, exampleOf, failure } from '../core/errors/index.ts';
import { table } from '../report/summary.ts';
import { diagnosticText } from '../report/words.ts';
import { streams } from './output.ts';

/** Prints what an error code means and how to fix it or, without a code, the list of all codes. Throws Failure. */
export function explain(code: string | undefined): number {
  if (code === undefined) {
    streams.out(`${AREAS.map(({ title, codes }) => `${pc.bold(title)}\n${listed(codes)}`).join('\n\n')}\n`);
    return 0;
  }
  const found = code.toUpperCase();
  if (!isCode(found)) throw failure('E_UNKNOWN_CODE', { name: code, known: Object.keys(ENTRIES) });
  streams.out(`${explained(found)}\n`);
  return 0;
}

const isCode = (code: string): code is Code => Object.hasOwn(ENTRIES, code);
const listed = (codes: readonly Code[]): string => table(codes.map((code) => [`  ${code}`, ENTRIES[code].summary]));

function explained(code: Code): string {
  const { summary, meaning, fix } = ENTRIES[code];
  const example = diagnosticText(exampleOf(code), () => undefined).replace(/^/gm, '  ');
  return [
    `${pc.bold(code)}: ${summary}`,
    meaning,
    `${pc.cyan('example:')}\n${example}`,
    `${pc.green('fix:')} ${fix}`,
  ].join('\n\n');
}
