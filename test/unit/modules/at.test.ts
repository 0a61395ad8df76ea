import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isBlocked } from '../../../src/core/module.ts';
import { verbatim } from '../../../src/core/sh.ts';
import { at } from '../../../src/modules/at.ts';
import { bound, context, refusal, run, scratch, words } from './harness.ts';

const NOW = { count: 20, units: 'minutes' };
const LS = { command: " ls -d '/' \n" };

/** A host whose `at` keeps its jobs in files, as spooled by the real one: an environment, then the commands. */
function host(jobs: Readonly<Record<string, string>>) {
  const folder = scratch();
  mkdirSync(`${folder}/jobs`);
  for (const [id, text] of Object.entries(jobs))
    writeFileSync(`${folder}/jobs/${id}`, `#!/bin/sh\nPATH=/bin; export PATH\n${text}\n`);
  const fakes = `command() { [ "$2" = at ]; }
at() { if [ "$1" = -c ]; then cat ${folder}/jobs/$2; else { pwd; echo "$*"; cat; } >${folder}/added; fi; }
atq() { for j in ${folder}/jobs/*; do printf '%s\\tMon Jan  1 10:00:00 2035 a root\\n' "\${j##*/}"; done; }
atrm() { for j; do rm ${folder}/jobs/$j; done; }`;
  const added = (): string => run(verbatim(`cat ${folder}/added 2>/dev/null; :`)).stdout;
  return {
    added,
    go(args: Readonly<Record<string, unknown>>): readonly string[] | string {
      const step = bound(at, args);
      const seen = run(verbatim(`${fakes}\n${step.probe?.(context()).text}`)).stdout;
      const steps = step.plan(seen, context());
      if (!isBlocked(steps))
        for (const change of steps) expect(run(verbatim(`${fakes}\n${change.run.text}`)).stderr).toBe('');
      return words(steps);
    },
  };
}

describe('at', () => {
  it('adds a job each time, in a directory', () => {
    const { go, added } = host({ 3: "ls -d '/'" });
    expect(go({ ...LS, ...NOW, chdir: '/usr' })).toEqual(["in 20 minutes: ls -d '/'"]);
    expect(added()).toBe("/usr\nnow + 20 minutes\n ls -d '/' \n\n");
  });

  it('adds none with unique if there is one', () => {
    expect(host({ 3: "ls -d '/'" }).go({ ...LS, ...NOW, unique: true })).toEqual([]);
    expect(host({ 3: 'ls -d /tmp' }).go({ ...LS, ...NOW, unique: true })).toEqual(["in 20 minutes: ls -d '/'"]);
  });

  it('removes all jobs with the command, and no other', () => {
    const { go } = host({ 3: "ls -d '/'", 4: 'other', 15: "cd x\nls -d '/'" });
    expect(go({ ...LS, state: 'absent' })).toEqual(["remove 2 jobs: ls -d '/'"]);
    expect(go({ ...LS, state: 'absent' })).toEqual([]);
    expect(go({ command: 'other', state: 'absent' })).toEqual(['remove the job: other']);
  });

  it('takes the commands from a file of the host; an empty one is no job', () => {
    const folder = scratch();
    const script_file = `${folder}/script`;
    const { go, added } = host({ 3: 'one\ntwo' });
    expect(go({ script_file, ...NOW })).toBe(`${script_file} does not exist on the host`);
    writeFileSync(script_file, 'one\ntwo\n');
    expect(go({ script_file, ...NOW, unique: true })).toEqual([]);
    expect(go({ script_file, ...NOW })).toEqual([`in 20 minutes: ${script_file}`]);
    expect(added()).toContain('now + 20 minutes\none\ntwo\n');
    writeFileSync(script_file, '\n');
    expect(go({ script_file, state: 'absent' })).toEqual([]);
  });

  it.each([
    ['at missing', 'the host has no at'],
    ['folder missing', '/no does not exist on the host'],
  ])('says what is in the way: %s', (seen, expected) => {
    expect(words(bound(at, { ...LS, ...NOW, chdir: '/no' }).plan(seen, context()))).toBe(expected);
  });

  it('returns what Ansible does', () => {
    expect(bound(at, { ...LS, ...NOW }).data('', context())).toEqual({ state: 'present', script_file: null, ...NOW });
    expect(bound(at, { ...LS, state: 'absent' }).data('', context())).toEqual({ state: 'absent' });
  });

  it.each([
    [{ ...NOW }, /'command' or 'script_file'/],
    [{ ...LS, script_file: '/x', ...NOW }, /exclude each other/],
    [LS, /'count' is missing\n.*'units' is missing/],
    [{ ...LS, count: 0, units: 'days' }, /count/],
    [{ command: ' ', ...NOW }, /no command is given/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(at, args)).toMatch(expected);
  });
});
