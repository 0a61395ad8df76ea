/** The text of one error without its code and its position. */
export type ErrorText = Readonly<{
  /** The fact, with the value seen. */
  message: string;
  expected?: string | undefined;
  hint?: string | undefined;
  detail?: string | undefined;
}>;

/** One cause of failure: what it means, and the text of its message. */
export type Entry<Given> = Readonly<{
  /** One line for the list of codes. */
  summary: string;
  /** What happened, and why bringup stops there. */
  meaning: string;
  /** How to fix it. */
  fix: string;
  /** Arguments that give a realistic message, for `bringup explain` and the docs. */
  example: Given;
  tell: (given: Given) => ErrorText;
}>;

/**
 * input: the playbook, the inventory or the command line is wrong (exit code 2). run: a host or a program failed (exit
 * code 1).
 */
export type Kind = 'input' | 'run';

/** `Given` is inferred from `tell` alone, because an example may leave out what is optional. */
export function entry<Given>(
  of: Readonly<{
    summary: string;
    meaning: string;
    fix: string;
    example: NoInfer<Given>;
    tell: (given: Given) => ErrorText;
  }>,
): Entry<Given> {
  return of;
}
