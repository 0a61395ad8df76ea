import type { Code } from './errors/index.ts';

/** A place in a file the user wrote. `line` and `col` count from 1; `length` is how many characters the caret marks. */
export type Pos = Readonly<{ file: string; line: number; col: number; length?: number }>;

/** One thing that is wrong, as data: only report/ turns it into words and colours. */
export type Diagnostic = Readonly<{
  code: Code;
  message: string;
  at?: Pos | undefined;
  expected?: string | undefined;
  /** What the user can do about it, as an imperative. */
  hint?: string | undefined;
  /** More lines: the last of a host's stderr, both fingerprints, a list of candidates. */
  detail?: string | undefined;
}>;

/** The error that carries diagnostics to the user. Anything else that is thrown is a bug of ours. */
export class Failure extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: Diagnostic | readonly Diagnostic[], options?: ErrorOptions) {
    const all = 'code' in diagnostics ? [diagnostics] : diagnostics;
    super(all.map((d) => d.message).join('\n'), options);
    this.name = 'Failure';
    this.diagnostics = all;
  }
}

/** The name among `known` that `word` most likely was meant to be; undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const most = Math.max(1, Math.floor((word.length + 1) / 3));
  let best: { name: string; far: number } | undefined;
  for (const name of known) {
    if (Math.abs(name.length - word.length) > most) continue;
    const far = distance(word, name);
    if (far <= most && (best === undefined || far < best.far)) best = { name, far };
  }
  return best?.name;
}

/** `expected` and `hint` for an unknown name: a list of what there is (at most 12), and the nearest one. */
export function didYouMean(word: string, known: Iterable<string>): Pick<Diagnostic, 'expected' | 'hint'> {
  const names = [...known];
  const near = nearest(word, names);
  const shown = names.length > 12 ? [...names.slice(0, 12), `… (${names.length} in all)`] : names;
  return {
    ...(names.length > 0 && { expected: `one of ${shown.join(', ')}` }),
    ...(near !== undefined && { hint: `write '${near}' instead of '${word}'` }),
  };
}

/** Optimal string alignment: an edit is an insertion, a deletion, a substitution or a swap of neighbours. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let cell = Math.min((row[j - 1] ?? 0) + 1, (rows[i - 1]?.[j] ?? 0) + 1, (rows[i - 1]?.[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cell = Math.min(cell, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      }
      row.push(cell);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
