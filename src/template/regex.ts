import { unsupported, wrong } from './item.ts';

type Flags = Readonly<{ ignoreCase?: boolean; multiline?: boolean; global?: boolean; dotAll?: boolean }>;
const cache = new Map<string, RegExp>();

/**
 * Converts a Python pattern to a JavaScript RegExp. It translates (?P<n>…), (?P=n), flags such as (?imsx) at the start,
 * \A, \Z and $.
 */
export function pythonRegex(pattern: string, flags: Flags = {}): RegExp {
  const key = `${JSON.stringify(flags)}${pattern}`;
  const known = cache.get(key);
  if (known !== undefined) {
    known.lastIndex = 0;
    return known;
  }
  const regex = translate(pattern, flags);
  if (cache.size > 1000) cache.clear();
  cache.set(key, regex);
  return regex;
}

function translate(pattern: string, flags: Flags): RegExp {
  let { ignoreCase = false, multiline = false, dotAll = false } = flags;
  let body = pattern;
  for (let head = /^\(\?([aiLmsux]+)\)/.exec(body); head !== null; head = /^\(\?([aiLmsux]+)\)/.exec(body)) {
    const letters = head[1] ?? '';
    if (letters.includes('x'))
      unsupported('verbose regular expressions, (?x), are not supported', 'write the pattern on one line without (?x)');
    ignoreCase ||= letters.includes('i');
    multiline ||= letters.includes('m');
    dotAll ||= letters.includes('s');
    body = body.slice(head[0].length);
  }
  const source = rewrite(body, multiline);
  const letters = `${flags.global === true ? 'g' : ''}${ignoreCase ? 'i' : ''}${multiline ? 'm' : ''}${dotAll ? 's' : ''}`;
  try {
    return new RegExp(source, `${letters}u`);
  } catch {
    try {
      return new RegExp(source, letters); // Python accepts escapes of harmless characters (\-, \_), JavaScript's u flag does not
    } catch (error) {
      return wrong(`the regular expression is not valid: ${error instanceof Error ? error.message : ''}`);
    }
  }
}

/**
 * Translates named groups and anchors outside of classes. `$` without multiline also matches before a final newline.
 */
function rewrite(pattern: string, multiline: boolean): string {
  return pattern.replace(
    /\{,(?=\d+\})|(?:[*+?]|\{\d*,?\d*\})\+|\(\?>|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P<(\w+)>|\(\?P=(\w+)\)|\(\?#[^)]*\)|\$/g,
    (whole: string, open?: string, back?: string) => {
      if (whole === '{,') return '{0,';
      if (whole === '(?>' || /^(?:[*+?]|\{.*\})\+$/.test(whole))
        return unsupported(
          `'${whole}' in a regular expression is not supported`,
          'write it without possessive or atomic parts',
        );
      if (open !== undefined) return `(?<${open}>`;
      if (back !== undefined) return `\\k<${back}>`;
      if (whole === '\\A') return '(?<![\\s\\S])';
      if (whole === '\\Z') return '(?![\\s\\S])';
      if (whole === '\\a') return '\\x07';
      if (/^\\[a-zA-Z]$/.test(whole) && !/[bBdDsSwWfnrtuvx]/.test(whole[1] ?? ''))
        return wrong(`bad escape '${whole}' in the regular expression`, { hint: 'write the character itself' });
      if (whole === '$') return multiline ? '$' : '(?=\\n?(?![\\s\\S]))';
      if (whole.startsWith('(?#')) return '';
      if (whole.startsWith('['))
        return whole
          .replace(/^\[(\^?)\]/, '[$1\\]')
          .replace(/(?!^)\[(?=.)/g, (bracket, at: number, all: string) => (all[at - 1] === '\\' ? bracket : '\\['));
      return whole;
    },
  );
}

/**
 * Expands a replacement as Python's re.sub does: \1, \g<1>, \g<name>,
 * .
 */
export function expand(
  replacement: string,
  groups: readonly (string | undefined)[],
  named: Readonly<Record<string, string | undefined>>,
): string {
  return replacement.replace(
    /\\(?:g<(\w+)>|(\d{1,2})|([\s\S]))/g,
    (whole: string, name?: string, digits?: string, char?: string) => {
      const wanted = digits ?? (name !== undefined && /^\d+$/.test(name) ? name : undefined);
      if (wanted !== undefined) {
        if (Number(wanted) >= groups.length) wrong(`invalid group reference ${wanted} in the replacement`);
        return groups[Number(wanted)] ?? '';
      }
      if (name !== undefined)
        return Object.hasOwn(named, name)
          ? (named[name] ?? '')
          : wrong(`unknown group name '${name}' in the replacement`);
      const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };
      return char === undefined ? whole : (escapes[char] ?? whole);
    },
  );
}
