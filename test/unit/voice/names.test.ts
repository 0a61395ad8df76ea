import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entry, type MapNode, type Node, parseYaml } from '../../../src/config/source.ts';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';

type Kind = 'play' | 'task' | 'handler' | 'check' | 'drill';
/** `scope`: where a name must be unique. */
type Named = Readonly<{ at: string; kind: Kind; scope: string; name: string | undefined }>;

const LONGEST = 70;
/** A pronoun in a list of names has no noun, and a question does not say what is done. */
const UNCLEAR = /^(it|its|what|who|whom|that|how|those|they|their|them|there)\b/i;
/** Names of programs that are written in lower case. */
const LOWER_CASE = ['db-guard', 'dnsmasq', 'etcd', 'nftables', 'sshd', 'systemd'];
/** These run other files and print no line of their own. */
const SILENT = ['import_tasks', 'import_role', 'import_playbook', 'include_tasks', 'include_role', 'block'];
const ITEMS = ['tasks', 'pre_tasks', 'post_tasks', 'block', 'rescue', 'always'];

const mapsIn = (node: Node | undefined): readonly MapNode[] =>
  node?.kind === 'seq' ? node.items.filter((item) => item.kind === 'map') : [];
const textAt = (node: MapNode, key: string): string | undefined => {
  const value = entry(node, key)?.value;
  return value?.kind === 'scalar' ? value.source : undefined;
};

function kindOf(path: string): Kind | undefined {
  if (/(^|\/)(defaults|vars|group_vars|host_vars|templates|files|meta)\//.test(path)) return undefined;
  if (/(^|\/)checks\//.test(path)) return 'check';
  if (/(^|\/)drills\//.test(path)) return 'drill';
  if (/\/handlers\//.test(path)) return 'handler';
  return /\/tasks\//.test(path) ? 'task' : 'play';
}

/** Everything in a file that prints a line with its name. */
function namesIn(path: string, text: string): readonly Named[] {
  const problems: Diagnostic[] = [];
  const root = parseYaml(text, path, problems);
  expect(problems).toEqual([]);
  const role = /roles\/([^/]+)\//.exec(path)?.[1];
  const scope = role === undefined ? path : `role ${role}`;
  const found: Named[] = [];
  const add = (node: MapNode, kind: Kind, where: string): void => {
    const name = textAt(node, 'name');
    const isSilent = node.entries.some((e) => SILENT.includes(e.key.replace(/^ansible\.builtin\./, '')));
    if (name !== undefined || !isSilent) found.push({ at: `${path}:${node.at.line}`, kind, scope: where, name });
  };
  const read = (list: Node | undefined, kind: Kind, where: string): void => {
    for (const node of mapsIn(list)) {
      add(node, kind, where);
      for (const { key, value } of node.entries) {
        if (ITEMS.includes(key)) read(value, kind === 'handler' ? kind : 'task', where);
        if (key === 'handlers') read(value, 'handler', where);
        if (kind === 'drill' && key === 'checks') read(value, 'check', `${where}, drill at line ${node.at.line}`);
      }
    }
  };
  const kind = kindOf(path);
  if (kind !== undefined) read(root, kind, scope);
  return found;
}

function refusals(names: readonly Named[]): readonly string[] {
  const first = new Map<string, string>();
  return names.flatMap(({ at, kind, scope, name }) => {
    const refuse = (why: string): string => `${at}: ${name === undefined ? `a ${kind}` : `'${name}'`} ${why}`;
    if (name === undefined) return [refuse('has no name')];
    const refused: string[] = [];
    if (UNCLEAR.test(name)) refused.push(refuse('begins with a pronoun or a question word'));
    if (name.length > LONGEST) refused.push(refuse(`has ${name.length} characters, more than ${LONGEST}`));
    const mayBegin = /^\p{Lu}/u.test(name) || LOWER_CASE.includes(name.split(' ')[0] ?? '');
    const isTemplate = kind === 'check' && name.startsWith('{{');
    if (!mayBegin && !isTemplate) refused.push(refuse('must begin with a capital letter or a known program name'));
    const other = first.get(`${scope}\n${name}`);
    if (other !== undefined) refused.push(refuse(`is also the name at ${other}`));
    first.set(`${scope}\n${name}`, at);
    return refused;
  });
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => join(folder, name))
    .sort();

describe('names that a run prints', () => {
  it.each<[string, string, string[]]>([
    ['roles/a/tasks/main.yml', '- name: Install Nginx\n  apt: {name: nginx}\n', []],
    [
      'roles/a/tasks/main.yml',
      '- name: Its units\n  copy: {}\n',
      ["1: 'Its units' begins with a pronoun or a question word"],
    ],
    ['roles/a/handlers/main.yml', '- service: {name: a}\n', ['1: a handler has no name']],
    ['roles/a/tasks/main.yml', '- import_tasks: b.yml\n- block:\n    - copy: {}\n', ['3: a task has no name']],
    [
      'roles/a/tasks/main.yml',
      '- name: Copy\n  copy: {}\n- name: Outer\n  block: []\n  rescue:\n    - name: Copy\n      copy: {}\n',
      ["6: 'Copy' is also the name at roles/a/tasks/main.yml:1"],
    ],
    [
      'site.yml',
      '- name: web servers\n  hosts: web\n- hosts: all\n  handlers:\n    - name: How it ends\n      copy: {}\n',
      [
        "1: 'web servers' must begin with a capital letter or a known program name",
        '3: a play has no name',
        "5: 'How it ends' begins with a pronoun or a question word",
      ],
    ],
    [
      'checks/site.yml',
      `- name: '{{ item }} answers'\n  ping: {}\n- name: ${'A'.repeat(71)}\n  ping: {}\n`,
      [`3: '${'A'.repeat(71)}' has 71 characters, more than 70`],
    ],
    [
      'drills/a.yml',
      '- name: Kill Nginx\n  watch: [{name: writable}]\n  checks: &c\n    - name: nginx runs\n- name: Stop Nginx\n  checks: *c\n',
      Array(2).fill("4: 'nginx runs' must begin with a capital letter or a known program name"),
    ],
  ])('in %s are rejected if unclear: %j', (path, text, wanted) => {
    expect(refusals(namesIn(path, text))).toEqual(wanted.map((line) => `${path}:${line}`));
  });

  it('are clear in all playbooks of the product', () => {
    const names = filesBelow('playbooks').flatMap((path) => namesIn(path, readFileSync(path, 'utf8')));
    expect(refusals(names)).toEqual([]);
    const count = (kind: Kind): number => names.filter((n) => n.kind === kind).length;
    expect(count('play')).toBeGreaterThan(20);
    expect(count('task')).toBeGreaterThan(200);
    expect(count('handler')).toBeGreaterThan(20);
    expect(count('check')).toBeGreaterThan(40);
    expect(count('drill')).toBeGreaterThan(25);
  });
});
