import { type ArgError, argError } from '../core/bind.ts';
import { blocked, type Change, type Context, defineModule, type Steps } from '../core/module.ts';
import { lines, sh } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import {
  DAEMON_ALIASES,
  DOCKER_NEEDS,
  DOCKER_TOUCHES,
  deep,
  dictOf,
  docker,
  FIND_DOCKER,
  inspect,
  inspected,
  noDocker,
} from './shared/docker.ts';
import {
  Args,
  create,
  inNetwork,
  LABEL,
  logs,
  pull,
  pullAgain,
  remove,
  start,
  waitHealthy,
} from './shared/docker-container.ts';
import { runOptions } from './shared/docker-run.ts';
import { type Fields, fields } from './shared/fields.ts';

export const docker_container = defineModule<typeof Args, Fields>({
  name: 'docker_container',
  summary:
    'A container of Docker runs, or does not. One that was made with other arguments, or from another image, is replaced.',
  args: Args,
  aliases: {
    ...DAEMON_ALIASES,
    ports: 'published_ports',
    exposed: 'exposed_ports',
    forcekill: 'force_kill',
    log_opt: 'log_options',
    security_opt: 'security_opts',
  },
  examples: [
    {
      title: 'A web server',
      args: {
        name: 'web',
        image: 'nginx:1.27',
        ports: ['8080:80'],
        volumes: ['/srv/www:/usr/share/nginx/html:ro'],
        restart_policy: 'unless-stopped',
      },
    },
    { title: 'Remove it', args: { name: 'web', state: 'absent' } },
  ],
  verify: argErrors,
  needs: ({ env_file }) => [...DOCKER_NEEDS, ...(env_file === undefined ? [] : [`path:${env_file}`])],
  touches: () => DOCKER_TOUCHES,
  probe: (given) => sh`${FIND_DOCKER}
${inspect(given, 'is', 'container', given.name)}
${given.image === undefined ? sh`:` : inspect(given, 'image', 'image', given.image)}
${given.env_file === undefined ? sh`:` : sh`[ -r ${given.env_file} ] || { echo 'file missing'; exit 0; }; printf 'file %s\n' "$(sha256sum <${given.env_file})"`}`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const refused = noDocker(f);
    if (refused !== undefined) return refused;
    if (f.get('file') === 'missing') return blocked('E_PATH_MISSING', { path: given.env_file ?? '' });
    const { name, state, image } = given;
    const is = inspected(f, 'is');
    const isRunning = deep(is, 'State', 'Running') === true;
    if (state === 'absent') {
      if (is === undefined) return [];
      return [
        {
          what: `remove the container ${name}`,
          diff: diffOf(f, given, null),
          run: sh`set -e
${remove(given, isRunning)}`,
        },
      ];
    }
    if (is === undefined && image === undefined) {
      return blocked('E_NOT_ON_HOST', { what: 'container', name, hint: 'set `image` to create it' });
    }
    const hash = hashOf(f, given, ctx);
    const pulls = given.pull === 'always' || given.pull === true;
    const why = [
      ...(is === undefined ? ['there is none'] : []),
      ...(is !== undefined && image !== undefined && deep(is, 'Config', 'Labels', LABEL) !== hash
        ? ['it was made with other arguments']
        : []),
      ...(is !== undefined && f.get('image') !== undefined && deep(is, 'Image') !== inspected(f, 'image')?.['Id']
        ? ['it was made from another image']
        : []),
      ...(given.recreate ? ['recreate is set'] : []),
    ];
    if (why.length > 0) {
      return [
        {
          what: `${is === undefined ? 'create' : 'replace'} the container ${name}: ${why.join(', ')}`,
          diff: diffOf(f, given, image ?? null),
          ...(isAction(given) || given.recreate ? { action: true as const } : { explain: logs(given) }),
          run: sh`set -e
${pulls || f.get('image') === undefined ? pull(given) : sh`:`}
${is === undefined ? sh`:` : remove(given, isRunning)}
${create(given, hash)}
${state === 'present' || state === 'stopped' ? sh`:` : start(given)}`,
        },
      ];
    }
    const now = pulls ? [pullAgain(given, hash, isRunning)] : [];
    return [...now, ...settle(f, given, isRunning)];
  },
  data(f, given, _ctx, ran) {
    const is = inspected(f, 'is');
    return {
      container: is ?? {},
      ...(!given.detach && ran !== undefined && { status: ran.code, output: ran.stdout }),
    };
  },
});

