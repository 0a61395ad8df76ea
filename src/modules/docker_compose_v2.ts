import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { isDict, type Vars } from '../core/value.ts';
import { absolutePath, args, exclude, flag, oneOf, text } from './shared/args.ts';
import {
  DAEMON_ALIASES,
  DOCKER_NEEDS,
  DOCKER_TOUCHES,
  daemon,
  docker,
  FIND_DOCKER,
  noDocker,
  pairs,
} from './shared/docker.ts';
import { type Fields, fields } from './shared/fields.ts';

const words = (description: string) => Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description }));

const Args = args({
  project_src: Type.Optional(absolutePath('The directory of the host with compose.yml.')),
  project_name: text('The name of the project. Default: the one in the file, or the name of the directory.'),
  files: words('The files, relative to project_src, if they have other names.'),
  definition: Type.Optional(
    Type.Unsafe<unknown>({ type: 'object', description: 'The project itself, instead of files. Needs project_name.' }),
  ),
  env_files: words('Files with variables for the project, instead of .env.'),
  profiles: words('The profiles of services that take part.'),
  services: words('Only these services. Default: all.'),
  state: Type.Enum(['present', 'absent', 'stopped', 'restarted'], {
    default: 'present',
    description: 'present: created and running. stopped: created, not running. absent: removed (down).',
  }),
  scale: Type.Optional(
    Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
      description: 'How many containers a service has: {web: 2}.',
    }),
  ),
  dependencies: flag('Start the services that these services need, too.', true),
  pull: Type.Enum(['always', 'missing', 'never', 'policy'], {
    default: 'policy',
    description: 'When images are pulled. policy: as the file says.',
  }),
  build: Type.Enum(['always', 'never', 'policy'], {
    default: 'policy',
    description: 'When images are built. policy: as the file says.',
  }),
  recreate: Type.Enum(['always', 'never', 'auto'], {
    default: 'auto',
    description: 'When containers are replaced. auto: if their part of the file or their image is another.',
  }),
  renew_anon_volumes: flag('New containers get new unnamed volumes.'),
  remove_orphans: flag('Remove containers of services that are no longer in the file.'),
  remove_images: Type.Optional(
    Type.Enum(['all', 'local'], {
      description: 'With absent: also remove the images. local: only those without a name.',
    }),
  ),
  remove_volumes: flag('With absent: also remove the volumes.'),
  timeout: Type.Optional(Type.Integer({ minimum: 0, description: 'How many seconds a container has to stop.' })),
  wait: flag('Wait until the services run, or are healthy.'),
  wait_timeout: Type.Optional(Type.Integer({ minimum: 1, description: 'How many seconds `wait` waits.' })),
  ...daemon,
});
type Args = Static<typeof Args>;

