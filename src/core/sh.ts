import { Secret } from './value.ts';

declare const made: unique symbol;
/** A POSIX sh program. Only sh`` makes one, and sh`` quotes every value, so an unquoted one cannot be written. */
export type Script = { readonly [made]: true; readonly text: string; readonly secrets: readonly string[] };
export type Word = string | number | Secret | Script | readonly Word[];

/** One word of sh: 'as it is' when harmless, else in single quotes. A NUL cannot be in a word: that is an error. */
export function quote(value: string): string {
  if (value.includes('\0')) throw new Error('a NUL byte cannot stand in a shell word');
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/**
 * A script. Every interpolated string is quoted, a Script is spliced as it is, a list is joined with spaces, a Secret
 * is quoted and remembered for redaction. The text is taken raw: a backslash is sh's own, as in printf '\n'; only
 * \${ and \` stand for ${ and ` (JavaScript needs them escaped).
 */
export function sh(parts: TemplateStringsArray, ...words: readonly Word[]): Script {
  const secrets: string[] = [];
  const render = (word: Word): string => {
    if (typeof word === 'string') return quote(word);
    if (typeof word === 'number') return String(word);
    if (word instanceof Secret) {
      secrets.push(word.reveal());
      return quote(word.reveal());
    }
    if (isList(word)) return word.map(render).join(' ');
    secrets.push(...word.secrets);
    return word.text;
  };
  const [first = '', ...rest] = parts.raw.map((part) => part.replace(/\\(\$\{|`)/g, '$1'));
  const text = rest.reduce((out, part, i) => out + render(words[i] ?? '') + part, first);
  return script(text, secrets);
}

/** Scripts one after the other, each on lines of its own. */
export function lines(scripts: readonly Script[]): Script {
  return script(
    scripts.map((s) => s.text).join('\n'),
    scripts.flatMap((s) => s.secrets),
  );
}

/** What the user wrote as a shell program (the `shell` module, `validate:` …). The one way round quoting: keep its uses few. */
export function verbatim(text: string): Script {
  return script(text, []);
}

function script(text: string, secrets: readonly string[]): Script {
  return { text, secrets } as unknown as Script;
}

function isList(word: Word): word is readonly Word[] {
  return Array.isArray(word);
}
