import type { Pos } from '../core/diagnostic.ts';
import { Float, type Raw, TemplateText } from '../core/value.ts';
import { HAS_TEMPLATE } from './source.ts';

/**
 * The value of a list or a dict in Python's notation, as values of INI inventories may have it. undefined: the text is
 * something else, and stays a string.
 */
export function pythonLiteral(text: string, at: Pos): Raw | undefined {
  const tokens = text.match(TOKEN) ?? [];
  if (tokens.join('') !== text) return undefined;
  const words = tokens.filter((token) => token.trim() !== '');
  let next = 0;
  const value = (): Raw | typeof WRONG => {
    const word = words[next++];
    if (word === '[' || word === '{') return many(word);
    return word === undefined ? WRONG : scalar(word, at);
  };
  const many = (open: '[' | '{'): Raw | typeof WRONG => {
    const close = open === '[' ? ']' : '}';
    const items: Raw[] = [];
    const dict: Record<string, Raw> = {};
    while (words[next] !== close) {
      const item = value();
      if (item === WRONG) return WRONG;
      if (open === '[') items.push(item);
      else {
        if (typeof item !== 'string' || words[next++] !== ':') return WRONG;
        const own = value();
        if (own === WRONG) return WRONG;
        dict[item] = own;
      }
      if (words[next] === ',') next++;
      else if (words[next] !== close) return WRONG;
    }
    next++;
    return open === '[' ? items : dict;
  };
  const result = value();
  return result === WRONG || next < words.length ? undefined : result;
}
const WRONG = Symbol('no literal');
const TOKEN = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[[\]{},:]|\s+|[^\s[\]{},:'"]+/g;

function scalar(word: string, at: Pos): Raw | typeof WRONG {
  if (/^['"]/.test(word)) {
    const text = word.slice(1, -1).replace(/\\(.)/g, (_, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? c);
    return HAS_TEMPLATE.test(text) ? new TemplateText(text, at) : text;
  }
  if (/^[-+]?(0|[1-9]\d*)$/.test(word)) return Number(word);
  if (/^[-+]?\d+\.\d*$/.test(word)) return Number.isInteger(Number(word)) ? new Float(Number(word)) : Number(word);
  return Object.hasOwn(CONSTANTS, word) ? (CONSTANTS[word] ?? null) : WRONG;
}
const CONSTANTS: Readonly<Record<string, Raw>> = { True: true, False: false, None: null };
