import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';
import { type Script, sh } from '../core/sh.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Where.' }),
    path: Type.String({ pattern: '^/', expected: 'an absolute path', description: 'A folder of the file system.' }),
    state: Type.Union([Type.Literal('full'), Type.Literal('freed')], {
      default: 'full',
      description: 'freed: what was put there is gone.',
    }),
    percent: Type.Integer({ default: 100, minimum: 1, maximum: 100, description: 'How full it gets.' }),
  },
  { additionalProperties: false },
);

export const disk = defineStep({
  name: 'disk',
  summary: 'A file system is filled.',
  args: Args,
  examples: [{ title: 'No space for logs', args: { hosts: 'web1', path: '/var/log', percent: 100 } }],
  hosts: (args) => args.hosts,
  tell: ({ state, path, percent }, hosts) =>
    state === 'full'
      ? `${path} on ${hosts.join(', ')} is ${percent} % full`
      : `${path} on ${hosts.join(', ')} has space again`,
  async run({ hosts, path, state, percent }, scene) {
    const file = `${path.replace(/\/$/, '')}/.bringup-drill-${scene.nonce}`;
    const chosen = scene.select(hosts);
    const debt = (host: string): string => `disk ${host} ${path}`;
    const free = sh`rm -f -- ${file}`;
    if (state === 'full')
      for (const host of chosen)
        scene.owe(debt(host), `${path} on ${host} has its space back`, async (later) => {
          await later.root(host, free);
        });
    await Promise.all(
      chosen.map((host) => scene.root(host, state === 'full' ? fill(path, file, percent) : free, { timeout: 120 })),
    );
    if (state === 'freed') for (const host of chosen) scene.settle(debt(host));
  },
});

/** An overlay's space is that of the machine under it: filling it would hurt more than this host. */
function fill(path: string, file: string, percent: number): Script {
  return sh`set -e
if [ "$(stat -f -c %T -- ${path})" = overlayfs ]; then
  echo "the space of this file system is another machine's: mount one of its own there" >&2
  exit 1
fi
set -- $(df -B1 --output=size,avail -- ${path} | tail -n 1)
bytes=$(( $2 - $1 * (100 - ${percent}) / 100 ))
[ "$bytes" -gt 0 ] || exit 0
fallocate -l "$bytes" -- ${file} 2>/dev/null || head -c "$bytes" /dev/zero > ${file} || :`;
}
