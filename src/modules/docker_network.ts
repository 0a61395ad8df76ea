import { type Static, Type } from 'typebox';
import { defineModule, type Steps } from '../core/module.ts';
import { lines, sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { args, flag, optionalFlag, text } from './shared/args.ts';
import {
  DAEMON_ALIASES,
  DOCKER_NEEDS,
  DOCKER_TOUCHES,
  daemon,
  deep,
  dictOf,
  docker,
  FIND_DOCKER,
  holds,
  inspect,
  inspected,
  noDocker,
  pairs,
  scalar,
} from './shared/docker.ts';
import { type Fields, fields } from './shared/fields.ts';

const dict = (description: string) =>
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { default: {}, description });

const Args = args({
  name: Type.String({
    pattern: '^[a-zA-Z0-9][\\w.-]*$',
    expected: 'the name of a network',
    description: 'The network.',
  }),
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'Whether the network exists. absent: containers are disconnected first.',
  }),
  driver: Type.String({ default: 'bridge', minLength: 1, description: 'The driver.' }),
  driver_options: dict('Options of the driver.'),
  ipam_driver: text('The driver that gives addresses.'),
  ipam_driver_options: dict('Options of ipam_driver.'),
  ipam_config: Type.Optional(
    Type.Array(
      Type.Object(
        {
          subnet: text('The subnet: 172.20.0.0/16.'),
          iprange: text('The part of it from which containers get addresses.'),
          gateway: text('The address of the gateway.'),
          aux_addresses: Type.Optional(dict('Addresses that no container gets.')),
        },
        { additionalProperties: false },
      ),
      { description: 'The addresses of the network.' },
    ),
  ),
  internal: optionalFlag('The network leads nowhere else.'),
  attachable: optionalFlag('Containers outside of a swarm may connect to an overlay network.'),
  enable_ipv6: optionalFlag('The network has IPv6.'),
  labels: dict('Labels of the network.'),
  connected: Type.Optional(Type.Array(Type.String(), { description: 'The containers that are connected.' })),
  appends: flag('Other containers stay connected.'),
  force: flag('Remove the network and create it anew each time.'),
  ...daemon,
});
type Args = Static<typeof Args>;

