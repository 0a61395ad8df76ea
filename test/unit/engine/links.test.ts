import { mkdirSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { play, project, type Ran } from '../support/project.ts';

const statuses = (ran: Ran): readonly string[] => ran.lines.map((l) => l.split(' ').at(-1) ?? '');

describe('a file with several names', () => {
  const edit = (path: string, line: string): string => `- lineinfile: {path: '{T}/${path}', line: ${line}}\n`;

  it('keeps the edits of all tasks, through a link to it, to its directory and to that link', async () => {
    const p = project({
      'real/conf': 'first\n',
      'site.yml': play(
        edit('real/conf', 'one') + edit('alias/conf', 'two') + edit('again/conf', 'three') + edit('link', 'four'),
      ),
    });
    symlinkSync('real', p.path('alias'));
    symlinkSync(p.path('alias'), p.path('again'));
    symlinkSync('again/conf', p.path('link'));
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(Array(4).fill('changed'));
    expect(p.read('real/conf')).toBe('first\none\ntwo\nthree\nfour\n');
    const again = await p.apply();
    expect([statuses(again), again.recap.hosts[0]?.trips]).toEqual([Array(4).fill('ok'), 1]);
  });

  it('keeps the edits of a loop over its names', async () => {
    const p = project({
      conf: '',
      'site.yml': play("- lineinfile: {path: '{T}/{{ item }}', line: '{{ item }}'}\n  loop: [conf, one, two]\n"),
    });
    for (const name of ['one', 'two']) symlinkSync('conf', p.path(name));
    expect(statuses(await p.apply())).toEqual(Array(3).fill('changed'));
    expect(p.read('conf')).toBe('conf\none\ntwo\n');
  });

  it('is not known under a name before the link of that name is created', async () => {
    const p = project({
      'real/conf': '',
      'site.yml': play(
        `- file: {path: '{T}/made', src: '{T}/real', state: link}\n${edit('real/conf', 'one')}${edit('made/conf', 'two')}`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(Array(3).fill('changed'));
    expect(p.read('real/conf')).toBe('one\ntwo\n');
  });

  it('follows a link that was changed', async () => {
    const p = project({
      'old/conf': '',
      'new/conf': '',
      'site.yml': play(
        `${edit('current/conf', 'one')}- file: {path: '{T}/current', src: '{T}/new', state: link}\n${edit('new/conf', 'two')}${edit('current/conf', 'three')}`,
      ),
    });
    symlinkSync(p.path('old'), p.path('current'));
    expect(statuses(await p.apply())).toEqual(Array(4).fill('changed'));
    expect([p.read('old/conf'), p.read('new/conf')]).toEqual(['one\n', 'two\nthree\n']);
  });

  it('makes a later task of a plan unknown under its other name', async () => {
    const p = project({
      'real/conf': 'x\n',
      'site.yml': play(
        `- copy: {dest: '{T}/real/conf', content: "y\\n"}\n- stat: {path: '{T}/alias/conf'}\n  register: seen\n- stat: {path: '{T}/other/conf'}\n`,
      ),
    });
    mkdirSync(p.path('other'));
    symlinkSync('real', p.path('alias'));
    expect(statuses(await p.plan())).toEqual(['changed', 'unknown', 'ok']);
  });
});
