import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { git_config } from '../../../src/modules/git_config.ts';
import { apply, bound, context, read, refusal, scratch, words } from './harness.ts';

const START = '[user]\n\tname = Old\n[remote "a b"]\n\tfetch = one\n\tfetch = two\n';
const NAME = 'user.name';
const FETCH = 'remote.a b.fetch';

/** Applies the arguments to a file, and gives what is read of the setting then. */
function after(args: Readonly<Record<string, unknown>>): readonly (readonly string[] | string)[] {
  const file = `${scratch()}/c`;
  writeFileSync(file, START);
  const { first, again } = apply(git_config, { scope: 'file', file, ...args });
  const asked = ['config', '-f', file, '--get-all', String(args['name'])];
  let values = '';
  try {
    values = execFileSync('git', asked, { encoding: 'utf8' });
  } catch {}
  return [first, again, values];
}

describe('git_config', () => {
  it.each([
    ['replaces a value', { name: NAME, value: 'New "one"  #x' }, ['user.name: New "one"  #x'], 'New "one"  #x\n'],
    ['leaves the value', { name: NAME, value: 'Old' }, [], 'Old\n'],
    ['adds a setting', { name: 'core.editor', value: 'vim' }, ['core.editor: vim'], 'vim\n'],
    ['replaces several values', { name: FETCH, value: 'one' }, [`${FETCH}: one`], 'one\n'],
    ['adds a value', { name: FETCH, value: 'three', add_mode: 'add' }, [`${FETCH}: three`], 'one\ntwo\nthree\n'],
    ['leaves a value among others', { name: FETCH, value: 'two', add_mode: 'add' }, [], 'one\ntwo\n'],
    ['removes all values', { name: FETCH, state: 'absent' }, [`unset ${FETCH}`], ''],
    ['removes whatever the value is', { name: NAME, value: 'x', state: 'absent' }, [`unset ${NAME}`], ''],
    ['leaves what is not set', { name: 'core.editor', state: 'absent' }, [], ''],
    ['keeps lines of a value', { name: NAME, value: 'a\nb' }, ['user.name: a\nb'], 'a\nb\n'],
  ])('%s', (_, args, first, values) => {
    expect(after(args)).toEqual([first, [], values]);
  });

  it('works in a repository, and says that there is none', () => {
    const repo = scratch();
    execFileSync('git', ['init', '-q', repo]);
    const args = { name: 'user.email', value: 'ci@example.com', scope: 'local', repo };
    expect(apply(git_config, args)).toMatchObject({ first: ['user.email: ci@example.com'], again: [] });
    expect(read(`${repo}/.git/config`)).toContain('email = ci@example.com');
    expect(apply(git_config, { ...args, repo: scratch() }).first).toMatch(/git/);
    expect(apply(git_config, { ...args, repo: `${repo}/missing` }).first).toBe(
      `${repo}/missing does not exist on the host`,
    );
  });

  it('says that git is missing', () => {
    const step = bound(git_config, { name: NAME, value: 'x' });
    expect(words(step.plan('missing git\n', context()))).toBe('the host has no git');
  });

  it.each([
    ['a value', { name: NAME }, "'value'"],
    ['an empty value', { name: NAME, value: '' }, "'value'"],
    ['the repository', { name: NAME, value: 'x', scope: 'local' }, "'repo'"],
    ['the file', { name: NAME, value: 'x', scope: 'file' }, "'file'"],
    ['a name without a section', { name: 'name', value: 'x' }, 'a section'],
  ])('needs %s', (_, args, message) => {
    expect(refusal(git_config, args)).toContain(message);
  });
});
