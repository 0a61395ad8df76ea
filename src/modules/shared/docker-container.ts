// The arguments of docker_container, and the scripts that pull, create, start and remove a container.
import { type Static, Type } from 'typebox';
import type { Change } from '../../core/module.ts';
import { lines, type Script, sh } from '../../core/sh.ts';
import { splitWords } from '../../core/words.ts';
import { absolutePath, args, flag, text } from './args.ts';
import { daemon, docker } from './docker.ts';
import { envLines, running, runOptions } from './docker-run.ts';

const command = (description: string) =>
  Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()], { description }));

export const Args = args({
  name: Type.String({
    pattern: '^[a-zA-Z0-9][\\w.-]*$',
    expected: 'the name of a container',
    description: 'The container.',
  }),
  image: text('The image: nginx:1.27. Needed for a new container.'),
  state: Type.Enum(['started', 'present', 'stopped', 'absent', 'healthy'], {
    default: 'started',
    description:
      'present: it exists. healthy: it is started, and its health check succeeds. absent: it is stopped and removed.',
  }),
  command: command('The command, as text or as a list. Default: the one of the image.'),
  entrypoint: Type.Optional(
    Type.Array(Type.String(), { minItems: 1, description: 'The program that gets the command.' }),
  ),
  env: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'Variables of its environment. Values with several lines are not possible.',
    }),
  ),
  env_file: Type.Optional(absolutePath('A file of the host with more variables.')),
  networks: Type.Optional(
    Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, description: 'The network.' }),
          ipv4_address: text('The address in it.'),
          ipv6_address: text('The IPv6 address in it.'),
          aliases: Type.Optional(Type.Array(Type.String(), { description: 'More names in it.' })),
          links: Type.Optional(Type.Array(Type.String(), { description: 'Links to containers in it.' })),
        },
        { additionalProperties: false },
      ),
      { description: 'The networks of the container.' },
    ),
  ),
  purge_networks: flag('Disconnect it from all other networks.'),
  restart_policy: Type.Optional(
    Type.Enum(['no', 'always', 'on-failure', 'unless-stopped'], { description: 'When the daemon starts it again.' }),
  ),
  restart_retries: Type.Optional(Type.Integer({ minimum: 0, description: 'How often, with on-failure.' })),
  pull: Type.Union([Type.Boolean(), Type.Enum(['always', 'missing', 'never'])], {
    default: 'missing',
    description: 'When the image is pulled. always: each time; a newer image replaces the container.',
  }),
  recreate: flag('Replace the container each time.'),
  restart: flag('Restart it each time.'),
  detach: flag('false: wait for its end. The task fails if it fails.', true),
  cleanup: flag('With detach: false, remove it afterwards.'),
  keep_volumes: flag('Keep the unnamed volumes of a container that is removed.'),
  force_kill: flag('Kill it instead of stopping it.'),
  healthy_wait_timeout: Type.Integer({ default: 300, minimum: 1, description: 'How many seconds `healthy` waits.' }),
  ...running,
  ...daemon,
});
export type Args = Static<typeof Args>;

/** Holds a hash of the arguments that made the container. Another one: it is replaced. */
export const LABEL = 'bringup.arguments';

export function pull(given: Args): Script {
  if (given.pull === 'never') return sh`:`;
  const platform = given.platform === undefined ? [] : [`--platform=${given.platform}`];
  return sh`${docker(given)} pull --quiet ${platform} ${given.image ?? ''} >/dev/null`;
}

const SAME = 'bringup: the same image';

export function pullAgain(given: Args, hash: string, isRunning: boolean): Change {
  const { name, image = '' } = given;
  return {
    what: `pull ${image}, and replace the container ${name} if it is newer`,
    action: true,
    unaltered: SAME,
    run: sh`set -e
${pull(given)}
if [ "$(${docker(given)} image inspect --format '{{.Id}}' ${image})" = "$(${docker(given)} container inspect --format '{{.Image}}' ${name})" ]; then echo ${SAME}; else
${remove(given, isRunning)}
${create(given, hash)}
${given.state === 'started' || given.state === 'healthy' ? start(given) : sh`:`}
fi`,
  };
}

