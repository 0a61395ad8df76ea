import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

const { username, homedir } = userInfo();
const seen = (path: string, more = ''): string =>
  play(`- stat: {path: '${path}'}\n  register: r\n- debug: {msg: "{{ r.stat.path }}"}`, more);
const GATHERED = 'gather_facts: true';

describe('a path on the host that begins with ~', () => {
  const gathering = (text: string): string => text.replace('gather_facts: false', GATHERED);
  it.each<[string, string, string]>([
    ['the login user, whose facts are known', gathering(seen('~')), homedir],
    ['the same by name', gathering(seen(`~${username}`)), homedir],
    ['root, without facts', seen('~root'), '/root'],
    ['the user that the inventory names', seen('~', 'vars: {ansible_user: root}'), '/root'],
  ])('is in the home of %s', async (_, text, home) => {
    const { said } = await project({ 'site.yml': text }).apply();
    expect(said).toEqual([`a: ${home}`]);
  });

  it('is found in lists of paths and under other names of the argument', async () => {
    const name = `.bringup-home-${process.pid}`;
    const p = project({
      'site.yml': gathering(
        play(
          `- file: {dest: '~/${name}', state: touch, mode: '0600'}\n- find: {paths: ['~'], patterns: '${name}', hidden: true}\n  register: r\n- file: {name: '~/${name}', state: absent}\n- debug: {msg: "{{ r.files | map(attribute='path') | join }}"}`,
        ),
      ),
    });
    expect((await p.apply()).said).toEqual([`a: ${join(homedir, name)}`]);
  });

  it('is refused if the home is not known', async () => {
    const { tasks } = await project({ 'site.yml': seen('~nobody-known') }).apply();
    expect(tasks[0]?.diagnostic).toMatchObject({
      code: 'E_ARGUMENT_VALUE',
      expected: expect.stringContaining('or with ~'),
    });
  });
});
