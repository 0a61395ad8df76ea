import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import {
  DAEMON_ALIASES,
  DOCKER_NEEDS,
  DOCKER_TOUCHES,
  daemon,
  docker,
  FIND_DOCKER,
  inspect,
  inspected,
  noDocker,
  pairs,
} from './shared/docker.ts';
import { type Fields, fields } from './shared/fields.ts';

const dict = (description: string) =>
  Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { description }),
  );

const Args = args({
  name: Type.String({
    minLength: 1,
    pattern: '^[^-]',
    expected: 'an image, as nginx:1.27',
    description: 'The image: nginx, nginx:1.27, or an id for absent.',
  }),
  tag: Type.String({
    default: 'latest',
    pattern: '^[\\w.-]+$',
    expected: 'a tag',
    description: 'The tag, if the name has none.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the host has the image.' }),
  source: Type.Optional(
    Type.Enum(['pull', 'build', 'load', 'local'], {
      description:
        'Where an image comes from that the host does not have. Needed with present. local: it has to be there.',
    }),
  ),
  build: Type.Optional(
    Type.Object(
      {
        path: absolutePath('The directory of the host with the Dockerfile.'),
        dockerfile: text('The Dockerfile, if it has another name.'),
        args: dict('Arguments of the build. Docker keeps them in the image, so they are no place for a secret.'),
        labels: dict('Labels of the image.'),
        nocache: flag('Do not use what an earlier build left.'),
        pull: flag('Pull the images that it is built on, even if the host has them.'),
        target: text('The stage of the Dockerfile to build.'),
        network: text('The network in which commands of the build run.'),
        platform: text('The platform: linux/arm64.'),
        cache_from: Type.Optional(Type.Array(Type.String(), { description: 'Images whose layers are used.' })),
        etc_hosts: dict('Lines of /etc/hosts during the build.'),
        shm_size: text('The size of /dev/shm during the build.'),
      },
      { additionalProperties: false, description: 'How it is built. For source: build.' },
    ),
  ),
  pull: Type.Optional(
    Type.Object(
      { platform: text('The platform: linux/arm64.') },
      { additionalProperties: false, description: 'How it is pulled. For source: pull.' },
    ),
  ),
  load_path: Type.Optional(absolutePath('A file of `docker save` on the host. For source: load.')),
  archive_path: Type.Optional(absolutePath('Save the image to this file of the host, if the file does not exist.')),
  repository: text('Also give the image this name: registry.example.com/nginx.'),
  push: flag('Push it to its registry, or to the one of `repository`, each time.'),
  force_source: flag('Pull, build or load it each time.'),
  force_absent: flag('Remove it although stopped containers use it.'),
  force_tag: flag('Give `repository` to it although another image has that name.'),
  ...daemon,
});
type Args = Static<typeof Args>;

