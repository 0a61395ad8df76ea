import { failure } from './errors/index.ts';
import { Secret } from './value.ts';

/** First of all: some scripts are made while this module is loaded. */
const NONE: readonly never[] = [];

declare const made: unique symbol;
/** A POSIX sh program. Only sh`` makes one, and sh`` quotes every value, so an unquoted one cannot be written. */
export type Script = {
  readonly [made]: true;
  readonly text: string;
  readonly secrets: readonly string[];
  readonly asked: readonly Asked[];
  /** Paths that exist only while the script runs. The host keeps a list of them, so that the next run removes what a dead one left. */
  readonly stages: readonly string[];
  /** Code that it runs and does not hold: whoever runs the script sets each one's variable before. */
  readonly libraries: readonly Library[];
  /**
   * It leaves its shell as it was, but for variables that no other reads: it may share one with others. What is not known is
   * no such script.
   */
  readonly tame: boolean;
};
/**
 * What many probes of a trip ask of a host, each about an item of its own: a converged rack's time is the processes that
 * its hosts start, so one process answers for all of them.
 */
export type Question = Readonly<{
  /** Of letters. */
  name: string;
  /** Prints a line for each item that it has an answer for. Read-only; stdin is /dev/null, errors are not heard. */
  ask: (items: readonly string[]) => Script;
  /** The item in such a line (`$1`), and the answer. Default: the first word, and what follows it. */
  item?: Script;
  answer?: Script;
  /**
   * The exit code by which `ask` says that items without a line are nowhere: their answer is `-`. Should a line be about
   * none of them, or two about one (it has several names), nothing is said of those.
   */
  missing?: number;
  /**
   * The items are paths, and those that `ask` prints are files whose bytes are wanted: they do not go through the shell.
   * The answer is a word that stands for the bytes in base64; who reads the trip's output finds them in its place.
   */
  areFiles?: true;
  /** The answers to other questions that `ask` reads for an item: they are asked before it. */
  reads?: (item: string) => readonly Asked[];
}>;
/** Code that many scripts run in themselves. A host's shell gets it once, as text in a variable. */
export type Library = Readonly<{ variable: string; text: string }>;
export type Asked = Readonly<{ question: Question; item: string }>;
export type Word = string | number | Secret | Script | readonly Word[];

