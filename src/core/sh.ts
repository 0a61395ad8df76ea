import { failure } from './errors/index.ts';
import { Secret } from './value.ts';

declare const made: unique symbol;
/** A POSIX sh program. Only sh`` makes one, and sh`` quotes every value, so an unquoted one cannot be written. */
export type Script = {
  readonly [made]: true;
  readonly text: string;
  readonly secrets: readonly string[];
  readonly asked: readonly Asked[];
  /** Paths that exist only while the script runs. The host keeps a list of them, so that the next run removes what a dead one left. */
  readonly stages: readonly string[];
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
  const secrets: string[] = [];
  const asked: Asked[] = [];
  const stages: string[] = [];
  const { raw, isTame } = partsOf(parts);
  let tame = isTame;
  const render = (word: Word): string => {
    if (typeof word === 'string') return quote(word);
    if (typeof word === 'number') return String(word);
    if (word instanceof Secret) {
      secrets.push(word.reveal());
      return quote(word.reveal());
    }
    if (isList(word)) return word.map(render).join(' ');
    secrets.push(...word.secrets);
    asked.push(...word.asked);
    stages.push(...word.stages);
    tame &&= word.tame;
    return word.text;
  };
  let text = raw[0] ?? '';
  for (const [i, word] of words.entries()) text += render(word) + (raw[i + 1] ?? '');
  return script({ text, secrets, asked, stages, tame });
}

/** The same for every script that one place in the code makes. What stands between its parts is quoted: no word of sh's own. */
function partsOf(parts: TemplateStringsArray): Parts {
  const known = cleaned.get(parts);
  if (known !== undefined) return known;
  const raw = parts.raw.map((part) => part.replace(/\\(\$\{|`)/g, '$1'));
  const made = { raw, isTame: !raw.some((part) => WILD.test(part) || OPEN.test(part)) };
  cleaned.set(parts, made);
  return made;
}
type Parts = Readonly<{ raw: readonly string[]; isTame: boolean }>;
const cleaned = new WeakMap<TemplateStringsArray, Parts>();

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
  return text.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16)}`);
}

/** Scripts one after the other, each on lines of its own. */
export function lines(scripts: readonly Script[]): Script {
  return script({
    text: scripts.map((s) => s.text).join('\n'),
    secrets: scripts.flatMap((s) => s.secrets),
    asked: scripts.flatMap((s) => s.asked),
    stages: scripts.flatMap((s) => s.stages),
    tame: scripts.every((s) => s.tame),
  });
}

/** What the user wrote as a shell program (the `shell` module, `validate:` …). The one way round quoting: keep its uses few. */
export function verbatim(text: string): Script {
  noNul(text);
  return script({ text, tame: !WILD.test(text) });
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

type Made = Pick<Script, 'text' | 'tame'> & Partial<Pick<Script, 'secrets' | 'asked' | 'stages'>>;
function script({ text, secrets = [], asked = [], stages = [], tame }: Made): Script {
  return { text, secrets, asked, stages, tame } as unknown as Script;
}

function isList(word: Word): word is readonly Word[] {
  return Array.isArray(word);
}