function argErrors(given: Args): readonly ArgError[] {
  const cmd = typeof given.command === 'string' ? splitWords(given.command) : [];
  return [
    ...(cmd === undefined ? [argError(['command'], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })] : []),
    ...Object.keys(given.env ?? {})
      .filter((key) => !/^[^=\s#]+$/.test(key))
      .map((key) => argError(['env', key], 'E_ARGUMENT_VALUE', { problem: `'${key}' is no name of a variable` })),
    ...Object.entries(given.env ?? {})
      .filter(([, value]) => String(value).includes('\n'))
      .map(([key]) =>
        argError(['env', key], 'E_ARGUMENT_VALUE', {
          problem: `the variable ${key} has several lines`,
          hint: 'put it into a file that the container mounts',
        }),
      ),
    ...(given.restart_retries !== undefined && given.restart_policy !== 'on-failure'
      ? [
          argError(['restart_retries'], 'E_ARGUMENT_CONFLICT', {
            problem: "'restart_retries' needs restart_policy: on-failure",
          }),
        ]
      : []),
    ...(given.cleanup && given.detach
      ? [argError(['cleanup'], 'E_ARGUMENT_CONFLICT', { problem: "'cleanup' needs detach: false" })]
      : []),
    ...(!given.detach && given.state !== 'started'
      ? [argError(['detach'], 'E_ARGUMENT_CONFLICT', { problem: 'detach: false needs state: started' })]
      : []),
  ];
}

/** Everything that shapes the container. What only this run does with it is left out. */
function hashOf(f: Fields, given: Args, { sha256 }: Context): string {
  const shape = [runOptions(given), given.env, given.command, given.entrypoint, given.networks, given.image];
  const rest = [given.restart_policy, given.restart_retries, f.get('file')];
  return sha256(JSON.stringify([...shape, ...rest])).slice(0, 32);
}

function diffOf(f: Fields, { name }: Args, after: string | null) {
  const is = inspected(f, 'is');
  const before = is === undefined ? null : `${String(deep(is, 'Config', 'Image'))}\n`;
  return { of: name, before, after: after === null ? null : `${after}\n` };
}

/** It ends before the task does, or is meant to be done each time. */
function isAction({ detach }: Args): boolean {
  return !detach;
}

/** A container that is as wanted: whether it runs, and its networks. */
function settle(f: Fields, given: Args, isRunning: boolean): readonly Change[] {
  const { name, state, restart, networks, purge_networks } = given;
  const is = inspected(f, 'is');
  const has = Object.keys(dictOf(deep(is, 'NetworkSettings', 'Networks')));
  const wanted = (networks ?? []).map((one) => one.name);
  const missing = (networks ?? []).filter((one) => !has.includes(one.name));
  const extra = purge_networks && networks !== undefined ? has.filter((one) => !wanted.includes(one)) : [];
  const connect =
    missing.length + extra.length === 0
      ? []
      : [
          {
            what: `networks of the container ${name}: ${wanted.join(', ')}`,
            diff: { of: name, before: `${has.join('\n')}\n`, after: `${wanted.join('\n')}\n` },
            run: sh`set -e
${lines(missing.map((one) => sh`${docker(given)} network connect ${inNetwork(one, '--alias')} ${one.name} ${name}`))}
${lines(extra.map((one) => sh`${docker(given)} network disconnect ${one} ${name}`))}`,
          },
        ];
  const health = deep(is, 'State', 'Health', 'Status');
  if (state === 'stopped') {
    return isRunning
      ? [
          ...connect,
          {
            what: `stop the container ${name}`,
            run: sh`${docker(given)} ${given.force_kill ? ['kill'] : ['stop', ...(given.stop_timeout === undefined ? [] : [`--time=${given.stop_timeout}`])]} ${name} >/dev/null`,
          },
        ]
      : connect;
  }
  if (state === 'present') return connect;
  if (!isRunning) {
    const how = isAction(given) ? { action: true as const } : { explain: logs(given) };
    return [
      ...connect,
      {
        what: `start the container ${name}`,
        ...how,
        run: sh`set -e
${start(given)}`,
      },
    ];
  }
  if (restart) {
    return [
      ...connect,
      { what: `restart the container ${name}`, action: true, run: sh`${docker(given)} restart ${name} >/dev/null` },
    ];
  }
  if (state === 'healthy' && health !== 'healthy') {
    return [
      ...connect,
      {
        what: `wait until the container ${name} is healthy`,
        harmless: true,
        run: sh`set -e
${waitHealthy(given, given.healthy_wait_timeout)}`,
      },
    ];
  }
  return connect;
}