export const docker_image = defineModule<typeof Args, Fields>({
  name: 'docker_image',
  summary: 'A host has an image of Docker, or does not. It is pulled, built or loaded.',
  args: Args,
  aliases: DAEMON_ALIASES,
  examples: [
    { title: 'Pull', args: { name: 'nginx:1.27', source: 'pull' } },
    { title: 'Build', args: { name: 'shop', tag: 'v1', source: 'build', build: { path: '/srv/shop' } } },
    { title: 'Remove', args: { name: 'nginx:1.26', state: 'absent' } },
  ],
  verify: (given) => [
    ...(given.state === 'present' && given.source === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'source'" })]
      : []),
    ...(
      [
        ['build', 'build'],
        ['load', 'load_path'],
      ] as const
    ).flatMap(([source, key]) => [
      ...(given.source === source && given[key] === undefined
        ? [argError([], 'E_MISSING_ARGUMENT', { name: `'${key}'` })]
        : []),
      ...(given.source !== source && given[key] !== undefined
        ? [argError([key], 'E_ARGUMENT_CONFLICT', { problem: `'${key}' needs source: ${source}` })]
        : []),
    ]),
    ...(given.pull !== undefined && given.source !== 'pull'
      ? [argError(['pull'], 'E_ARGUMENT_CONFLICT', { problem: "'pull' needs source: pull" })]
      : []),
  ],
  needs: ({ build, load_path, archive_path }) => [
    ...DOCKER_NEEDS,
    ...[build?.path, load_path, archive_path].flatMap((one) => (one === undefined ? [] : [`path:${one}`])),
  ],
  touches: ({ archive_path }) => [...DOCKER_TOUCHES, ...(archive_path === undefined ? [] : [`path:${archive_path}`])],
  probe: (given) => sh`${FIND_DOCKER}
${inspect(given, 'is', 'image', full(given))}
${given.repository === undefined ? sh`:` : inspect(given, 'other', 'image', repository(given))}
${[given.build?.path, given.load_path].map((one) => (one === undefined ? sh`:` : sh`[ -e ${one} ] || echo 'input missing';`))}
${given.archive_path === undefined ? sh`:` : sh`if [ -e ${given.archive_path} ]; then echo 'archive there'; fi`}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const refused = noDocker(f);
    if (refused !== undefined) return refused;
    const is = inspected(f, 'is');
    const image = full(given);
    if (given.state === 'absent') {
      if (is === undefined) return [];
      return [
        {
          what: `remove the image ${image}`,
          diff: { of: image, before: `${String(is['Id'])}\n`, after: null },
          run: sh`${docker(given)} image rm ${given.force_absent ? ['--force'] : []} ${image} >/dev/null`,
        },
      ];
    }
    if (is === undefined && given.source === 'local') {
      return blocked('E_NOT_ON_HOST', { what: 'image', name: image, hint: 'build or load it in an earlier task' });
    }
    const gets = given.source !== 'local' && (is === undefined || given.force_source);
    if (gets && f.get('input') !== undefined) {
      return blocked('E_PATH_MISSING', { path: given.build?.path ?? given.load_path ?? '' });
    }
    return [...(gets ? [get(given, is !== undefined)] : []), ...after(f, given, gets)];
  },
  data: (f) => ({ image: inspected(f, 'is') ?? {} }),
});

/** The name with its tag. An id or a digest has none. */
function full({ name, tag }: Args): string {
  return /^sha256:|@/.test(name) || /:[^/]*$/.test(name) ? name : `${name}:${tag}`;
}

function repository(given: Args): string {
  const { repository: name = '', tag } = given;
  return /:[^/]*$/.test(name) ? name : `${name}:${full(given).match(/:([^/:]*)$/)?.[1] ?? tag}`;
}

const SAME = 'bringup: the same image';

function get(given: Args, isThere: boolean): Change {
  const { source, load_path } = given;
  const image = full(given);
  const id = sh`${docker(given)} image inspect --format '{{.Id}}' ${image} 2>/dev/null || :`;
  const run =
    source === 'pull'
      ? sh`${docker(given)} pull --quiet ${given.pull?.platform === undefined ? [] : [`--platform=${given.pull.platform}`]} ${image} >/dev/null`
      : source === 'load'
        ? sh`${docker(given)} load --quiet --input ${load_path ?? ''} >/dev/null`
        : sh`${docker(given)} build --quiet ${buildArgs(given)} >/dev/null`;
  return {
    what: `${source} the image ${image}`,
    diff: { of: image, before: isThere ? 'the image\n' : null, after: `${source}\n` },
    ...(isThere && { action: true as const, unaltered: SAME }),
    run: sh`set -e
was=$(${id})
${run}
if [ -n "$was" ] && [ "$was" = "$(${id})" ]; then echo ${SAME}; fi`,
  };
}

function buildArgs(given: Args): readonly string[] {
  const { build } = given;
  if (build === undefined) return [];
  return [
    '--tag',
    full(given),
    ...(build.dockerfile === undefined
      ? []
      : ['--file', build.dockerfile.startsWith('/') ? build.dockerfile : `${build.path}/${build.dockerfile}`]),
    ...pairs('--build-arg', build.args),
    ...pairs('--label', build.labels),
    ...(build.nocache ? ['--no-cache'] : []),
    ...(build.pull ? ['--pull'] : []),
    ...(build.target === undefined ? [] : ['--target', build.target]),
    ...(build.network === undefined ? [] : ['--network', build.network]),
    ...(build.platform === undefined ? [] : ['--platform', build.platform]),
    ...(build.cache_from ?? []).flatMap((one) => ['--cache-from', one]),
    ...pairs('--add-host', build.etc_hosts, ':'),
    ...(build.shm_size === undefined ? [] : ['--shm-size', build.shm_size]),
    build.path,
  ];
}

/** A second name, a file, a push. */
function after(f: Fields, given: Args, isNew: boolean): readonly Change[] {
  const image = full(given);
  const other = inspected(f, 'other');
  const tags =
    given.repository !== undefined && (isNew || other?.['Id'] !== inspected(f, 'is')?.['Id'])
      ? other === undefined || given.force_tag
      : false;
  const step = (what: string, run: Script, more: Partial<Change> = {}): Change => ({ what, run, ...more });
  const name = given.repository === undefined ? image : repository(given);
  return [
    ...(tags ? [step(`name the image ${image} also ${name}`, sh`${docker(given)} tag ${image} ${name}`)] : []),
    ...(given.archive_path !== undefined && f.get('archive') === undefined
      ? [
          step(
            `save the image ${image} to ${given.archive_path}`,
            sh`set -e
s=${`${given.archive_path}.part`}
trap 'rm -f -- "$s"' EXIT
${docker(given)} save --output "$s" ${image}
mv -fT -- "$s" ${given.archive_path}`,
          ),
        ]
      : []),
    ...(given.push
      ? [
          step(
            `push the image ${name}`,
            sh`set -e
out=$(${docker(given)} push ${name})
printf '%s\n' "$out"
if ! printf '%s\n' "$out" | grep -q ': Pushed$'; then echo ${SAME}; fi`,
            { action: true, unaltered: SAME },
          ),
        ]
      : []),
  ];
}
