import { describe, expect, test } from 'vitest';
import { alternatives } from '../../../src/modules/alternatives.ts';
import { bound, changes, context, words } from './harness.ts';

const QUERY = `Installed: yes
There: yes
Name: editor
Link: /usr/bin/editor
Slaves:
 editor.1.gz /usr/share/man/man1/editor.1.gz
Status: auto
Best: /bin/nano
Value: /bin/nano

Alternative: /bin/ed
Priority: -100
Slaves:
 editor.1.gz /usr/share/man/man1/ed.1.gz

Alternative: /bin/nano
Priority: 40
Slaves:
 editor.1.gz /usr/share/man/man1/nano.1.gz
`;
const SLAVE = { name: 'editor.1.gz', path: '/usr/share/man/man1/nano.1.gz', link: '/usr/share/man/man1/editor.1.gz' };
const plan = (args: Readonly<Record<string, unknown>>, observed = QUERY) =>
  bound(alternatives, { name: 'editor', path: '/bin/nano', ...args }).plan(observed, context());

describe('what is planned', () => {
  test.each([
    ['selected already', {}, QUERY, []],
    ['another', { path: '/bin/ed' }, QUERY, ['editor: select /bin/ed']],
    [
      'a new one',
      { path: '/bin/vi' },
      QUERY,
      ['editor: register /bin/vi with the priority 50', 'editor: select /bin/vi'],
    ],
    [
      'present only',
      { path: '/bin/vi', state: 'present', priority: 5 },
      QUERY,
      ['editor: register /bin/vi with the priority 5'],
    ],
    ['another priority', { priority: 41 }, QUERY, ['editor: register /bin/nano with the priority 41']],
    ['its own priority', { priority: 40, subcommands: [SLAVE] }, QUERY, []],
    ['other links', { slaves: [{ ...SLAVE, path: '/x' }] }, QUERY, ['editor: register /bin/nano with the priority 40']],
    ['auto already', { state: 'auto' }, QUERY, []],
    ['auto', { state: 'auto' }, QUERY.replace('auto', 'manual'), ['editor: select by priority']],
    ['absent', { state: 'absent' }, QUERY, ['editor: remove /bin/nano']],
    ['absent already', { path: '/bin/vi', state: 'absent' }, QUERY, []],
    [
      'a new group',
      { link: '/usr/bin/editor' },
      'Installed: yes\n',
      ['editor: register /bin/nano with the priority 50', 'editor: select /bin/nano'],
    ],
    ['a new group without a link', {}, 'Installed: yes\n', 'there is no alternative editor on the host'],
    ['no tool', {}, '', 'the host has no update-alternatives'],
  ] as const)('%s', (_, args, observed, expected) => {
    expect(words(plan(args, observed))).toEqual(expected);
  });

  test('the links of an alternative stay when only its priority changes', () => {
    expect(changes(plan({ priority: 41 }))[0]?.run.text).toContain(
      '--install /usr/bin/editor editor /bin/nano 41 --slave /usr/share/man/man1/editor.1.gz editor.1.gz /usr/share/man/man1/nano.1.gz',
    );
  });
});
