// Texts in the INI format as Python's configparser reads and writes them (`interpolation=None`, names as written).
import { type Dict, dictOf, entriesOf, type Item, isMapping, wrong } from '../item.ts';
import { type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';

const DEFAULT = 'DEFAULT';

export const iniFilters: Readonly<Record<string, Operation>> = {
  /** A dict of sections, each a dict of texts. A section also has the values of DEFAULT. */
  from_ini: value('', (item) => {
    const sections = read(text(item));
    const common = sections.get(DEFAULT) ?? new Map<string, string>();
    const own = [...sections].filter(([name]) => name !== DEFAULT);
    const all = own.map(([name, values]) => [name, dictOf([...new Map([...common, ...values])])] as const);
    return dictOf(common.size > 0 ? [...all, [DEFAULT, dictOf([...common])] as const] : all);
  }),
  to_ini: value('', (item) => {
    if (!isMapping(item)) return wrong('to_ini needs a dict of sections');
    const sections = entriesOf(item);
    if (sections.length === 0) return wrong('to_ini received an empty dict. An empty dict cannot be converted.');
    const first = sections.filter(([name]) => str(name) === DEFAULT);
    const ordered = [...first, ...sections.filter(([name]) => str(name) !== DEFAULT)];
    return ordered.map(([name, values]) => section(str(name), values)).join('\n');
  }),
};

function section(name: string, values: Item): string {
  if (!isMapping(values)) return wrong(`to_ini: the section '${name}' is no dict`);
  const lines = entriesOf(values as Dict).map(([key, one]) => `${str(key)} = ${str(one).replaceAll('\n', '\n\t')}\n`);
  return `[${name}]\n${lines.join('')}`;
}

function read(source: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let values: Map<string, string> | undefined;
  let last: string | undefined;
  for (const [i, raw] of source.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    if (/^\s/.test(raw) && last !== undefined && values !== undefined) {
      values.set(last, `${values.get(last) ?? ''}\n${line}`);
      continue;
    }
    const head = /^\[(.+)\]/.exec(line)?.[1];
    if (head !== undefined) {
      if (head !== DEFAULT && sections.has(head)) wrong(`from_ini: the section '${head}' stands twice (line ${i + 1})`);
      values = sections.get(head) ?? new Map<string, string>();
      sections.set(head, values);
      last = undefined;
      continue;
    }
    const [, name, one = ''] = /^(.*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (values === undefined || name === undefined || name === '')
      return wrong(`from_ini: line ${i + 1} is neither a section nor a setting: ${line}`);
    if (values.has(name)) wrong(`from_ini: the setting '${name}' stands twice in its section (line ${i + 1})`);
    values.set(name, one);
    last = name;
  }
  return sections;
}
