import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { play, project, type Ran } from '../support/project.ts';

const file = (name: string, more = ''): string => `- copy: {dest: '{T}/${name}', content: "${name}\\n"}\n${more}`;
const statuses = (ran: Ran): readonly string[] => ran.lines.map((l) => l.split(' ').at(-1) ?? '');
const trips = (ran: Ran): number | undefined => ran.recap.hosts[0]?.trips;

describe('changes of several tasks in one round trip', () => {
  it('if none depends on what another alters: two round trips for all', async () => {
    const p = project({
      'site.yml': play(
        `${['a', 'b', 'c', 'd'].map((n) => file(n)).join('')}${file('e', '  when: false\n')}${file('{{ item }}', '  loop: [f, g]\n')}- lineinfile: {path: '{T}/own', line: x, create: true}\n`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual([...Array(4).fill('changed'), 'skipped', 'changed', 'changed', 'changed']);
    expect(trips(ran)).toBe(2);
    expect(['a', 'd', 'f', 'g'].map(p.read)).toEqual(['a\n', 'd\n', 'f\n', 'g\n']);
    expect(existsSync(p.path('e'))).toBe(false);
    const again = await p.apply();
    expect([again.recap.hosts[0]?.changed, trips(again)]).toEqual([0, 1]);
  });

  it('of loops whose items follow each other: directories in directories, edits of one text', async () => {
    const elsewhere = mkdtempSync('/dev/shm/bringup-unit-'); // a change that creates directories may alter everything beside them
    onTestFinished(() => rmSync(elsewhere, { recursive: true }));
    writeFileSync(join(elsewhere, 'own'), '');
    const p = project({
      'site.yml': play(
        `- copy: {dest: '${elsewhere}/a', content: x}\n- file: {path: '{T}/{{ item }}', state: directory}\n  loop: [d, d/e, d/e/f]\n- lineinfile: {path: '${elsewhere}/own', line: '{{ item }}'}\n  loop: [one, two]\n- file: {path: '${elsewhere}/b', state: directory}\n`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(Array(7).fill('changed'));
    expect([existsSync(p.path('d/e/f')), readFileSync(join(elsewhere, 'own'), 'utf8')]).toEqual([true, 'one\ntwo\n']);
    expect(trips(ran)).toBe(2);
  });

  it('with tasks in between that have nothing to do', async () => {
    const p = project({ 'site.yml': play(['a', 'b', 'c', 'd', 'e', 'f'].map((n) => file(n)).join('')) });
    p.write({ b: 'b\n', c: 'c\n', d: 'd\n', e: 'e\n' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'ok', 'ok', 'ok', 'ok', 'changed']);
    expect([p.read('f'), trips(ran)]).toEqual(['f\n', 2]);
  });

  it('a task that depends on an earlier one runs after it was probed again', async () => {
    const p = project({
      'site.yml': play(
        `- file: {path: '{T}/d', state: directory}\n${file('d/f')}- lineinfile: {path: '{T}/d/f', line: more}\n- replace: {path: '{T}/d/f', regexp: more, replace: less}\n`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'changed', 'changed']);
    expect(p.read('d/f')).toBe('d/f\nless\n');
  });

  it('a task that would alter the read-back of an earlier one runs after it', async () => {
    const p = project({
      'site.yml': play(`${file('d/f')}- file: {path: '{T}/d', state: absent}\n${file('e')}`),
    });
    p.write({ 'd/x': '' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'changed']);
    expect(['d', 'e'].map((n) => existsSync(p.path(n)))).toEqual([false, true]);
  });

  it('the first failure ends the series on the host too, and earlier tasks are reported', async () => {
    const p = project({
      'site.yml': play(
        `${file('a')}- copy: {dest: '{T}/b', content: b, validate: 'false %s'}\n${file('c')}${file('d')}`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'failed']);
    expect(['a', 'b', 'c', 'd'].map((n) => existsSync(p.path(n)))).toEqual([true, false, false, false]);
    expect(ran.recap.hosts[0]).toMatchObject({ changed: 1, failed: 1 });
    expect(trips(ran)).toBe(2);
  });

  it('other items of a loop still run after a failure; the next task does not', async () => {
    const p = project({
      'site.yml': play(
        `${file('a')}- copy: {dest: '{T}/{{ item }}', content: x, validate: "sh -c '[ {{ item }} != c ]' %s"}\n  loop: [b, c, d]\n${file('e')}`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'failed', 'changed']);
    expect(['a', 'b', 'c', 'd', 'e'].map((n) => existsSync(p.path(n)))).toEqual([true, true, false, true, false]);
  });

  it('a failure that is rescued or ignored has its usual effect', async () => {
    const bad = `- copy: {dest: '{T}/bad', content: b, validate: 'false %s'}\n`;
    const p = project({
      'site.yml': play(
        `- block:\n${`${file('a')}${bad}${file('never')}`.replace(/^(?=.)/gm, '    ')}  rescue:\n    - debug: msg={{ ansible_failed_task.name }}\n${file('b')}${bad}  ignore_errors: true\n${file('c')}`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'failed', 'ok', 'changed', 'ignored', 'changed']);
    expect(ran.said).toEqual([`a: copy ${p.path('bad')}`]);
    expect(['a', 'b', 'c', 'never'].map((n) => existsSync(p.path(n)))).toEqual([true, true, true, false]);
  });

  it('the next task can read a registered value', async () => {
    const p = project({
      'site.yml': play(
        `${file('a')}${file('b', '  register: made\n')}${file('c', '  when: made is changed\n')}${file('d', '  when: made is not changed\n')}`,
      ),
    });
    expect(statuses(await p.apply())).toEqual(['changed', 'changed', 'changed', 'skipped']);
    expect(statuses(await p.apply())).toEqual(['ok', 'ok', 'skipped', 'changed']);
  });

  it('each task notifies its own handlers, and changed_when decides', async () => {
    const p = project({
      'site.yml': play(
        `${file('a', '  notify: one\n')}${file('b', '  notify: two\n')}${file('c', '  notify: three\n  changed_when: false\n')}`,
      ).concat(
        `  handlers:\n${['one', 'two', 'three'].map((n) => `    - {name: ${n}, shell: echo ${n} >>{T}/log}\n`).join('')}`,
      ),
    });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'ok', 'changed', 'changed']);
    expect(p.read('log')).toBe('one\ntwo\n');
  });

  it('a wrong condition on the result is reported with its position', async () => {
    const p = project({ 'site.yml': play(`${file('a')}${file('b', '  changed_when: 1 + "x"\n')}`) });
    p.write({ b: 'b\n' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'failed']);
    expect(ran.tasks.at(-1)?.diagnostic?.at?.line).toBeGreaterThan(4);
  });

  it('on this machine, a lookup of the next task sees what a task creates', async () => {
    const p = project({
      'site.yml': play(
        `${file('a')}- copy: {dest: '{T}/b', content: "{{ lookup('file', '{T}/a', errors='ignore') }}!"}\n- copy: {src: '{T}/b', dest: '{T}/c'}\n`,
      ),
    });
    p.write({ a: 'old', b: 'old' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'changed']);
    expect([p.read('b'), p.read('c')]).toEqual(['a!', 'a!']);
  });

  it('tags still exclude tasks', async () => {
    const p = project({ 'site.yml': play(`${file('a', '  tags: x\n')}${file('b')}${file('c', '  tags: x\n')}`) });
    const ran = await p.apply({ tags: ['x'] });
    expect(ran.lines).toHaveLength(2);
    expect(['a', 'b', 'c'].map((n) => existsSync(p.path(n)))).toEqual([true, false, true]);
    expect(trips(ran)).toBe(2);
  });
});

describe('edits of one text in one round trip', () => {
  const line = (text: string, more = ''): string => `- lineinfile: {path: '{T}/f', line: '${text}'${more}}\n`;

  it('are each planned from the result of the one before: in a loop, and in tasks of several modules', async () => {
    const p = project({
      'site.yml': play(
        `- lineinfile: {path: '{T}/f', regexp: '^#?{{ item }} ', line: '{{ item }} yes'}
  loop: [One, Two, Three, Four]
- lineinfile: {path: '{T}/f', insertafter: '^One', line: below}
- blockinfile: {path: '{T}/f', block: "a block\\nof two"}
- replace: {path: '{T}/f', regexp: 'Four yes', replace: 'Four no'}
- replace: {path: '{T}/f', regexp: 'below', replace: 'beneath'}
- ini_file: {path: '{T}/f', section: s, option: o, value: v}
`,
      ),
    });
    p.write({ f: '#One no\nTwo no\n' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(Array(9).fill('changed'));
    expect(p.read('f')).toBe(
      'One yes\nbeneath\nTwo yes\nThree yes\nFour no\n# BEGIN ANSIBLE MANAGED BLOCK\na block\nof two\n# END ANSIBLE MANAGED BLOCK\n[s]\no = v\n',
    );
    // "Four no" would be set back by the loop, and so would the line below: both are probed before they change.
    expect(trips(ran)).toBe(3);
    const [first, second] = ran.tasks.map((t) => t.changes[0]?.diff);
    expect([first?.before, first?.after]).toEqual(['#One no\nTwo no\n', 'One yes\nTwo no\n']);
    expect([second?.before, second?.after]).toEqual(['One yes\nTwo no\n', 'One yes\nTwo yes\n']);
  });

  it('leave nothing to do afterwards, also if the first one creates the file', async () => {
    const p = project({ 'site.yml': play(line('{{ item }}', ', create: true').concat('  loop: [a, b, c, d, e]\n')) });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(Array(5).fill('changed'));
    expect([p.read('f'), trips(ran)]).toEqual(['a\nb\nc\nd\ne\n', 2]);
    const again = await p.apply();
    expect([again.recap.hosts[0]?.changed, trips(again)]).toEqual([0, 1]);
  });

  it('are limited in number', async () => {
    const p = project({ 'site.yml': play(line('{{ item }}').concat('  loop: "{{ range(40) }}"\n')) });
    p.write({ f: '' });
    const ran = await p.apply();
    expect([p.read('f'), trips(ran)]).toEqual([Array.from({ length: 40 }, (_, i) => `${i}\n`).join(''), 3]);
  });

  it('run one after the other if they undo each other, as in Ansible', async () => {
    const p = project({
      'site.yml': play("- lineinfile: {path: '{T}/f', regexp: '^x', line: 'x {{ item }}'}\n  loop: [1, 2, 3]\n"),
    });
    p.write({ f: 'x 0\n' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'changed']);
    expect(p.read('f')).toBe('x 3\n');
  });

  it('skip an edit that is rejected, and the others run without it', async () => {
    const p = project({
      'site.yml': play(
        line('{{ item }}', `, validate: "sh -c '! grep -q bad %s'"`).concat(
          '  loop: [one, bad, two, three]\n',
          line('never'),
        ),
      ),
    });
    p.write({ f: '' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'failed', 'changed', 'changed']);
    expect(p.read('f')).toBe('one\ntwo\nthree\n');
  });

  it('of a later task too; the task after it does not run', async () => {
    const p = project({
      'site.yml': play(
        [
          file('a'),
          line('{{ item }}', `, validate: "sh -c '! grep -q bad %s'"`).concat('  loop: [one, bad, two, three]\n'),
          file('never'),
        ].join(''),
      ),
    });
    p.write({ f: '' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'changed', 'failed', 'changed', 'changed']);
    expect([p.read('f'), p.read('a'), existsSync(p.path('never'))]).toEqual(['one\ntwo\nthree\n', 'a\n', false]);
    const { changed, failed } = ran.recap.hosts[0] ?? {};
    expect([changed, failed]).toEqual([1, 1]);
  });

  it('end with a task that is rejected', async () => {
    const p = project({
      'site.yml': play([line('one'), line('bad', ", validate: 'false %s'"), line('two')].join('')),
    });
    p.write({ f: '' });
    const ran = await p.apply();
    expect(statuses(ran)).toEqual(['changed', 'failed']);
    expect([p.read('f'), trips(ran)]).toEqual(['one\n', 2]);
  });

  it('report what each found: registered values, modes and backups are its own', async () => {
    const p = project({
      'site.yml': play(
        `${line('a', ', backup: true')}${line('b', ', backup: true')}${line('c', ", mode: '0600'")}${line('d', ", mode: '0640'").concat('  register: last\n')}- debug: msg={{ last.mode }}\n`,
      ),
    });
    p.write({ f: 'old\n' });
    const ran = await p.apply();
    expect(ran.recap.failed).toBe(false);
    expect([p.read('f'), ran.said]).toEqual(['old\na\nb\nc\nd\n', ['a: 0640']]);
    const kept = readdirSync(p.folder).filter((name) => name.endsWith('~'));
    expect(kept.map(p.read).sort()).toEqual(['old\n', 'old\na\n']);
  });
});
