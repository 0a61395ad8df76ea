import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineStep } from '../core/drill.ts';
import { type Script, sh } from '../core/sh.ts';
import { lay, lift } from './small-disk.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts whose file system is filled.' }),
    path: Type.String({ pattern: '^/.', expected: 'an absolute path', description: 'A directory on the file system.' }),
    state: Type.Union([Type.Literal('full'), Type.Literal('freed')], {
      default: 'full',
      description: 'full: fill the file system. freed: remove what was put there.',
    }),
    percent: Type.Integer({
      default: 100,
      minimum: 1,
      maximum: 100,
      description: 'How full the file system gets, in percent.',
    }),
    spare: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 4096,
        description:
          'Free space in MB of a small file system in memory that takes the place of the directory with all its content, so that the disk itself is not filled. At the end, the content is moved back to the disk.',
      }),
    ),
    units: Type.Array(Type.String({ pattern: '^[\\w@.:-]+$', expected: 'a unit of systemd' }), {
      default: [],
      description: 'With `spare`: units that use the directory. They are stopped while it is replaced.',
    }),
  },
  { additionalProperties: false },
);

export const disk = defineStep({
  name: 'disk',
  summary: 'Fills a file system.',
  args: Args,
  examples: [
    { title: 'No space for logs', args: { hosts: 'web1', path: '/var/log', percent: 100 } },
    {
      title: "No space for the database, independent of the disk's size",
      args: { hosts: 'db2', path: '/var/lib/mysql', spare: 64, units: ['mysql'] },
    },
  ],
  verify: ({ spare, units, state }) => [
    ...(units.length > 0 && spare === undefined
      ? [
          argError(['units'], 'E_ARGUMENT_VALUE', {
            problem: "'units' are for 'spare'",
            hint: 'leave them out, or say how much is to spare',
          }),
        ]
      : []),
    ...(spare !== undefined && state === 'freed'
      ? [argError(['spare'], 'E_ARGUMENT_CONFLICT', { problem: "'spare' is for state: full", hint: 'leave it out' })]
      : []),
  ],
  hosts: (args) => args.hosts,
  tell: ({ state, path, percent }, hosts) =>
    state === 'full'
      ? `${path} on ${hosts.join(', ')} is ${percent} % full`
      : `${path} on ${hosts.join(', ')} has space again`,
  async run({ hosts, path: given, state, percent, spare, units }, scene) {
    const path = given.replace(/\/+$/, '');
    const file = `${path}/.bringup-drill-${scene.nonce}`;
    const chosen = scene.select(hosts);
    const debt = (host: string): string => `disk ${host} ${path}`;
    const free = sh`rm -f -- ${file}`;
    if (state === 'full')
      for (const host of chosen) {
        if (spare !== undefined)
          scene.owe(`small ${debt(host)}`, `move ${path} on ${host} back to the disk`, async (later) => {
            await later.root(host, lift(path, units), { timeout: 240 });
          });
        scene.owe(debt(host), `free the space of ${path} on ${host}`, async (later) => {
          await later.root(host, free);
        });
      }
    const work = state === 'full' ? fill(path, file, percent) : free;
    await Promise.all(
      chosen.map(async (host) => {
        if (spare !== undefined) await scene.root(host, lay(path, spare, units), { timeout: 240 });
        await scene.root(host, work, { timeout: 120 });
      }),
    );
    if (state === 'freed') for (const host of chosen) scene.settle(debt(host));
  },
});

/** An overlay takes its space from the machine below it, so filling it would harm more than this host. */
function fill(path: string, file: string, percent: number): Script {
  return sh`set -e
if [ "$(stat -f -c %T -- ${path})" = overlayfs ]; then
  echo "the space of this file system is another machine's: say how much is to 'spare' on a small one in its place" >&2
  exit 1
fi
set -- $(df -B1 --output=size,avail -- ${path} | tail -n 1)
bytes=$(( $2 - $1 * (100 - ${percent}) / 100 ))
[ "$bytes" -gt 0 ] || exit 0
fallocate -l "$bytes" -- ${file} 2>/dev/null || head -c "$bytes" /dev/zero > ${file} || :`;
}
