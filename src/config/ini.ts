import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { Float, type Raw, TemplateText } from '../core/value.ts';
import { addHost, type Draft, expandRange, group } from './draft.ts';
import { pythonLiteral } from './python-literal.ts';
import { HAS_TEMPLATE } from './source.ts';

/** Parses Ansible's INI inventory: [group], [group:children], [group:vars], `host[1:3] key=value …`. */
export function parseIni(text: string, file: string, draft: Draft, problems: Diagnostic[]): void {
  let section = { name: 'ungrouped', kind: 'hosts' };
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const indent = raw.length - raw.trimStart().length;
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const at: Pos = { file, line: i + 1, col: indent + 1, length: line.length };
    if (line.startsWith('[')) section = readHeader(line, at, draft, problems) ?? section;
    else if (section.kind === 'hosts') readHost(line, at, section.name, draft, problems);
    else if (section.kind === 'children') {
      const child = (line.split(/\s|#/)[0] ?? line).trim();
      group(draft, section.name, at).children.set(child, at);
      group(draft, child, at);
    } else readVar(line, at, section.name, draft, problems);
  }
}

function readHeader(
  line: string,
  at: Pos,
  draft: Draft,
  problems: Diagnostic[],
): { name: string; kind: string } | undefined {
  const [, name, kind = 'hosts'] = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:[#;].*)?$/.exec(line) ?? [];
  if (name === undefined) {
    problems.push(tell('E_INI_SECTION', { line }, at));
    return undefined;
  }
  if (!['hosts', 'vars', 'children'].includes(kind)) {
    problems.push(tell('E_UNKNOWN_SECTION', { kind }, at));
    return undefined;
  }
  group(draft, name, at);
  return { name, kind };
}

function readHost(line: string, at: Pos, section: string, draft: Draft, problems: Diagnostic[]): void {
  const words = splitWords(line);
  if (words === undefined) {
    problems.push(tell('E_INI_QUOTE', { line }, at));
    return;
  }
  const [pattern = '', ...pairs] = words;
  const vars: Record<string, Raw> = {};
  for (const pair of pairs) {
    const eq = pair.indexOf('=');
    if (eq < 1) {
      problems.push(tell('E_INI_KEY_VALUE', { text: pair }, at));
      continue;
    }
    vars[pair.slice(0, eq)] = literal(pair.slice(eq + 1), at);
  }
  for (const name of expandRange(pattern, at, problems)) {
    const port = /^([^:]+):(\d+)$/.exec(name);
    if (port === null) addHost(draft, section, name, at, vars);
    else addHost(draft, section, port[1] ?? name, at, { ansible_port: Number(port[2]), ...vars });
  }
}

function readVar(line: string, at: Pos, section: string, draft: Draft, problems: Diagnostic[]): void {
  const eq = line.indexOf('=');
  if (eq < 1) problems.push(tell('E_INI_KEY_VALUE', { text: line }, at));
  else group(draft, section, at).vars[line.slice(0, eq).trim()] = literal(line.slice(eq + 1).trim(), at);
}

/**
 * Splits words as sh does: quotes keep words together, and a # at the start of a word ends the line. undefined: a quote
 * is not closed.
 */
function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i] ?? '';
    if (quote !== '') {
      if (c === quote) quote = '';
      else if (c === '\\' && quote === '"' && i + 1 < line.length) word = (word ?? '') + line[++i];
      else word = (word ?? '') + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= '';
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === '#' && word === undefined) break;
    else word = (word ?? '') + c;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}

/** Parses Python literals (numbers, True/False/None, quoted strings, lists, dicts). Anything else is a string. */
function literal(text: string, at: Pos): Raw {
  const bare = text.replace(/\s+#.*$/, '');
  if (/^[-+]?(0|[1-9]\d*)$/.test(bare)) return Number(bare);
  if (/^[-+]?\d+\.\d*$/.test(bare)) return Number.isInteger(Number(bare)) ? new Float(Number(bare)) : Number(bare);
  if (/^[[{]/.test(bare)) {
    const found = pythonLiteral(bare, at);
    if (found !== undefined) return found;
  }
  if (bare === 'True') return true;
  if (bare === 'False') return false;
  if (bare === 'None') return null;
  const quoted = /^(['"])(.*)\1$/.exec(bare);
  const value = quoted?.[2] ?? bare;
  return HAS_TEMPLATE.test(value) ? new TemplateText(value, at) : value;
}