export const docker_network = defineModule<typeof Args, Fields>({
  name: 'docker_network',
  summary: 'A network of Docker exists, or does not. One that differs is created anew, with its containers.',
  args: Args,
  aliases: { ...DAEMON_ALIASES, network_name: 'name', containers: 'connected', incremental: 'appends' },
  examples: [
    { title: 'A network', args: { name: 'shop' } },
    {
      title: 'With addresses',
      args: { name: 'shop', ipam_config: [{ subnet: '172.30.0.0/24', gateway: '172.30.0.1' }] },
    },
  ],
  needs: () => DOCKER_NEEDS,
  touches: () => DOCKER_TOUCHES,
  probe: (given) => sh`${FIND_DOCKER}
${inspect(given, 'is', 'network', given.name)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const refused = noDocker(f);
    if (refused !== undefined) return refused;
    const { name, state, connected, appends, force } = given;
    const is = inspected(f, 'is');
    const members = Object.values(dictOf(is?.['Containers'])).map((one) => scalar(deep(one, 'Name')));
    const detach = (names: readonly string[]) =>
      lines(names.map((one) => sh`${docker(given)} network disconnect --force ${name} ${one}`));
    const attach = (names: readonly string[]) =>
      lines(names.map((one) => sh`${docker(given)} network connect ${name} ${one}`));
    const remove = sh`${detach(members)}
${docker(given)} network rm ${name} >/dev/null`;
    if (state === 'absent') {
      if (is === undefined) return [];
      return [
        {
          what: `remove the network ${name}`,
          diff: { of: name, before: `${scalar(is['Driver'])}\n`, after: null },
          run: sh`set -e
${remove}`,
        },
      ];
    }
    const why = is === undefined ? [] : [...differences(is, given), ...(force ? ['force is set'] : [])];
    if (is === undefined || why.length > 0) {
      const back = appends || connected === undefined ? [...new Set([...members, ...(connected ?? [])])] : connected;
      return [
        {
          what: is === undefined ? `create the network ${name}` : `replace the network ${name}: ${why.join(', ')}`,
          diff: { of: name, before: is === undefined ? null : `${why.join('\n')}\n`, after: `${given.driver}\n` },
          ...(force && { action: true as const }),
          run: sh`set -e
${is === undefined ? sh`:` : remove}
${docker(given)} network create ${createArgs(given)} ${name} >/dev/null
${attach(back)}`,
        },
      ];
    }
    const missing = (connected ?? []).filter((one) => !members.includes(one));
    const extra = connected === undefined || appends ? [] : members.filter((one) => !connected.includes(one));
    if (missing.length + extra.length === 0) return [];
    return [
      {
        what: `${[...missing.map((one) => `connect ${one}`), ...extra.map((one) => `disconnect ${one}`)].join(', ')} (network ${name})`,
        diff: { of: name, before: `${members.join('\n')}\n`, after: `${(connected ?? []).join('\n')}\n` },
        run: sh`set -e
${detach(extra)}
${attach(missing)}`,
      },
    ];
  },
  data: (f) => ({ network: inspected(f, 'is') ?? {} }),
});

function createArgs(given: Args): readonly string[] {
  return [
    '--driver',
    given.driver,
    ...pairs('--opt', given.driver_options),
    ...(given.ipam_driver === undefined ? [] : ['--ipam-driver', given.ipam_driver]),
    ...pairs('--ipam-opt', given.ipam_driver_options),
    ...(given.ipam_config ?? []).flatMap((one) => [
      ...(one.subnet === undefined ? [] : ['--subnet', one.subnet]),
      ...(one.iprange === undefined ? [] : ['--ip-range', one.iprange]),
      ...(one.gateway === undefined ? [] : ['--gateway', one.gateway]),
      ...pairs('--aux-address', one.aux_addresses),
    ]),
    ...(given.internal === true ? ['--internal'] : []),
    ...(given.attachable === true ? ['--attachable'] : []),
    ...(given.enable_ipv6 === true ? ['--ipv6'] : []),
    ...pairs('--label', given.labels),
  ];
}

/** Only what the task gives is compared. */
function differences(is: Vars, given: Args): readonly string[] {
  const flags = (
    [
      ['internal', 'Internal'],
      ['attachable', 'Attachable'],
      ['enable_ipv6', 'EnableIPv6'],
    ] as const
  ).filter(([key, name]) => given[key] !== undefined && given[key] !== (is[name] ?? false));
  const pools = deep(is, 'IPAM', 'Config');
  const has = Array.isArray(pools) ? pools : [];
  const isSame = (given.ipam_config ?? []).every((one) =>
    has.some(
      (pool) =>
        holds(pool, {
          ...(one.subnet !== undefined && { Subnet: one.subnet }),
          ...(one.gateway !== undefined && { Gateway: one.gateway }),
          ...(one.iprange !== undefined && { IPRange: one.iprange }),
        }) && holds(deep(pool, 'AuxiliaryAddresses'), one.aux_addresses),
    ),
  );
  return [
    ...(is['Driver'] === given.driver ? [] : [`its driver is ${scalar(is['Driver'])}`]),
    ...flags.map(([key]) => `${key} differs`),
    ...(given.ipam_driver === undefined || given.ipam_driver === deep(is, 'IPAM', 'Driver')
      ? []
      : ['ipam_driver differs']),
    ...(holds(deep(is, 'IPAM', 'Options'), given.ipam_driver_options) ? [] : ['ipam_driver_options differ']),
    ...(isSame ? [] : ['its addresses differ']),
    ...(holds(is['Options'], given.driver_options) ? [] : ['driver_options differ']),
    ...(holds(is['Labels'], given.labels) ? [] : ['labels differ']),
  ];
}