/** One word of sh: 'as it is' when harmless, else in single quotes. A NUL cannot be in a word: that is an error. */
export function quote(value: string): string {
  noNul(value);
  return isHarmless(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** sh takes no NUL byte: what is binary has to travel as a file. Throws Failure. */
function noNul(text: string): void {
  if (!text.includes('\0')) return;
  throw failure('E_NUL_BYTE', {});
}

/** One word to sh as it stands; ASCII. */
function isHarmless(value: string): boolean {
  return /^[\w@%+=:,./-]+$/.test(value);
}

/**
 * A script. Every interpolated string is quoted, a Script is spliced as it is, a list is joined with spaces, a Secret
 * is quoted and remembered for redaction. The text is taken raw: a backslash is sh's own, as in printf '\n'; only
 * \${ and \` stand for ${ and ` (JavaScript needs them escaped).
 */
export function sh(parts: TemplateStringsArray, ...words: readonly Word[]): Script {
  const { raw, isTame } = partsOf(parts);
  const rest: Parts = { secrets: NONE, asked: NONE, stages: NONE, libraries: NONE, tame: isTame };
  let text = raw[0] ?? '';
  for (const [i, word] of words.entries()) text += render(word, rest) + (raw[i + 1] ?? '');
  return script({ text, ...rest });
}

type Parts = { -readonly [K in Exclude<keyof Script, 'text' | typeof made>]: Script[K] };

function render(word: Word, into: Parts): string {
  if (typeof word === 'string') return quote(word);
  if (typeof word === 'number') return String(word);
  if (word instanceof Secret) {
    into.secrets = [...into.secrets, word.reveal()];
    return quote(word.reveal());
  }
  if (isList(word)) return word.map((one) => render(one, into)).join(' ');
  into.secrets = both(into.secrets, word.secrets);
  into.asked = both(into.asked, word.asked);
  into.stages = both(into.stages, word.stages);
  into.libraries = both(into.libraries, word.libraries);
  into.tame &&= word.tame;
  return word.text;
}

/** Thousands of scripts are made a run, and most of these lists are empty. */
function both<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  if (b.length === 0) return a;
  return a.length === 0 ? b : [...a, ...b];
}

/** The same for every script that one place in the code makes. What stands between its parts is quoted: no word of sh's own. */
function partsOf(parts: TemplateStringsArray): Cleaned {
  const known = cleaned.get(parts);
  if (known !== undefined) return known;
  const raw = parts.raw.map((part) => part.replace(/\\(\$\{|`)/g, '$1'));
  const made = { raw, isTame: !raw.some((part) => WILD.test(part) || OPEN.test(part)) };
  cleaned.set(parts, made);
  return made;
}
type Cleaned = Readonly<{ raw: readonly string[]; isTame: boolean }>;
const cleaned = new WeakMap<TemplateStringsArray, Cleaned>();

/** What alters the shell for whatever runs in it next, or cannot stand inside of something else. */
const WILD =
  /\b(exit|return|cd|exec|eval|trap|shift|ulimit|alias|export|unset|readonly|umask [0-7])|\bset -[a-z]|\bIFS=[^ ]|<</;
/** The same, where a value comes next. */
const OPEN = /\b(umask|set|IFS=) ?$/;

/**
 * The answer to a question that is asked once a trip, as a quoted word. Empty where there is none, or where the script is
 * run by itself: then it must find out by itself.
 */
export function answer(question: Question, item: string): Script {
  if (!isHarmless(item)) return script({ text: '""', tame: true });
  return script({
    text: `"\${${answerName(question, item)}-}"`,
    asked: [...(question.reads?.(item) ?? []), { question, item }],
    tame: true,
  });
}

/** The shell variable that holds an answer. No two items share one. */
export function answerName({ name }: Question, item: string): string {
  return `q_${name}_${asName(item)}`;
}

/** What may stand in a shell variable's name; no two texts give the same. */
export function asName(text: string): string {
  let name = names.get(text);
  if (name !== undefined) return name;
  name = text.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16)}`);
  if (names.size > 5000) names.clear();
  names.set(text, name);
  return name;
}
/** The hosts of a run are asked about the same paths, users and units. */
const names = new Map<string, string>();

/** Scripts one after the other, each on lines of its own. */
export function lines(scripts: readonly Script[]): Script {
  return script({
    text: scripts.map((s) => s.text).join('\n'),
    secrets: scripts.flatMap((s) => s.secrets),
    asked: scripts.flatMap((s) => s.asked),
    stages: scripts.flatMap((s) => s.stages),
    libraries: scripts.flatMap((s) => s.libraries),
    tame: scripts.every((s) => s.tame),
  });
}

/** What the user wrote as a shell program (the `shell` module, `validate:` …). The one way round quoting: keep its uses few. */
export function verbatim(text: string): Script {
  noNul(text);
  return script({ text, tame: !WILD.test(text) });
}

/** Runs the code in the script that this stands in. Its name is of letters. */
export function library(name: string, code: Script): Script {
  const variable = `lib_${name}`;
  return script({ ...code, text: `eval "$${variable}"`, libraries: [{ variable, text: code.text }], tame: false });
}

/** Sets the variables of the libraries that the scripts need, but for those that the shell has: one line each. */
export function setLibraries(scripts: readonly Script[], has: ReadonlySet<string> = new Set()): string {
  const wanted = new Map(scripts.flatMap((s) => s.libraries).map(({ variable, text }) => [variable, text]));
  return [...wanted]
    .filter(([variable]) => !has.has(variable))
    .map(([variable, text]) => `${variable}=${quote(text)}\n`)
    .join('');
}

/** The path of a file or directory that exists only while the script runs, as a quoted word. */
export function staged(path: string): Script {
  return script({ text: quote(path), stages: [path], tame: true });
}

/**
 * Tells of the file system that $1 is on: what failed there may have failed for want of room. For the end of scripts that fail.
 */
export const ROOM = verbatim(
  `room() { df -Pk -- "$1" 2>/dev/null | { read -r l; read -r f l l a l m && printf 'the file system %s (%s) has %s KiB free\\n' "$m" "$f" "$a"; } >&2; }`,
);

type Made = Pick<Script, 'text' | 'tame'> & Partial<Pick<Script, 'secrets' | 'asked' | 'stages' | 'libraries'>>;
function script({ text, secrets = NONE, asked = NONE, stages = NONE, libraries = NONE, tame }: Made): Script {
  return { text, secrets, asked, stages, libraries, tame } as unknown as Script;
}

function isList(word: Word): word is readonly Word[] {
  return Array.isArray(word);
}
