import { describe, expect, it } from 'vitest';
import { github_release } from '../../../src/modules/github_release.ts';
import { service } from './api.ts';
import { bound, context, refusal, words } from './harness.ts';

const APP = { user: 'ada', repo: 'app' };
const LATEST = { ...APP, action: 'latest_release' };
const CREATE = { ...APP, action: 'create_release', token: 's3cret', tag: 'v 2', name: 'Two', target: 'main' };
const at = (path: string): string => `/repos/ada/app${path}`;

describe('github_release', () => {
  it('returns the newest tag, or none', () => {
    const github = service({ [`GET ${at('/releases/latest')}`]: [200, { tag_name: 'v1' }] });
    expect(github.do(github_release, LATEST)).toMatchObject({ steps: [], data: { tag: 'v1' } });
    expect(github.asked()).toContain('url = "https://api.github.com/repos/ada/app/releases/latest"');
    const none = service({ [`GET ${at('/releases/latest')}`]: [404, {}], [`GET ${at('')}`]: [200, {}] });
    expect(none.do(github_release, LATEST)).toMatchObject({ steps: [], data: { tag: null } });
  });

  it('creates a release of a tag that has none, with the token in no argument', () => {
    const github = service({
      [`GET ${at('/releases/tags/v%202')}`]: [404, {}],
      [`GET ${at('')}`]: [200, {}],
      [`POST ${at('/releases')}`]: [201, { tag_name: 'v 2' }],
    });
    const task = github.do(github_release, CREATE);
    expect(task.steps).toEqual(['create the release v 2 of ada/app']);
    expect(task.make()).toMatchObject({ code: 0, data: { tag: 'v 2' } });
    expect(github.asked()).toContain(
      String.raw`data-raw = "{\"tag_name\":\"v 2\",\"draft\":false,\"prerelease\":false,\"target_commitish\":\"main\",\"name\":\"Two\"}"`,
    );
    expect(github.asked()).toContain('header = "Authorization: Bearer s3cret"');
    expect(github.arguments()).not.toContain('s3cret');
  });

  it('leaves a release that is there; a draft is created each time', () => {
    const github = service({ [`GET ${at('/releases/tags/v%202')}`]: [200, { tag_name: 'v 2' }] });
    expect(github.do(github_release, CREATE)).toMatchObject({
      steps: [],
      data: { msg: 'Release for tag v 2 already exists.' },
    });
    const [change] = github.do(github_release, { ...CREATE, draft: true, prerelease: true, body: 'text' }).changes;
    expect(change).toMatchObject({
      action: true,
      run: { text: expect.stringMatching(/draft\\":true,\\"prerelease\\":true.*text/) },
    });
  });

  it.each([
    [
      'no such repository',
      { [`GET ${at('/releases/latest')}`]: [404, {}], [`GET ${at('')}`]: [404, {}] },
      /there is no repository ada\/app/,
    ],
    [
      'a refusal',
      { [`GET ${at('/releases/latest')}`]: [401, { message: 'Bad credentials' }] },
      /HTTP status 401: Bad credentials/,
    ],
    ['no connection', {}, /Failed to connect/],
  ] as const)('says what is wrong: %s', (_, answers, expected) => {
    expect(service(answers as Parameters<typeof service>[0]).do(github_release, LATEST).detail).toMatch(expected);
  });

  it('fails if GitHub refuses the new release', () => {
    const github = service({
      [`GET ${at('/releases/tags/v%202')}`]: [404, {}],
      [`GET ${at('')}`]: [200, {}],
      [`POST ${at('/releases')}`]: [422, { message: 'Validation Failed' }],
    });
    expect(github.do(github_release, CREATE).make()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Validation Failed'),
    });
    expect(words(bound(github_release, LATEST).plan('curl missing', context()))).toBe('the host has no curl');
  });

  it('logs in with a password', () => {
    const github = service({ [`GET ${at('/releases/latest')}`]: [200, { tag_name: 'v1' }] });
    github.do(github_release, { ...LATEST, password: 'pw' });
    expect(github.asked()).toContain(`header = "Authorization: Basic ${Buffer.from('ada:pw').toString('base64')}"`);
  });

  it.each([
    [{ ...CREATE, token: undefined }, /'password' or 'token'/],
    [{ ...CREATE, tag: '' }, /'tag' is missing/],
    [{ ...CREATE, password: 'x' }, /exclude each other/],
    [{ ...LATEST, repo: '../x' }, /a name at GitHub/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(github_release, JSON.parse(JSON.stringify(args)))).toMatch(expected);
  });
});
