import { describe, expect, test } from 'vitest';
import { pip } from '../../../src/modules/pip.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { compareVersions, parseRequirement, rejoined, satisfies } from '../../../src/modules/shared/python-version.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

describe('versions', () => {
  test('are in this order', () => {
    const sorted = ['1.dev1', '1a1', '1a2.dev1', '1b1', '1rc1', '1', '1+local', '1.post1', '1.0.1', '1.10', '1!0.1'];
    for (const [i, one] of sorted.entries()) {
      for (const [j, other] of sorted.entries()) {
        expect([one, other, Math.sign(compareVersions(one, other))]).toEqual([one, other, Math.sign(i - j)]);
      }
    }
  });

  test.each([
    ['3.0.2', 'flask>=3,<4', true],
    ['4.0', 'flask>=3,<4', false],
    ['2.2.0', 'a~=2.2', true],
    ['3.0', 'a~=2.2', false],
    ['2.3', 'a~=2.2.1', false],
    ['1.2.9', 'a==1.2.*', true],
    ['1.20', 'a==1.2.*', false],
    ['1.0', 'a==1.0.0', true],
    ['1.0+debian', 'a==1.0', true],
    ['1.0rc1', 'a<1.0', false],
    ['1.0.post1', 'a>1.0', false],
    ['1.1', 'a!=1.1', false],
    ['1.0', 'a===1.0', true],
    ['9', 'a', true],
  ])('%s is what %s asks for: %s', (version, requirement, expected) => {
    const parsed = parseRequirement(requirement);
    expect(parsed === undefined ? undefined : satisfies(version, parsed)).toBe(expected);
  });

  test.each([
    ['Flask_Cors [async] >= 2 ; python_version < "3"', 'flask-cors', true],
    ['zope.interface', 'zope-interface', false],
  ])('%s is about %s', (text, name, hasMarker) => {
    expect(parseRequirement(text)).toMatchObject({ name, hasMarker });
  });

  test('addresses and paths are no requirements; parts of one are joined', () => {
    for (const text of ['git+https://x/y.git', '/srv/app', './x.whl', 'a @ https://x']) {
      expect(parseRequirement(text)).toBeUndefined();
    }
    expect(rejoined(['a>=1', '<2', 'b[x', 'y]', 'c,d'])).toEqual(['a>=1,<2', 'b[x,y]', 'c', 'd']);
  });
});

const SHA = 'c'.repeat(40);

describe('what is planned', () => {
  test.each([
    ['no pip', 'pip missing\n', { name: 'flask' }, 'the host has no pip'],
    ['missing', 'is idna==3.3\n', { name: 'flask,idna' }, ['install flask']],
    ['installed', 'is Flask==3.0.2\n', { name: 'flask>=3,<4' }, []],
    ['too old', 'is Flask==2.0.2\n', { name: 'flask>=3,<4' }, ['install flask>=3,<4']],
    ['a version', 'is flask==2.0\n', { name: 'flask', version: '2.1' }, ['install flask==2.1']],
    [
      'managed by Debian',
      'managed yes\n',
      { name: 'flask' },
      'Debian manages the Python packages of the system (PEP 668)',
    ],
    ['managed by Debian, and installed', 'managed yes\nis flask==1\n', { name: 'flask' }, []],
    ['managed by Debian, broken', 'managed yes\n', { name: 'flask', break_system_packages: true }, ['install flask']],
    ['gone already', 'is idna==3.3\n', { name: 'flask', state: 'absent' }, []],
    ['to be gone', 'is Flask==3.3\n', { name: 'flask', state: 'absent' }, ['uninstall flask']],
    [
      'to be gone by file',
      'required idna\nrequired foo\nis idna==1\n',
      { requirements: '/r', state: 'absent' },
      ['uninstall idna'],
    ],
    ['newest', 'is flask==3\n', { name: 'flask', state: 'latest' }, []],
    ['not newest', 'would flask-4\n', { name: 'flask', state: 'latest' }, ['upgrade flask-4']],
    ['by force', 'is flask==3\n', { name: 'flask', state: 'forcereinstall' }, ['install flask']],
    ['no file', 'requirements missing\n', { requirements: '/r' }, '/r does not exist on the host'],
    ['by file', 'would flask-4 idna-3\n', { requirements: '/r' }, ['install flask-4 idna-3']],
    ['by file, installed', 'is flask==4\n', { requirements: '/r' }, []],
    ['by file with addresses', 'open yes\n', { requirements: '/r' }, ['install /r']],
    [
      'refused',
      `refused ${encodeBase64('No matching')}\n`,
      { requirements: '/r' },
      'pip cannot install the packages; nothing was changed',
    ],
    [
      'a new environment',
      'environment missing\n',
      { name: 'flask', virtualenv: '/srv/v' },
      ['create the virtual environment /srv/v', 'install flask in /srv/v'],
    ],
    [
      'a new environment, without a tool',
      'environment missing\ncreator missing\n',
      { name: 'flask', virtualenv: '/srv/v' },
      'the host has no virtualenv',
    ],
    ['a commit', `from git+https://x/y.git@${SHA}\n`, { name: `git+https://x/y.git@${SHA}` }, []],
    ['a branch', 'is y==1\n', { name: 'git+https://me:pw@x/y.git' }, ['install git+https://x/y.git']],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bound(pip, args).plan(observed, context()))).toEqual(expected);
  });
});

test('a password of an index is in the environment only', () => {
  const step = bound(pip, { name: 'a', state: 'latest', extra_args: '-i https://me:s3cret@x/simple --no-deps' });
  const [change] = changes(step.plan('would a-1\n', context()));
  for (const script of [step.probe?.(context()), change?.run]) {
    expect(script?.text).toContain('export PIP_INDEX_URL=https://me:s3cret@x/simple\n');
    expect(script?.text.match(/s3cret/g)?.length).toBe(1);
    expect(script?.text).toContain('--no-deps');
    expect(script?.secrets).toEqual(['https://me:s3cret@x/simple']);
  }
});

test.each([
  [{}, /'name' or 'requirements' is missing/],
  [{ name: 'a', requirements: '/r' }, /exclude each other/],
  [{ name: 'a,b', version: '1' }, /for one package/],
  [{ name: 'a==1', version: '1' }, /has a version already/],
  [{ name: 'a', virtualenv: 'v' }, /must begin with \//],
  [{ name: 'a', virtualenv: '/v', executable: 'pip3' }, /exclude each other/],
  [
    { name: 'a', virtualenv: '/v', virtualenv_command: 'python3 -m venv', virtualenv_python: 'python3.9' },
    /for virtualenv, not for venv/,
  ],
  [{ name: '--evil' }, /not valid/],
])('%j is refused', (args, message) => {
  expect(refusal(pip, args)).toMatch(message);
});
