// Adds a host to the text of an inventory. Everything else in the text stays as it is: comments, order, line ends.
import type { Pos } from '../core/diagnostic.ts';
import { isIni } from './inventory.ts';
import { entry, type MapNode, type Node, parseYaml } from './source.ts';

/** A host to add to a group, with its variables. */
export type NewHost = Readonly<{ name: string; group: string; vars: Readonly<Record<string, string | number>> }>;

/**
 * The text with the host at the end of its group. undefined: the text does not define the group, or defines it in a way
 * that cannot be edited, such as with an alias. The caller reads the result again to see that the host is there.
 */
export function withHost(file: string, text: string, host: NewHost): string | undefined {
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  if (file.endsWith('.json')) return undefined;
  const plain = text.replaceAll('\r\n', '\n');
  const edited = isIni(file, text) ? inIni(plain, host) : inYaml(plain, host);
  return edited?.replaceAll('\n', end);
}

/** The host as a line of this file's format, for messages. */
export function lineFor(file: string, text: string, host: NewHost): string {
  return isIni(file, text) ? iniLine(host) : `${host.name}: ${flowVars(host)}`;
}

function inIni(text: string, host: NewHost): string | undefined {
  const lines = text.split('\n');
  const headers = lines.flatMap((line, i) => (/^\s*\[/.test(line) ? [i] : []));
  const named = (header: string) => headers.find((i) => lines[i]?.trim().replace(/\s*[#;].*$/, '') === `[${header}]`);
  const begin = ['all', 'ungrouped'].includes(host.group) ? (named(host.group) ?? -1) : named(host.group);
  if (begin === undefined) {
    const other = named(`${host.group}:vars`) ?? named(`${host.group}:children`);
    if (other === undefined) return undefined;
    return lines.toSpliced(other, 0, `[${host.group}]`, iniLine(host), '').join('\n');
  }
  const next = headers.find((i) => i > begin) ?? lines.length;
  let last = next - 1;
  while (last > begin && !isIniHost(lines[last])) last--;
  return lines.toSpliced(last + 1, 0, iniLine(host)).join('\n');
}

const isIniHost = (line = ''): boolean => !/^\s*([#;].*)?$/.test(line);
const iniLine = ({ name, vars }: NewHost): string =>
  [name, ...Object.entries(vars).map(([key, value]) => `${key}=${value}`)].join(' ');

function inYaml(text: string, host: NewHost): string | undefined {
  const root = parseYaml(text, '', []);
  const found = root === undefined ? undefined : groupIn(root, host.group);
  if (found === undefined) return undefined;
  const { at, node } = found;
  const lines = text.split('\n');
  const hosts = node.kind === 'map' ? entry(node, 'hosts') : undefined;
  if (hosts !== undefined) {
    if (hosts.value.kind === 'scalar') return below(lines, hosts.keyAt, [`  ${blockHost(host)}`]);
    return hosts.value.kind === 'map' ? amongHosts(lines, hosts.value, host) : undefined;
  }
  const more = [`hosts:`, `  ${blockHost(host)}`];
  if (node.kind === 'scalar') return below(lines, at, [`  ${more[0]}`, `  ${more[1]}`]);
  if (node.kind !== 'map') return undefined;
  if (isFlow(lines, node.at)) return intoFlow(lines, node.at, `hosts: {${blockHost(host)}}`);
  const indent = ' '.repeat(node.at.col - 1);
  return lines.toSpliced(node.at.line - 1, 0, ...more.map((line) => indent + line)).join('\n');
}

/** The first place where a group is written with something in it, else where it is written at all. */
function groupIn(node: Node, name: string): Readonly<{ at: Pos; node: Node }> | undefined {
  if (node.kind !== 'map') return undefined;
  const all: { at: Pos; node: Node }[] = [];
  const visit = (groups: MapNode): void => {
    for (const { key, keyAt, value } of groups.entries) {
      if (key === name) all.push({ at: keyAt, node: value });
      const children = value.kind === 'map' ? entry(value, 'children')?.value : undefined;
      if (children?.kind === 'map') visit(children);
    }
  };
  visit(node);
  const hasHosts = (one: Node): boolean => one.kind === 'map' && entry(one, 'hosts') !== undefined;
  return all.find((one) => hasHosts(one.node)) ?? all.find((one) => one.node.kind === 'map') ?? all[0];
}

/** After the last host, in the way in which that one is written. */
function amongHosts(lines: readonly string[], hosts: MapNode, host: NewHost): string | undefined {
  if (isFlow(lines, hosts.at)) return intoFlow(lines, hosts.at, blockHost(host));
  const last = hosts.entries.at(-1);
  if (last === undefined) return undefined;
  const { line, col } = last.keyAt;
  const indent = ' '.repeat(col - 1);
  let end = line; // the number of the last line of the host
  for (let i = line; i < lines.length; i++) {
    const text = lines[i] ?? '';
    if (text.trim() === '') continue;
    if (text.search(/\S/) < col) break;
    end = i + 1;
  }
  const isBlock = last.value.kind === 'map' && last.value.entries.length > 0 && last.value.at.line > line;
  const step = isBlock && last.value.at.col > col ? ' '.repeat(last.value.at.col - col) : '  ';
  const own = isBlock
    ? [`${host.name}:`, ...Object.entries(host.vars).map(([key, value]) => `${step}${key}: ${scalar(value)}`)]
    : [blockHost(host)];
  return lines.toSpliced(end, 0, ...own.map((one) => indent + one)).join('\n');
}

/** Below a key that has no value. */
function below(lines: readonly string[], { line, col }: Pos, more: readonly string[]): string {
  const indent = ' '.repeat(col - 1);
  const head = (lines[line - 1] ?? '').replace(/:\s*(null|~)\s*(?=$|#)/, ': ').trimEnd();
  return lines.toSpliced(line - 1, 1, head, ...more.map((one) => indent + one)).join('\n');
}

const isFlow = (lines: readonly string[], { line, col }: Pos): boolean => lines[line - 1]?.[col - 1] === '{';

/** Before the bracket that closes the map at this place. */
function intoFlow(lines: readonly string[], { line, col }: Pos, item: string): string | undefined {
  const text = lines.join('\n');
  const begin = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + col - 1;
  let depth = 0;
  let last = begin; // the last character that is neither a space nor part of a comment
  for (let i = begin; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '#' && /\s/.test(text[i - 1] ?? '')) i = text.indexOf('\n', i);
    else if (c === '"' || c === "'") {
      i = endOfQuote(text, i);
      last = i;
    } else if (c === '}' && --depth === 0) {
      const isEmpty = last === begin;
      const before = isEmpty ? '' : text[last] === ',' ? ' ' : text[last] === ':' ? ' , ' : ', ';
      return `${text.slice(0, last + 1)}${before}${item}${text.slice(last + 1)}`;
    } else if (!/\s/.test(c)) {
      if (c === '{') depth++;
      last = i;
    }
    if (i < begin) return undefined; // a comment that ends the text
  }
  return undefined;
}

function endOfQuote(text: string, begin: number): number {
  const quote = text[begin];
  for (let i = begin + 1; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i++;
    else if (text[i] === quote) return i;
  }
  return text.length;
}

const blockHost = (host: NewHost): string => `${host.name}: ${flowVars(host)}`;
const flowVars = ({ vars }: NewHost): string =>
  `{${Object.entries(vars)
    .map(([key, value]) => `${key}: ${scalar(value)}`)
    .join(', ')}}`;
/** Quoted unless YAML reads the plain word as the same text. */
const scalar = (value: string | number): string =>
  typeof value === 'number' || /^[a-z][\w./-]*$/i.test(value) || /^\d+(\.\d+){3}$/.test(value)
    ? /^(y|n|yes|no|on|off|true|false|null)$/i.test(String(value))
      ? `'${value}'`
      : String(value)
    : `'${String(value).replaceAll("'", "''")}'`;
