import { describe, expect, test } from 'vitest';
import { copy } from '../../../src/modules/copy.ts';
import { file } from '../../../src/modules/file.ts';
import { lineinfile } from '../../../src/modules/lineinfile.ts';
import { bound, changes, context, refusal, syntax, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const THERE = 'stat 81a4/0/0/0/0/0/0/1/0/0/root/root\nparent yes!\n';
const CONTEXT = 'context system_u:object_r:etc_t:s0\n';
const plan = (module: Parameters<typeof bound>[0], observed: string, args: Args) =>
  bound(module, args).plan(observed, context());
const planFile = (observed: string, args: Args) => plan(file, `${THERE}${observed}`, { path: '/etc/f', ...args });
const chattr = (observed: string, attributes: string): readonly string[] =>
  changes(planFile(observed, { attributes })).map(({ run }) => /^chattr (.*) -- \/etc\/f$/m.exec(run.text)?.[1] ?? '');

describe('attributes', () => {
  test.each([
    ['+i', '--------------e-------', ['+i']],
    ['+i', '----i---------e-------', []],
    ['+iA', '----i---------e-------', ['+A']],
    ['-i', '----i---------e-------', ['-i']],
    ['-i', '--------------e-------', []],
    ['i', '----i--A------e-------', ['-A']],
    ['=A', '----i---------e-------', ['-i +A']],
    ['i', '----i---------e-------', []],
  ])('%s, seeing %s', (attributes, flags, expected) =>
    expect(chattr(`flags ${flags}\n`, attributes)).toEqual(expected),
  );

  test('of a file whose attributes cannot be read are set, so that chattr says why it cannot', () => {
    expect(chattr('', '+i')).toEqual(['+i']);
  });

  test('are set after the mode', () => {
    const steps = planFile('flags ------\n', { attributes: '+i', mode: '0600' });
    expect(words(steps)).toEqual(['/etc/f: mode 0644 → 0600', '/etc/f: +i']);
  });

  test('are set again when the content is replaced, which loses them', () => {
    const steps = plan(copy, `kind file\n${THERE}sum x\nflags ----i---\n`, {
      content: 'new',
      dest: '/etc/f',
      attributes: '+i',
    });
    expect(words(steps)).toEqual(['update /etc/f', '/etc/f: +i']);
    for (const { run } of changes(steps)) expect(syntax(run)).toBe('');
  });

  test('are not set where another user can swap the file', () => {
    const [change] = changes(plan(file, THERE.replace('yes!', 'yes'), { path: '/home/ada/f', attributes: '+i' }));
    expect(change?.run.text).toContain('a directory that another user can change');
  });

  test('are not read unless asked for', () => {
    expect(bound(file, { path: '/etc/f', mode: '0600' }).probe?.(context()).text).not.toMatch(/lsattr|selinux/);
    const probe = bound(file, { path: '/etc/f', attr: 'i', setype: '_default' }).probe?.(context());
    expect(probe && syntax(probe)).toBe('');
    expect(probe?.text).toMatch(/lsattr -d.*selinux\/enforce.*matchpathcon/s);
  });

  test.each([
    [{ path: '/etc/f', attributes: 'immutable' }, 'letters of chattr'],
    [{ path: '/etc/f', attributes: 'i', src: 'x', state: 'link' }, 'a link has no attributes'],
    [{ path: '/etc/f', attributes: 'i', recurse: true }, "'recurse' sets owner and mode only"],
  ])('%j is refused', (args, problem) => expect(refusal(file, args)).toContain(problem));
});

describe('SELinux', () => {
  const chcon = (observed: string, args: Args): readonly string[] =>
    changes(planFile(observed, args)).map(({ run }) => /^chcon -h (.*) -- \/etc\/f$/m.exec(run.text)?.[1] ?? '');
  test.each([
    ['another type', CONTEXT, { setype: 'net_conf_t' }, ['-t net_conf_t']],
    ['as it is', CONTEXT, { seuser: 'system_u', serole: 'object_r', setype: 'etc_t', selevel: 's0' }, []],
    ['a level with a colon', CONTEXT, { selevel: 's0:c1,c2' }, ['-l s0:c1,c2']],
    ['all of it', CONTEXT, { seuser: 'u', serole: 'r', setype: 't' }, ['-u u -r r -t t']],
    [
      'as the policy says',
      `${CONTEXT}policy system_u:object_r:net_conf_t:s0\n`,
      { setype: '_default' },
      ['-t net_conf_t'],
    ],
    ['as the policy says, and is', `${CONTEXT}policy system_u:object_r:etc_t:s0\n`, { setype: '_default' }, []],
    ['a host without SELinux', '', { setype: 'net_conf_t' }, []],
  ])('%s', (_, observed, args, expected) => expect(chcon(observed, args)).toEqual(expected));

  test('a new file gets the context, too', () => {
    const args = { dest: '/etc/new', content: 'x', setype: 'net_conf_t' };
    expect(words(plan(copy, `kind file\nparent yes!\ncontext \n`, args))).toEqual([
      'create /etc/new',
      '/etc/new: SELinux context -t net_conf_t',
    ]);
    expect(words(plan(copy, `kind file\nparent yes!\n`, args))).toEqual(['create /etc/new']);
  });

  test('the files of a directory get none', () => {
    const tree = bound(copy, { src: 'site/', dest: '/srv/www', setype: 'httpd_sys_content_t' });
    const ctx = context({ 'site/a': 'x' });
    expect(words(tree.plan('kind tree\nselinux yes\nparent yes!\n', ctx))).toContain('which alone can get');
    expect(words(tree.plan('kind tree\nparent yes!\n', ctx))).not.toContain('which alone can get');
  });

  test('edits of one file with labels do not follow each other', () => {
    const step = bound(lineinfile, { path: '/etc/f', line: 'x', attributes: '+i' });
    expect(step.edits?.seeing(`${THERE}content \n`, 'x\n')).toBeUndefined();
    expect(step.edits?.of).not.toBe(bound(lineinfile, { path: '/etc/f', line: 'x' }).edits?.of);
  });
});
