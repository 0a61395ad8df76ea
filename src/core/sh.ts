import { failure } from './errors/index.ts';
import { Secret } from './value.ts';

/** Defined first, because some scripts are created while this module loads. */
const NONE: readonly never[] = [];

declare const made: unique symbol;
/**
 * A POSIX sh program. Only the sh`` tag creates one, and it quotes every value, so nobody can forget to quote a value.
 */
export type Script = {
  readonly [made]: true;
  readonly text: string;
  readonly secrets: readonly string[];
  readonly asked: readonly Asked[];
  /**
   * Paths that exist only while the script runs. The host keeps a list of them, so that the next run removes what a
   * killed run left behind.
   */
  readonly stages: readonly string[];
  /** Libraries that the script uses but does not contain. Their variables must be set before the script runs. */
  readonly libraries: readonly Library[];
  /**
   * The script leaves its shell unchanged, except for variables that no other script reads. It may share a shell with
   * other scripts. If this is not certain, the value is false.
   */
  readonly tame: boolean;
};
/**
 * What many probes of a round trip ask of a host, each about its own item. One process answers for all of them, because
 * starting processes takes most of the time on a converged host.
 */
export type Question = Readonly<{
  /** Letters only. */
  name: string;
  /**
   * A read-only script that prints a line for each item that it can answer. Its stdin is /dev/null, and its stderr is
   * discarded.
   */
  ask: (items: readonly string[]) => Script;
  /**
   * Shell words that extract the item and the answer from such a line (`$1`). Default: the first word is the item, the
   * rest is the answer.
   */
  item?: Script;
  answer?: Script;
  /**
   * The exit code with which `ask` says that items without a line do not exist; their answer is `-`. If a line is about
   * none of the items, or two lines are about one item (it has several names), those items get no answer.
   */
  missing?: number;
  /**
   * The items are paths of files, and `ask` adds the paths whose bytes are wanted to "$@", with builtins only. The bytes
   * do not pass through the shell: the answer is a placeholder for the bytes in base64, and the code that reads the
   * round trip's output replaces it.
   */
  areFiles?: true;
  /**
   * `ask` uses only builtins and sets the variables of the answers itself (`answerVariable`), so that it costs no
   * process. It must not leave anything else behind in the shell.
   */
  setsAnswers?: true;
  /** Answers to other questions that `ask` reads for an item. Those questions are asked first. */
  reads?: (item: string) => readonly Asked[];
}>;
/** Code that many scripts use. A host's shell gets it once, as the text of a variable. */
export type Library = Readonly<{ variable: string; text: string }>;
export type Asked = Readonly<{ question: Question; item: string }>;
export type Word = string | number | Secret | Script | readonly Word[];

/** One word of sh: unquoted if harmless, else in single quotes. A NUL byte is an error. */
export function quote(value: string): string {
  noNul(value);
  return isHarmless(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** sh cannot hold NUL bytes, so binary data must travel as a file. Throws Failure. */
function noNul(text: string): void {
  if (!text.includes('\0')) return;
  throw failure('E_NUL_BYTE', {});
}

/** Whether sh reads the value as one literal word. ASCII only. */
function isHarmless(value: string): boolean {
  return /^[\w@%+=:,./-]+$/.test(value);
}

/**
 * Builds a script. Every interpolated string is quoted, a Script is spliced in as it is, a list is joined with spaces,
 * and a Secret is quoted and remembered for redaction. The text is raw: a backslash belongs to sh, as in printf '
 * '. Only \${ and \` stand for ${ and `, because JavaScript needs them escaped.
 */
export function sh(parts: TemplateStringsArray, ...words: readonly Word[]): Script {
  const { raw, isTame } = partsOf(parts);
  const rest: Parts = { secrets: NONE, asked: NONE, stages: NONE, libraries: NONE, tame: isTame };
  let text = raw[0] ?? '';
  // By index, because a run makes thousands of scripts, and an iterator makes two objects a step.
  for (let i = 0; i < words.length; i++) text += render(words[i] ?? '', rest) + (raw[i + 1] ?? '');
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

/** Avoids copies: a run creates thousands of scripts, and most of these lists are empty. */
function both<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  if (b.length === 0) return a;
  return a.length === 0 ? b : [...a, ...b];
}

/**
 * Cached for each place in the code that uses the tag. Values between the parts are quoted, so they contain no sh
 * commands and need no check.
 */
function partsOf(parts: TemplateStringsArray): Cleaned {
  const known = cleaned.get(parts);
  if (known !== undefined) return known;
  const raw = parts.raw.map((part) => part.replace(/\\(\$\{|`)/g, '$1'));
  const result = { raw, isTame: !raw.some((part) => WILD.test(part) || OPEN.test(part)) };
  cleaned.set(parts, result);
  return result;
}
type Cleaned = Readonly<{ raw: readonly string[]; isTame: boolean }>;
const cleaned = new WeakMap<TemplateStringsArray, Cleaned>();

/** Commands that change the shell for the scripts after this one, or that cannot stand inside another construct. */
const WILD =
  /\b(exit|return|cd|exec|eval|trap|shift|ulimit|alias|export|unset|readonly|umask [0-7])|\bset -[a-z]|\bIFS=[^ ]|<</;
/** The same commands at the end of a part, where a value follows. */
const OPEN = /\b(umask|set|IFS=) ?$/;

/**
 * The answer to a question that is asked once for a round trip, as a quoted word. The word is empty if there is no
 * answer or if the script runs on its own. The script must then find the answer itself.
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

/** The same for a script that sets the variable. */
export function answerVariable(question: Question, item: string): Script {
  return script({ text: answerName(question, item), tame: true });
}

/** Encodes a text for the name of a shell variable. No two texts give the same name. */
export function asName(text: string): string {
  let name = names.get(text);
  if (name !== undefined) return name;
  name = text.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16)}`);
  if (names.size > 5000) names.clear();
  names.set(text, name);
  return name;
}
/** Cached, because all hosts of a run are asked about the same paths, users and units. */
const names = new Map<string, string>();

/** Joins scripts, each on lines of its own. */
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

/**
 * A shell program that the user wrote (the `shell` module, `validate:` …). This is the only way around quoting, so keep
 * its uses few.
 */
export function verbatim(text: string): Script {
  noNul(text);
  return script({ text, tame: !WILD.test(text) });
}

/** Runs the code inside of the script that contains it. The name consists of letters. */
export function library(name: string, code: Script): Script {
  const variable = `lib_${name}`;
  return script({ ...code, text: `eval "$${variable}"`, libraries: [{ variable, text: code.text }], tame: false });
}

/**
 * Sets the variables of the libraries that the scripts need, except for those that the shell already has, one on each
 * line.
 */
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
 * A shell function that prints how much space the file system of $1 has left. Call it at the end of a script that
 * failed, because the cause may be a full disk.
 */
export const ROOM = verbatim(
  `room() { df -Pk -- "$1" 2>/dev/null | { read -r l; read -r f l l a l m && printf 'the file system %s (%s) has %s KiB free\\n' "$m" "$f" "$a"; } >&2; }`,
);

type ScriptParts = Pick<Script, 'text' | 'tame'> & Partial<Pick<Script, 'secrets' | 'asked' | 'stages' | 'libraries'>>;
function script({ text, secrets = NONE, asked = NONE, stages = NONE, libraries = NONE, tame }: ScriptParts): Script {
  return { text, secrets, asked, stages, libraries, tame } as unknown as Script;
}

function isList(word: Word): word is readonly Word[] {
  return Array.isArray(word);
}
