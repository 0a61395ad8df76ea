import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { isDict } from '../core/value.ts';
import { type Answer, answerOf, ask, NEEDS_CURL, noAnswer, send } from './shared/api.ts';
import { args, exclude, flag, oneOf, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { getRequest, type Request } from './shared/http.ts';

const NAME = { pattern: '^[\\w.-]+$', expected: 'a name at GitHub' } as const;

const Args = args({
  user: Type.String({ ...NAME, description: 'The account that owns the repository.' }),
  repo: Type.String({ ...NAME, description: 'The repository.' }),
  action: Type.Enum(['latest_release', 'create_release'], {
    description:
      'latest_release: return the tag of the newest release. create_release: create one if the tag has none.',
  }),
  token: Type.Optional(Type.String({ secret: true, pattern: '^\\S+$', description: 'A personal access token.' })),
  password: Type.Optional(Type.String({ secret: true, description: 'The password of user.' })),
  tag: text('The tag of the new release.'),
  target: text('The branch or commit that a new tag gets. Default: the default branch.'),
  name: text('The title of the new release.'),
  body: text('The description of the new release.'),
  draft: flag('The new release is a draft. Drafts cannot be found by their tags, so each run creates one.'),
  prerelease: flag('The new release is a prerelease.'),
});
type Args = Static<typeof Args>;

export const github_release = defineModule<typeof Args, Fields>({
  name: 'github_release',
  summary: 'Reads the newest release of a repository at GitHub, or creates a release. The host asks GitHub.',
  args: Args,
  examples: [
    { title: 'The newest release', args: { user: 'prometheus', repo: 'node_exporter', action: 'latest_release' } },
  ],
  verify: (given) => [
    ...exclude(given, 'password', 'token'),
    ...(given.action === 'create_release' ? [...oneOf(given, 'password', 'token'), ...tagErrors(given)] : []),
  ],
  needs: () => ['live:*', 'package:*'],
  touches: ({ action }) => (action === 'create_release' ? ['live:*'] : []),
  // GitHub says 404 of a repository that does not exist, and of one that has no release.
  probe: (given) => sh`${NEEDS_CURL}
${ask('release', request(given, given.action === 'latest_release' ? '/releases/latest' : `/releases/tags/${encodeURIComponent(given.tag ?? '')}`))}
case $out in *'
404') ${ask('repo', request(given, ''))} ;; esac`,
  parse: fields,
  plan(f, given): Steps {
    const { user, repo, action, tag = '' } = given;
    const [release, whole] = [answerOf(f.text('release')), answerOf(f.text('repo'))];
    const none = noAnswer(f, [release, whole], [200, 404]);
    if (none !== undefined) return none;
    if (whole?.status === 404) return blocked('E_API', { why: `there is no repository ${user}/${repo}` });
    if (action === 'latest_release' || (release?.status === 200 && !given.draft)) return [];
    const { target, name, body, draft, prerelease } = given;
    const content = {
      tag_name: tag,
      draft,
      prerelease,
      ...(target !== undefined && { target_commitish: target }),
      ...(name !== undefined && { name }),
      ...(body !== undefined && { body }),
    };
    return [
      {
        what: `create the release ${tag} of ${user}/${repo}`,
        diff: { of: `releases of ${user}/${repo}`, before: null, after: `${tag}\n${body ?? ''}\n` },
        run: send({ ...request(given, '/releases'), method: 'POST', body: JSON.stringify(content) }),
        ...(draft && { action: true as const }),
      },
    ];
  },
  data(f, given, _ctx, ran) {
    const release = answerOf(f.text('release'));
    if (given.action === 'create_release' && ran === undefined && release?.status === 200) {
      return { msg: `Release for tag ${given.tag} already exists.` };
    }
    const made = answerOf(fields(ran?.stdout ?? '').text('answer'));
    return { tag: tagIn(made) ?? tagIn(release) ?? null };
  },
});

function tagErrors({ tag }: Args) {
  return tag === undefined || tag === '' ? [argError([], 'E_MISSING_ARGUMENT', { name: "'tag'" })] : [];
}

function tagIn(answer: Answer | undefined): string | undefined {
  const tag = isDict(answer?.body) ? answer.body['tag_name'] : undefined;
  return typeof tag === 'string' ? tag : undefined;
}

function request({ user, repo, token, password }: Args, path: string): Request {
  return {
    ...getRequest(`https://api.github.com/repos/${user}/${repo}${path}`, true),
    headers: {
      Accept: 'application/vnd.github+json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    ...(password !== undefined && { user, password }),
    timeout: 30,
  };
}
