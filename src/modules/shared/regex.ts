import { type ArgError, argError } from '../../core/bind.ts';

/**
 * Converts a pattern of Python's re, as in Ansible's documentation, to a JavaScript RegExp: `(?P<n>…)`, `(?P=n)`,
 * leading `(?i)`, `\A`, `\Z`, `{,n}` and `[]…]` are translated. The rest means the same in both.
 */
export function regex(pattern: string, flags = ''): RegExp {
  let all = flags;
  const body = pattern.replace(/^\(\?([aiLmsux]+)\)/, (_, letters: string) => {
    for (const letter of letters) if ('ims'.includes(letter) && !all.includes(letter)) all += letter;
    return '';
  });
  return new RegExp(translated(body), all);
}

/** The errors of the patterns in these arguments. */
export function regexErrors(given: Readonly<Record<string, unknown>>, ...keys: readonly string[]): readonly ArgError[] {
  return keys.flatMap((key) => {
    const pattern = given[key];
    if (typeof pattern !== 'string') return [];
    try {
      regex(pattern);
      return [];
    } catch (error) {
      return [
        argError([key], 'E_ARGUMENT_VALUE', {
          problem: `'${pattern}' is not a regular expression: ${(error as Error).message}`,
        }),
      ];
    }
  });
}

/**
 * Expands a replacement text as Python does: \1, \g<1>, \g<name>,
 * , \t, \\.
 */
export function expand(template: string, match: RegExpExecArray | RegExpMatchArray): string {
  return template.replace(
    /\\(?:g<(\w+)>|(\d{1,2})|([ntr\\]))/g,
    (_, named?: string, index?: string, letter?: string) => {
      if (letter !== undefined) return ESCAPES[letter] ?? letter;
      const key = named ?? index ?? '0';
      return (/^\d+$/.test(key) ? match[Number(key)] : match.groups?.[key]) ?? '';
    },
  );
}
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

function translated(pattern: string): string {
  let out = '';
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    const char = pattern[at] ?? '';
    if (char === '\\') {
      const next = pattern[at + 1] ?? '';
      if (!inClass && next === 'Z') out += '(?![\\s\\S])';
      else if (!inClass && next === 'A') out += '(?<![\\s\\S])';
      else out += char + next;
      at++;
    } else if (inClass) {
      inClass = char !== ']';
      out += char;
    } else if (char === '[') {
      const opening = /^\[\^?\]?/.exec(rest)?.[0] ?? '[';
      inClass = true;
      out += opening.replace(']', '\\]');
      at += opening.length - 1;
    } else {
      const special = SPECIAL.find(([from]) => from.test(rest));
      const found = special?.[0].exec(rest)?.[0];
      if (special === undefined || found === undefined) out += char;
      else {
        out += found.replace(special[0], special[1]);
        at += found.length - 1;
      }
    }
  }
  return out;
}
const SPECIAL: readonly (readonly [RegExp, string])[] = [
  [/^\(\?P</, '(?<'],
  [/^\(\?P=(\w+)\)/, '\\k<$1>'],
  [/^\(\?#[^)]*\)/, ''],
  [/^\{,(\d+)\}/, '{0,$1}'],
];
