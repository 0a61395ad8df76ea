/** A place in a file the user wrote. `line` and `col` count from 1; `length` is how many characters the caret marks. */
export type Pos = Readonly<{ file: string; line: number; col: number; length?: number }>;

/** What kind of mistake a diagnostic tells of. Stable: scripts may match on it. */
export type Code =
  | 'E_SYNTAX' // a file cannot be parsed
  | 'E_UNKNOWN' // a name that stands for nothing: keyword, module, host, group, role, handler, filter, tag …
  | 'E_ARGS' // a module's or a keyword's value is of the wrong kind
  | 'E_VARS' // an undefined variable, or a template that cannot be evaluated
  | 'E_FILE' // a file on this machine that cannot be read
  | 'E_UNSUPPORTED' // Ansible has it, we do not
  | 'E_CONNECT' // a host cannot be reached, or is not who it says it is
  | 'E_BECOME' // no root on the host
  | 'E_LOCKED' // another run works on the host
  | 'E_TAMPERED' // something on the host wrote into the answers of our shell
  | 'E_PROBE' // a host could not be looked at
  | 'E_BLOCKED' // a task cannot be done on this host as things stand
  | 'E_APPLY' // a change failed
  | 'E_DIVERGED' // a change was made, and the host still is not as wanted
  | 'E_CHECK' // a smoke check did not pass in time
  | 'E_LAB'; // the embedded lab cannot do what was asked

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
  let best: { name: string; far: number } | undefined;
  for (const name of known) {
    const far = distance(word, name);
    if (best === undefined || far < best.far) best = { name, far };
  }
  return best !== undefined && best.far <= Math.ceil(word.length / 3) ? best.name : undefined;
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
