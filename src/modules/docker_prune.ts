import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import {
  DAEMON_ALIASES,
  DOCKER_NEEDS,
  DOCKER_TOUCHES,
  daemon,
  docker,
  FIND_DOCKER,
  noDocker,
} from './shared/docker.ts';
import { type Fields, fields } from './shared/fields.ts';

const filters = (what: string) =>
  Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean(), Type.Array(Type.String())]), {
      description: `Which ${what}: {until: 24h}.`,
    }),
  );

const Args = args({
  containers: flag('Remove containers that do not run.'),
  containers_filters: filters('containers'),
  images: flag('Remove images without a name that no container uses. {dangling: false}: all that no container uses.'),
  images_filters: filters('images'),
  networks: flag('Remove networks that no container uses.'),
  networks_filters: filters('networks'),
  volumes: flag(
    'Remove volumes without a name that no container uses. {all: true}: also those with a name, which Docker before 23 always removes.',
  ),
  volumes_filters: filters('volumes'),
  builder_cache: flag('Remove what builds left behind.'),
  builder_cache_all: flag('With builder_cache: everything.'),
  builder_cache_filters: filters('parts of it'),
  builder_cache_keep_storage: text('How much of it may stay: 1GB.'),
  ...daemon,
});
type Args = Static<typeof Args>;

const KINDS = ['containers', 'images', 'networks', 'volumes', 'builder_cache'] as const;
const COMMANDS = {
  containers: 'container',
  images: 'image',
  networks: 'network',
  volumes: 'volume',
  builder_cache: 'builder',
};

export const docker_prune = defineModule<typeof Args, Fields>({
  name: 'docker_prune',
  summary: 'Removes what Docker does not need any more.',
  args: Args,
  aliases: DAEMON_ALIASES,
  examples: [{ title: 'Old images', args: { images: true, images_filters: { dangling: false, until: '168h' } } }],
  verify: (given) => [
    ...(KINDS.some((kind) => given[kind])
      ? []
      : [argError([], 'E_MISSING_ARGUMENT', { name: KINDS.map((kind) => `'${kind}'`).join(' or ') })]),
    ...KINDS.filter((kind) => given[`${kind}_filters`] !== undefined && !given[kind]).map((kind) =>
      argError([`${kind}_filters`], 'E_ARGUMENT_CONFLICT', { problem: `'${kind}_filters' needs '${kind}'` }),
    ),
  ],
  needs: () => DOCKER_NEEDS,
  touches: () => DOCKER_TOUCHES,
  probe: (given) => sh`${FIND_DOCKER}
look daemon ${docker(given)} version --format '{{.Server.Version}}'`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    return (
      noDocker(f) ??
      KINDS.filter((kind) => given[kind]).map(
        (kind): Change => ({
          what: `remove ${kind === 'builder_cache' ? 'what builds left behind' : `${kind} that are not used`}`,
          // Docker tells what is not used only while it removes it.
          action: true,
          unaltered: SAME,
          run: sh`set -e
all=
${isAll(given, kind) ? sh`if ${docker(given)} ${COMMANDS[kind]} prune --help 2>&1 | grep -q -e '--all'; then all=--all; fi` : sh`:`}
out=$(${docker(given)} ${COMMANDS[kind]} prune --force $all ${options(given, kind)})
printf '%s\n' ${`kind ${kind}`} "$out"
if ! printf '%s\n' "$out" | grep -Eq '^Deleted |^[0-9a-z]{10,} |^ID.*RECLAIMABLE'; then echo ${SAME}; fi`,
        }),
      )
    );
  },
  data: (_, given, _ctx, ran) =>
    Object.assign({}, ...KINDS.filter((kind) => given[kind]).map((kind) => removed(kind, ran?.stdout ?? ''))) as Vars,
});

const SAME = 'bringup: nothing was removed';

/** Before version 23 docker has no --all for volumes, and removes those with a name too. */
function isAll(given: Args, kind: (typeof KINDS)[number]): boolean {
  const { dangling, all } = given[`${kind}_filters`] ?? {};
  return (
    (kind === 'images' && String(dangling) === 'false') ||
    (kind === 'volumes' && String(all) === 'true') ||
    (kind === 'builder_cache' && given.builder_cache_all)
  );
}

function options(given: Args, kind: (typeof KINDS)[number]): readonly string[] {
  const { dangling: _, all: __, ...rest } = given[`${kind}_filters`] ?? {};
  return [
    ...(kind === 'builder_cache' && given.builder_cache_keep_storage !== undefined
      ? [`--keep-storage=${given.builder_cache_keep_storage}`]
      : []),
    ...Object.entries(rest).flatMap(([key, value]) =>
      (Array.isArray(value) ? value : [value]).flatMap((one) => ['--filter', `${key}=${one}`]),
    ),
  ];
}

/** The names that docker printed for one kind, and how much space became free. */
function removed(kind: (typeof KINDS)[number], out: string): Vars {
  const part = out.split(/^kind /m).find((one) => one.startsWith(`${kind}\n`)) ?? '';
  const names = part
    .split('\n')
    .slice(1)
    .filter((line) => line !== '' && !/^(Deleted |Total|bringup:)/.test(line))
    .map((line) => line.replace(/^(deleted|untagged): /, ''));
  return {
    ...(kind !== 'builder_cache' && { [kind]: names }),
    ...(kind !== 'networks' && {
      [`${kind}_space_reclaimed`]: bytesOf(/^Total(?: reclaimed space)?:\s*(\S+)/m.exec(part)?.[1]),
    }),
  };
}

function bytesOf(size: string | undefined): number {
  const [, number = '0', unit = ''] = /^([\d.]+)([kMGT]?)B$/.exec(size ?? '') ?? [];
  return Math.round(Number(number) * 1000 ** ['', 'k', 'M', 'G', 'T'].indexOf(unit));
}
