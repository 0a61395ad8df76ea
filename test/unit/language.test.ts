import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  fieldOf,
  isRefused,
  KEYWORDS,
  type Keyword,
  keywordsOn,
  type Place,
} from '../../src/core/language/keywords.ts';
import { ONE_HOST, play, project, TWO_HOSTS } from './support/project.ts';

/** A playbook that shows what a keyword does: test/language/KEYWORD.yml. */
type Fixture = Readonly<{
  /** The hosts: one (a), two (a and b), lost (which nothing answers). */
  hosts?: 'one' | 'two' | 'lost';
  options?: Readonly<{ tags?: string[] }>;
  site: string;
  files?: Readonly<Record<string, string>>;
  /** What debug prints. */
  said: readonly string[];
  failed?: boolean;
  /** The names of the tasks in the report. */
  tasks?: readonly string[];
  /** How many tasks show their diff. */
  diffs?: number;
}>;

const FOLDER = 'test/language';
const fixtures = new Map(
  readdirSync(FOLDER).map((file) => [
    file.replace(/\.yml$/, ''),
    parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as Fixture,
  ]),
);
const LOST = 'lost: {ansible_host: 127.0.0.1, ansible_port: 9, ansible_user: nobody}';
const HOSTS = { one: ONE_HOST, two: TWO_HOSTS, lost: `all:\n  hosts:\n    ${LOST}\n` };

/** Their effect needs a host that answers over ssh: test/lab/ways.test.ts. */
const ON_LAB_HOSTS = ['become_method', 'become_exe', 'become_flags', 'remote_user', 'port', 'user'];

const rows = Object.entries<Keyword>(KEYWORDS);

describe('every keyword has a fixture that shows its effect, or is refused by name', () => {
  it('none is without', () => {
    const missing = rows.filter(
      ([name, row]) => !isRefused(row) && !fixtures.has(name) && !ON_LAB_HOSTS.includes(name),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
    expect([...fixtures.keys()].filter((name) => !Object.hasOwn(KEYWORDS, name))).toEqual([]);
  });

  it.each([...fixtures])('%s', async (_, { hosts = 'one', site, files, said, options, failed, tasks, diffs }) => {
    const p = project({ 'hosts.yml': HOSTS[hosts], 'site.yml': site, ...files });
    const ran = await p.apply(options);
    expect(ran.said.map((line) => line.replace(/^\w+: /, '')).filter((line) => !line.startsWith('stopped'))).toEqual(
      said,
    );
    expect(ran.recap.failed).toBe(failed === true);
    if (tasks !== undefined) expect(ran.tasks.map((t) => t.task)).toEqual(tasks);
    if (diffs !== undefined) expect(ran.tasks.filter((t) => t.showsDiff)).toHaveLength(diffs);
  });
});

/** A value of the right type for a keyword, so that only its place can be wrong. */
const VALUES: Readonly<Record<string, string>> = {
  when: 'true',
  vars: '{x: 1}',
  tags: 'x',
  environment: '{X: y}',
  module_defaults: '{debug: {msg: x}}',
  become_method: 'sudo',
  connection: 'local',
  order: 'sorted',
  strategy: 'free',
  register: 'r',
  collections: '[a.b]',
  serial: '1',
};
const someValue = (name: string): string => {
  const row = (KEYWORDS as Readonly<Record<string, Keyword>>)[name];
  const type = row === undefined || isRefused(row) ? 'value' : row.type;
  return VALUES[name] ?? (type === 'flag' || type === 'boolean' || type === 'conditions' ? 'true' : '1');
};

/** A playbook with the keyword in each place. */
const AT: Readonly<Record<Place, (line: string) => Readonly<Record<string, string>>>> = {
  play: (line) => ({ 'site.yml': play('- debug: {msg: x}', line) }),
  role: (line) => ({ 'site.yml': play('- debug: {msg: x}', `roles:\n  - role: own_role\n    ${line}`) }),
  block: (line) => ({ 'site.yml': play(`- block: [{debug: {msg: x}}]\n  ${line}`) }),
  task: (line) => ({ 'site.yml': play(`- debug: {msg: x}\n  ${line}`) }),
  handler: (line) => ({
    'site.yml': `${play('- debug: {msg: x}')}  handlers:\n    - debug: {msg: x}\n      ${line}\n`,
  }),
  include: (line) => ({ 'site.yml': play(`- include_tasks: own.yml\n  ${line}`) }),
  import: (line) => ({ 'site.yml': play(`- import_tasks: own.yml\n  ${line}`) }),
  import_playbook: (line) => ({ 'site.yml': `- import_playbook: other.yml\n  ${line}\n` }),
};
const FILES = {
  'own.yml': '- debug: {msg: x}\n',
  'other.yml': play('- debug: {msg: x}'),
  'roles/own_role/tasks/main.yml': '- debug: {msg: x}\n',
};
const PLACES = Object.keys(AT) as Place[];
/** Words that a place reads by itself, before it looks at keywords. */
const STRUCTURE = [
  'name',
  'block',
  'rescue',
  'always',
  'hosts',
  'role',
  'loop',
  'loop_control',
  'action',
  'local_action',
  'args',
];

describe('a keyword in a place where nothing reads it is refused by name', () => {
  const wrong = PLACES.flatMap((place) =>
    rows
      .filter(([name, row]) => !STRUCTURE.includes(name) && (isRefused(row) || !row.on.includes(place)))
      // In a list of roles, any other word is a parameter of the role, as in Ansible. `user` and `gather_facts` are modules too.
      .filter(
        ([name, row]) =>
          !['user', 'gather_facts'].includes(name) && (place !== 'role' || (isRefused(row) && row.on.includes('role'))),
      )
      .map(([name]) => [place, name] as const),
  );
  it.each(wrong)('%s: %s', async (place, name) => {
    const found = await project({ ...AT[place](`${name}: ${someValue(name)}`), ...FILES }).mistakes();
    const codes = found.map((d) => d.code);
    expect(
      codes.some((code) => ['E_UNKNOWN_KEYWORD', 'E_UNSUPPORTED_KEYWORD', 'E_IMPORT_DYNAMIC'].includes(code)),
    ).toBe(true);
    expect(found.some((d) => d.message.includes(`'${name}'`))).toBe(true);
  });
});

describe('a keyword in a place that takes it is accepted', () => {
  const right = PLACES.flatMap((place) =>
    keywordsOn(place)
      .filter((name) => (KEYWORDS as Readonly<Record<string, Keyword>>)[name] !== undefined)
      .filter((name) => !STRUCTURE.includes(name) && !/tasks$|^handlers$|^roles$|^vars_|^gather_facts$/.test(name))
      .map((name) => [place, name] as const),
  );
  it.each(right)('%s: %s', async (place, name) => {
    expect(await project({ ...AT[place](`${name}: ${someValue(name)}`), ...FILES }).mistakes()).toEqual([]);
  });

  it('has a field of its own', () => {
    const fields = rows.map(([name]) => fieldOf(name));
    expect(new Set(fields).size).toBe(fields.length);
  });
});