export function remove(given: Args, isRunning: boolean): Script {
  const { name, force_kill, stop_timeout, keep_volumes } = given;
  const stop = force_kill
    ? sh`${docker(given)} kill ${name} >/dev/null`
    : sh`${docker(given)} stop ${stop_timeout === undefined ? [] : [`--time=${stop_timeout}`]} ${name} >/dev/null`;
  return sh`${isRunning ? stop : sh`:`}
if ${docker(given)} container inspect ${name} >/dev/null 2>&1; then ${docker(given)} rm --force ${keep_volumes ? [] : ['--volumes']} ${name} >/dev/null; fi`;
}

/** Variables reach docker through an open file, because others can read arguments. */
export function create(given: Args, hash: string): Script {
  const { name, image = '', entrypoint = [], networks = [], env, env_file, restart_policy, restart_retries } = given;
  const [program, ...rest] = entrypoint;
  const cmd = typeof given.command === 'string' ? (splitWords(given.command) ?? []) : (given.command ?? []);
  const [first, ...others] = networks;
  const retries = restart_retries === undefined ? '' : `:${restart_retries}`;
  const options = [
    '--name',
    name,
    ...(restart_policy === undefined ? [] : [`--restart=${restart_policy}${retries}`]),
    ...runOptions(given),
    ...(given.network_mode === undefined && first !== undefined
      ? [`--network=${first.name}`, ...inNetwork(first, '--network-alias')]
      : []),
    ...(program === undefined ? [] : [`--entrypoint=${program}`]),
    ...(env_file === undefined ? [] : [`--env-file=${env_file}`]),
    '--label',
    `${LABEL}=${hash}`,
  ];
  const connected = given.network_mode === undefined ? others : networks;
  return sh`env=${envLines(env)}
${docker(given)} create --pull=never ${options} ${env === undefined ? [] : ['--env-file=/dev/fd/3']} ${image} ${rest} ${cmd} >/dev/null 3<<END
$env
END
${lines(connected.map((one) => sh`${docker(given)} network connect ${inNetwork(one, '--alias')} ${one.name} ${name}`))}`;
}

export function inNetwork(
  { ipv4_address, ipv6_address, aliases = [], links = [] }: NonNullable<Args['networks']>[number],
  alias: string,
): readonly string[] {
  return [
    ...(ipv4_address === undefined ? [] : [`--ip=${ipv4_address}`]),
    ...(ipv6_address === undefined ? [] : [`--ip6=${ipv6_address}`]),
    ...aliases.map((one) => `${alias}=${one}`),
    ...links.map((one) => `--link=${one}`),
  ];
}

export function start(given: Args): Script {
  const { name, detach, cleanup, state, healthy_wait_timeout } = given;
  if (!detach) {
    return sh`rc=0; ${docker(given)} start --attach ${name} || rc=$?
${cleanup ? sh`${docker(given)} rm --force --volumes ${name} >/dev/null` : sh`:`}
exit "$rc"`;
  }
  return sh`${docker(given)} start ${name} >/dev/null
${state === 'healthy' ? waitHealthy(given, healthy_wait_timeout) : sh`:`}`;
}

export function waitHealthy(given: Args, seconds: number): Script {
  return sh`i=0; until [ "$(${docker(given)} container inspect --format '{{.State.Health.Status}}' ${given.name} 2>&1)" = healthy ]; do
i=$((i + 1)); [ "$i" -le ${seconds} ] || { echo 'the container is not healthy' >&2; ${logs(given)}; exit 1; }; sleep 1; done`;
}

export function logs(given: Args): Script {
  return sh`${docker(given)} logs --tail 20 ${given.name} 2>&1`;
}
