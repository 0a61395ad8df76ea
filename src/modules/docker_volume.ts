import { type Static, Type } from 'typebox';
import { defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import {
  DAEMON_ALIASES,
  DOCKER_NEEDS,
  DOCKER_TOUCHES,
  daemon,
  docker,
  FIND_DOCKER,
  holds,
  inspect,
  inspected,
  noDocker,
  pairs,
} from './shared/docker.ts';
import { type Fields, fields } from './shared/fields.ts';

const dict = (description: string) =>
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { default: {}, description });

const Args = args({
  name: Type.String({ pattern: '^[a-zA-Z0-9][\\w.-]*$', expected: 'the name of a volume', description: 'The volume.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the volume exists.' }),
  driver: Type.String({ default: 'local', minLength: 1, description: 'The driver of a new volume.' }),
  driver_options: dict('Options of the driver: {type: nfs, device: ":/srv"}.'),
  labels: dict('Labels of the volume.'),
  recreate: Type.Enum(['always', 'never', 'options-changed'], {
    default: 'never',
    description: 'When an existing volume is removed and created anew. Its data is lost.',
  }),
  ...daemon,
});
type Args = Static<typeof Args>;

export const docker_volume = defineModule<typeof Args, Fields>({
  name: 'docker_volume',
  summary: 'A volume of Docker exists, or does not.',
  args: Args,
  aliases: { ...DAEMON_ALIASES, volume_name: 'name' },
  examples: [{ title: 'A volume', args: { name: 'shop_data', labels: { app: 'shop' } } }],
  needs: () => DOCKER_NEEDS,
  touches: () => DOCKER_TOUCHES,
  probe: (given) => sh`${FIND_DOCKER}
${inspect(given, 'is', 'volume', given.name)}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const refused = noDocker(f);
    if (refused !== undefined) return refused;
    const { name, state, recreate } = given;
    const is = inspected(f, 'is');
    const remove = sh`${docker(given)} volume rm ${name} >/dev/null`;
    if (state === 'absent') {
      if (is === undefined) return [];
      return [
        {
          what: `remove the volume ${name}`,
          diff: { of: name, before: `${is['Driver']}\n`, after: null },
          run: remove,
        },
      ];
    }
    const differs = is !== undefined && differences(is, given);
    const isReplaced = is !== undefined && (recreate === 'always' || (recreate === 'options-changed' && differs));
    if (is !== undefined && !isReplaced) return [];
    return [
      {
        what: `${isReplaced ? 'replace' : 'create'} the volume ${name}`,
        diff: { of: name, before: is === undefined ? null : `${is['Driver']}\n`, after: `${given.driver}\n` },
        ...(recreate === 'always' && { action: true as const }),
        run: sh`set -e
${isReplaced ? remove : sh`:`}
${docker(given)} volume create --driver ${given.driver} ${pairs('--opt', given.driver_options)} ${pairs('--label', given.labels)} ${name} >/dev/null`,
      },
    ];
  },
  data: (f) => ({ volume: inspected(f, 'is') ?? {} }),
});

function differences(is: Readonly<Record<string, unknown>>, { driver, driver_options, labels }: Args): boolean {
  return is['Driver'] !== driver || !holds(is['Options'], driver_options) || !holds(is['Labels'], labels);
}
