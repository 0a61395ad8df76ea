import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { yum_repository } from '../../../src/modules/yum_repository.ts';
import { apply, bound, context, list, read, refusal, scratch } from './harness.ts';

const EPEL = { name: 'epel', description: 'Extra', baseurl: 'https://mirror.foobar.com/$basearch' };
const WRITTEN = '[epel]\nbaseurl = https://mirror.foobar.com/$basearch\nname = Extra\n';

describe('yum_repository', () => {
  const at = (before?: string) => {
    const reposdir = scratch();
    mkdirSync(reposdir, { recursive: true });
    if (before !== undefined) writeFileSync(`${reposdir}/epel.repo`, before);
    return { reposdir, file: `${reposdir}/epel.repo` };
  };

  it.each<[string, string | undefined, object, string]>([
    ['a new file', undefined, {}, WRITTEN],
    ['a file with others', '# mine\n[base]\nname=Base\n', {}, `# mine\n[base]\nname=Base\n\n${WRITTEN}`],
    ['another value', '[epel]\nname=Old\n[base]\nname=Base\n', {}, `${WRITTEN}\n[base]\nname=Base\n`],
    [
      'all kinds of options',
      undefined,
      {
        enabled: false,
        gpgcheck: 'yes',
        gpgkey: ['https://a', 'https://b'],
        exclude: 'x,y',
        priority: 5,
        validate_certs: true,
        password: 'p',
      },
      '[epel]\nbaseurl = https://mirror.foobar.com/$basearch\nenabled = 0\nexclude = x y\ngpgcheck = 1\ngpgkey = https://a\n\thttps://b\nname = Extra\npassword = p\npriority = 5\nsslverify = 1\n',
    ],
  ])('writes %s, once', (_, before, more, expected) => {
    const { reposdir, file } = at(before);
    const { first, again } = apply(yum_repository, { ...EPEL, ...more, reposdir });
    expect(first).toHaveLength(1);
    expect(again).toEqual([]);
    expect(read(file)).toBe(expected);
  });

  it.each([
    ['comments and the order', '[epel]\n# why\nname: Extra\n\nbaseurl=https://mirror.foobar.com/$basearch\n'],
    ['what it wrote', WRITTEN],
  ])('does not mind %s', (_, before) => {
    const { reposdir, file } = at(before);
    expect(apply(yum_repository, { ...EPEL, reposdir }).first).toEqual([]);
    expect(read(file)).toBe(before);
  });

  it('removes the section, and a file without sections', () => {
    const two = at('[epel]\nname=a\n\n[base]\nname=Base\n');
    expect(apply(yum_repository, { name: 'epel', state: 'absent', reposdir: two.reposdir })).toMatchObject({
      again: [],
    });
    expect(read(two.file)).toBe('[base]\nname=Base\n');
    const one = at('# only\n[epel]\nname=a\n');
    expect(apply(yum_repository, { name: 'epel', state: 'absent', reposdir: one.reposdir })).toMatchObject({
      first: [`remove ${one.file}`],
      again: [],
    });
    expect(list(one.reposdir)).toEqual([]);
    expect(apply(yum_repository, { name: 'epel', state: 'absent', reposdir: one.reposdir }).first).toEqual([]);
  });

  it('names the file as Ansible does, and returns its values', () => {
    const { reposdir } = at();
    expect(apply(yum_repository, { ...EPEL, file: 'other', reposdir, mode: '0600' }).data).toEqual({
      repo: 'epel',
      state: 'present',
    });
    expect(list(reposdir)).toEqual(['other.repo']);
    expect(bound(yum_repository, EPEL).needs).toContain('path:/etc/yum.repos.d/epel.repo');
    expect(bound(yum_repository, EPEL).probe?.(context()).text).toContain('/etc/yum.repos.d/epel.repo');
  });

  it.each([
    [{ name: 'epel', description: 'x' }, /'baseurl', 'metalink' or 'mirrorlist' is missing/],
    [{ name: 'epel', baseurl: 'x' }, /'description' is missing/],
    [{ ...EPEL, name: 'a b' }, /the id of a repository/],
    [{ ...EPEL, file: '../x' }, /a name without \.repo/],
    [{ ...EPEL, params: {} }, /unknown argument/],
  ])('refuses %o', (given, expected) => {
    expect(refusal(yum_repository, given)).toMatch(expected);
  });
});
