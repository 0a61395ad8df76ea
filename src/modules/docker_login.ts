import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import { encodeBase64 } from './shared/bytes.ts';
import { DAEMON_ALIASES, daemon, docker, FIND_DOCKER, noDocker } from './shared/docker.ts';
import { type Fields, fields } from './shared/fields.ts';

const HUB = 'https://index.docker.io/v1/';

const Args = args({
  registry_url: Type.String({ default: HUB, minLength: 1, description: 'The registry: registry.example.com:5000.' }),
  username: text('The user. Needed with present.'),
  password: Type.Optional(
    Type.String({
      secret: true,
      pattern: '^[^\\n]+$',
      expected: 'one line',
      description: 'The password, or a token. Needed with present.',
    }),
  ),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'absent: docker forgets the login.' }),
  reauthorize: flag('Log in again, although docker remembers this login.'),
  config_path: Type.Optional(
    absolutePath("The file in which docker remembers logins, config.json in any directory. Default: the user's one."),
  ),
  ...daemon,
});
type Args = Static<typeof Args>;

export const docker_login = defineModule<typeof Args, Fields>({
  name: 'docker_login',
  summary: "Logs the task's user in to a registry of Docker, or out.",
  args: Args,
  aliases: {
    ...DAEMON_ALIASES,
    registry: 'registry_url',
    url: 'registry_url',
    reauth: 'reauthorize',
    dockercfg_path: 'config_path',
  },
  examples: [
    { title: 'Log in', args: { registry_url: 'registry.example.com', username: 'ada', password: 'secret' } },
    { title: 'Log out', args: { registry_url: 'registry.example.com', state: 'absent' } },
  ],
  verify: ({ state, username, password, config_path }) => [
    ...(state === 'present'
      ? Object.entries({ username, password }).flatMap(([key, value]) =>
          value === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: `'${key}'` })] : [],
        )
      : []),
    ...(config_path !== undefined && !config_path.endsWith('/config.json')
      ? [
          argError(['config_path'], 'E_ARGUMENT_VALUE', {
            problem: 'docker takes only a directory with a config.json',
            expected: 'a path that ends in /config.json',
          }),
        ]
      : []),
  ],
  needs: ({ config_path }) => ['package:*', `path:${config_path ?? '/root/.docker/config.json'}`],
  touches: ({ config_path }) => [`path:${config_path ?? '/root/.docker/config.json'}`, 'live:*'],
  probe: (given) => sh`${FIND_DOCKER}
f=${config(given)}
[ -r "$f" ] || exit 0
all=$(cat -- "$f")
store=$(printf '%s\n' "$all" | sed -n 's/^.*"credsStore": *"\([a-z0-9-]*\)".*$/\1/p')
if [ -n "$store" ]; then
  if e=$(printf '%s\n' ${given.registry_url} | "docker-credential-$store" get 2>/dev/null); then echo 'there yes'; case $e in *${new Secret(`"${given.password ?? ''}"`)}*) echo 'same yes' ;; esac; fi
else
  case $all in *${`"${given.registry_url}"`}*) echo 'there yes' ;; esac
  case $(printf %s "$all" | tr -d ' \n\t') in *${new Secret(entry(given))}*) echo 'same yes' ;; esac
fi`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const refused = noDocker(f);
    if (refused !== undefined) return refused;
    const { state, registry_url: registry, username = '', password = '', reauthorize } = given;
    const isThere = f.get('there') !== undefined;
    if (state === 'absent') {
      if (!isThere) return [];
      return [
        {
          what: `log out of ${registry}`,
          diff: { of: registry, before: 'a login\n', after: null },
          run: sh`${begin(given)} logout ${registry === HUB ? [] : [registry]} >/dev/null`,
        },
      ];
    }
    if (f.get('same') !== undefined && !reauthorize) return [];
    return [
      {
        what: `log in to ${registry} as ${username}`,
        diff: { of: registry, before: isThere ? 'another login\n' : null, after: `${username}\n` },
        ...(reauthorize && { action: true as const }),
        run: sh`printf '%s\n' ${new Secret(password)} | ${begin(given)} login --username ${username} --password-stdin ${registry === HUB ? [] : [registry]} >/dev/null`,
      },
    ];
  },
  data: () => ({ login_results: {} }),
});

/** What docker writes for this login into config.json, without blanks. */
function entry({ registry_url, username = '', password = '' }: Args): string {
  return `"${registry_url}":{"auth":"${encodeBase64(`${username}:${password}`)}"`;
}

function config({ config_path: own }: Args): Script {
  return own === undefined ? sh`\${DOCKER_CONFIG:-\${HOME:-/root}/.docker}/config.json` : sh`${own}`;
}

function begin(given: Args): Script {
  const own = given.config_path?.replace(/\/config\.json$/, '');
  return own === undefined ? docker(given) : sh`${docker(given)} ${`--config=${own}`}`;
}
