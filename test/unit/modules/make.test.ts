import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { make } from '../../../src/modules/make.ts';
import { apply, bound, context, read, refusal, scratch, words } from './harness.ts';

const MAKEFILE = `out: in\n\t@echo built\n\tcp in out\nclean:\n\t@echo $(WHAT) $(FLAG)\n`;

function project(): string {
  const folder = scratch();
  writeFileSync(`${folder}/Makefile`, MAKEFILE);
  writeFileSync(`${folder}/in`, 'x');
  return folder;
}

describe('make', () => {
  it('makes what is not up to date', () => {
    const chdir = project();
    const { first, again, data } = apply(make, { chdir });
    expect([first, again]).toEqual([[`make in ${chdir}`], []]);
    expect(read(`${chdir}/out`)).toBe('x');
    expect(data).toMatchObject({ chdir, stdout: 'built\ncp in out\n', target: null });
  });

  it('passes target, variables, jobs and the name of the file', () => {
    const chdir = project();
    writeFileSync(`${chdir}/other.mk`, MAKEFILE);
    const params = { WHAT: 'a b', FLAG: true };
    const { first, data } = apply(make, { chdir, target: 'clean', params, jobs: 2, file: 'other.mk' });
    expect(first).toEqual([`make -f other.mk --jobs=2 clean WHAT=a b FLAG=True in ${chdir}`]);
    expect(data).toMatchObject({ stdout: 'a b True\n', jobs: 2, file: 'other.mk', params });
    expect(apply(make, { chdir, targets: ['out', 'clean'] }).data['stdout']).toBe('built\ncp in out\n\n');
  });

  it('runs a target that is no file each time', () => {
    const chdir = project();
    expect(apply(make, { chdir, target: 'clean' }).again).toEqual([`make clean in ${chdir}`]);
  });

  it('fails with the message of make', () => {
    const chdir = project();
    expect(apply(make, { chdir, target: 'none' }).failed).toMatch(/No rule to make target/);
  });

  it('says what is in the way', () => {
    const args = { chdir: '/nowhere' };
    expect(apply(make, args).first).toMatch(/\/nowhere does not exist/);
    expect(apply(make, { ...args, make: '/no/make' }).first).toBe('the host has no /no/make');
    expect(words(bound(make, args).plan('make missing\n', context()))).toBe('the host has no make');
    expect(refusal(make, { ...args, target: 'a', targets: ['b'] })).toMatch(/exclude each other/);
  });
});