export const docker_compose_v2 = defineModule<typeof Args, Fields>({
  name: 'docker_compose_v2',
  summary: 'A project of docker compose runs, is stopped, or is removed. Needs the plugin compose 2.18 or newer.',
  args: Args,
  aliases: { ...DAEMON_ALIASES, stopped_timeout: 'timeout' },
  examples: [
    { title: 'Start what a file describes', args: { project_src: '/srv/shop' } },
    {
      title: 'A project in the playbook',
      args: { project_name: 'shop', definition: { services: { web: { image: 'nginx:1.27' } } } },
    },
  ],
  verify: argErrors,
  needs: ({ project_src }) => [...DOCKER_NEEDS, ...(project_src === undefined ? [] : [`path:${project_src}`])],
  touches: () => DOCKER_TOUCHES,
  probe: (given) => sh`${FIND_DOCKER}
${docker(given)} compose version >/dev/null 2>&1 || { echo 'compose missing'; exit 0; }
${given.project_src === undefined ? sh`:` : sh`cd -- ${given.project_src} 2>/dev/null || { echo 'folder missing'; exit 0; }`}
if out=$(${compose(given, ['--progress', 'plain'])} --dry-run ${wanted(given)} 2>&1); then printf 'would %s\n' "$(printf %s "$out" | base64 -w0)"; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi
${
  given.state === 'absent'
    ? sh`printf 'there %s\n' "$( { ${docker(given)} volume ls --quiet; ${docker(given)} image ls --format '{{.Repository}}:{{.Tag}}'; } | base64 -w0)"`
    : sh`printf 'containers %s\n' "$(${compose(given, [])} ps --all --format json 2>/dev/null | base64 -w0)"`
}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    if (f.get('compose') !== undefined) {
      return blocked('E_TOOL_MISSING', {
        tool: 'plugin compose of docker',
        hint: 'install docker-compose (Debian 13) or docker-compose-plugin (Docker) in an earlier task',
      });
    }
    if (f.get('folder') !== undefined) return blocked('E_PATH_MISSING', { path: given.project_src ?? '' });
    const refused = noDocker(f);
    if (refused !== undefined) return refused;
    const { state } = given;
    const project = given.project_name ?? given.project_src ?? '';
    const actions = actionsOf(f.text('would') ?? '').filter((one) => state !== 'absent' || isThere(f, one));
    const isUp = containersOf(f, given).some((one) => one['State'] === 'running');
    const stops = state === 'stopped' && isUp;
    const isForced = (state === 'present' && given.recreate === 'always') || state === 'restarted';
    if (actions.length === 0 && !stops && !isForced) return [];
    const verb = { present: 'start', absent: 'remove', stopped: 'stop', restarted: 'restart' }[state];
    const lines = actions.map(({ what, id, status }) => `${what} ${id} ${status}\n`).join('');
    return [
      {
        what: `${verb} the project ${project}`,
        diff: { of: project, before: null, after: stops && lines === '' ? 'stopped\n' : lines },
        ...(isForced || pulls(given) ? { action: true as const } : {}),
        run: sh`set -e
${given.project_src === undefined ? sh`:` : sh`cd -- ${given.project_src}`}
${compose(given, ['--progress', 'plain'])} ${wanted(given)} 2>&1
${state === 'stopped' || state === 'restarted' ? sh`${compose(given, ['--progress', 'plain'])} ${[state === 'stopped' ? 'stop' : 'restart', ...timeout(given), ...(given.services ?? [])]} 2>&1` : sh`:`}`,
      },
    ];
  },
  data: (f, given, _ctx, ran) => ({
    actions: actionsOf(ran?.stdout ?? ''),
    containers: containersOf(f, given),
    ...(ran !== undefined && { stdout: ran.stdout }),
  }),
});

function argErrors(given: Args): readonly ArgError[] {
  const onlyAbsent = (['remove_images', 'remove_volumes'] as const).filter(
    (key) => given.state !== 'absent' && given[key] !== undefined && given[key] !== false,
  );
  return [
    ...oneOf(given, 'project_src', 'definition'),
    ...exclude(given, 'project_src', 'definition'),
    ...exclude(given, 'files', 'definition'),
    ...(given.definition !== undefined && given.project_name === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'project_name'" })]
      : []),
    ...onlyAbsent.map((key) => argError([key], 'E_ARGUMENT_CONFLICT', { problem: `'${key}' needs state: absent` })),
    ...(given.wait_timeout !== undefined && !given.wait
      ? [argError(['wait_timeout'], 'E_ARGUMENT_CONFLICT', { problem: "'wait_timeout' needs 'wait'" })]
      : []),
  ];
}

/** Whether only a run shows what a registry has. */
function pulls({ pull, build, state }: Args): boolean {
  return state !== 'absent' && (pull === 'always' || build === 'always');
}

/** docker compose reads a definition from stdin, where no process list shows it. */
function compose(given: Args, options: readonly string[]): Script {
  const { definition, files = [], env_files = [], profiles = [], project_name } = given;
  const all = [
    '--ansi',
    'never',
    ...options,
    ...(project_name === undefined ? [] : ['--project-name', project_name]),
    ...(definition === undefined ? files.flatMap((one) => ['--file', one]) : ['--file', '-']),
    ...env_files.flatMap((one) => ['--env-file', one]),
    ...profiles.flatMap((one) => ['--profile', one]),
  ];
  const input = definition === undefined ? sh`` : sh`printf %s ${JSON.stringify(definition)} | `;
  return sh`${input}${docker(given)} compose ${all}`;
}

/** The command that a dry run asks first, and a change runs. */
function wanted(given: Args): readonly string[] {
  const { state, services = [], recreate, pull, build } = given;
  if (state === 'absent') {
    return [
      'down',
      ...(given.remove_orphans ? ['--remove-orphans'] : []),
      ...(given.remove_images === undefined ? [] : ['--rmi', given.remove_images]),
      ...(given.remove_volumes ? ['--volumes'] : []),
      ...timeout(given),
      ...services,
    ];
  }
  return [
    'up',
    '--detach',
    '--quiet-pull',
    ...(state === 'stopped' ? ['--no-start'] : []),
    ...(pull === 'policy' ? [] : ['--pull', pull]),
    ...(build === 'always' ? ['--build'] : build === 'never' ? ['--no-build'] : []),
    ...(recreate === 'always' ? ['--force-recreate'] : recreate === 'never' ? ['--no-recreate'] : []),
    ...(given.renew_anon_volumes ? ['--renew-anon-volumes'] : []),
    ...(given.remove_orphans ? ['--remove-orphans'] : []),
    ...(given.dependencies ? [] : ['--no-deps']),
    ...pairs('--scale', given.scale),
    ...(given.wait ? ['--wait'] : []),
    ...(given.wait_timeout === undefined ? [] : ['--wait-timeout', String(given.wait_timeout)]),
    ...timeout(given),
    ...services,
  ];
}

function timeout({ timeout: seconds }: Args): readonly string[] {
  return seconds === undefined ? [] : ['--timeout', String(seconds)];
}

/** Words with which docker compose says that it begins to change something. */
const BEGINS = /^(Creating|Recreate|Starting|Stopping|Removing|Restarting|Killing|Pulling|Building)$/;

/** From lines of `--progress plain`, as ` Container shop-web-1  Starting`. */
function actionsOf(out: string): readonly Vars[] {
  return out.split('\n').flatMap((line) => {
    const [, what = '', id = '', status = ''] =
      /^ *(?:DRY-RUN MODE - +)?(?:(Container|Network|Volume|Image|Service) )?(\S+) +(\w+) *$/.exec(line) ?? [];
    return BEGINS.test(status)
      ? [{ what: (what === '' ? 'service' : what).toLowerCase(), id: id.replaceAll('"', ''), status }]
      : [];
  });
}

/** `down` would remove volumes and images whether they exist or not. */
function isThere(f: Fields, { what, id }: Vars): boolean {
  if (what !== 'volume' && what !== 'image') return true;
  return (f.text('there') ?? '').split('\n').includes(String(id));
}

function containersOf(f: Fields, { services }: Args): readonly Vars[] {
  return (f.text('containers') ?? '').split('\n').flatMap((line) => {
    try {
      // Before compose 2.21 there is one list, after it one line for each container.
      const value: unknown = JSON.parse(line);
      const all = (Array.isArray(value) ? value : [value]).filter(isDict);
      return all.filter((one) => services === undefined || services.includes(String(one['Service'])));
    } catch {
      return [];
    }
  });
}
