import { readFileSync } from 'node:fs';
import { Failure } from '../core/diagnostic.ts';
import { isOfRun } from '../core/errors/index.ts';
import { jsonReporter } from '../report/json.ts';
import { plainReporter, type Reporter } from '../report/plain.ts';
import { diagnosticText, type Source } from '../report/words.ts';

export type OutputOptions = Readonly<{ output: 'auto' | 'plain' | 'json'; verbose: number; diff: boolean }>;

export const streams = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text),
};

/** A file's text, for pointing at a line. undefined for sources that are no file (`-e`, `--limit`). */
export const source: Source = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** The live display on a terminal, plain lines elsewhere, JSON on request. */
export async function chooseReporter({ output, verbose, diff }: OutputOptions): Promise<Reporter> {
  if (output === 'json') return jsonReporter(streams.out);
  const options = { source, verbose, diff };
  const isTerminal = process.stderr.isTTY === true && process.stdout.isTTY === true && process.env['CI'] === undefined;
  if (output !== 'auto' || !isTerminal || verbose > 0) return plainReporter(streams, options);
  const { liveReporter } = await import('../report/live.ts');
  return liveReporter(streams, options, process.stdout.rows ?? 24);
}

/**
 * Prints why a command stopped. A bug of ours is printed differently from a mistake of the user. Returns the exit code.
 */
export function tellError(error: unknown): number {
  if (error instanceof Failure) {
    for (const d of error.diagnostics) streams.err(`${diagnosticText(d, source)}\n`);
    const n = error.diagnostics.length;
    if (n > 1) streams.err(`\n${n} errors; 'bringup explain CODE' says more about one\n`);
    return error.diagnostics.every((d) => isOfRun(d.code)) ? 1 : 2;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  streams.err(
    `bringup has a bug: this should not happen.\n${stack}\nPlease report it with the command and the lines above.\n`,
  );
  return 70;
}
