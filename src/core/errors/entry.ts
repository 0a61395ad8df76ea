/** What a reader is told of one error, but for its code and its place. */
export type Told = Readonly<{
  /** The fact, with the value seen. */
  message: string;
  expected?: string | undefined;
  hint?: string | undefined;
  detail?: string | undefined;
}>;

/** One cause of failure: what it means, and how it is told. */
export type Entry<Given> = Readonly<{
  /** One line for the list of codes. */
  summary: string;
  /** What happened, and why bringup stops there. */
  meaning: string;
  /** What to do about it. */
  fix: string;
  /** Arguments that give a real message, for `bringup explain` and the docs. */
  example: Given;
  tell: (given: Given) => Told;
}>;

/** input: the playbook, the inventory or the command line is wrong (exit code 2). run: a host or a program failed (1). */
export type Kind = 'input' | 'run';

/** `given` is inferred from `tell` alone: an example may leave out what is optional. */
export function entry<Given>(
  of: Readonly<{
    summary: string;
    meaning: string;
    fix: string;
    example: NoInfer<Given>;
    tell: (given: Given) => Told;
  }>,
): Entry<Given> {
  return of;
}
