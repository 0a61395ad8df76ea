import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { args, text } from './shared/args.ts';
import { interpreted, type Markers, parseMarkers, planRun, probeMarkers, runData, running } from './shared/exec.ts';

const Args = args({
  cmd: Type.String({ minLength: 1, description: 'The shell program.' }),
  executable: text('The full path of the shell, for example /bin/bash. Default: /bin/sh.'),
  warn: Type.Optional(Type.Boolean({ description: 'No effect: bringup never advises against a command.' })),
  ...running,
});
type Args = Static<typeof Args>;

export const shell = defineModule<typeof Args, Markers>({
  name: 'shell',
  summary: 'Runs a shell program.',
  args: Args,
  aliases: { _raw_params: 'cmd' },
  freeForm: 'cmd',
  examples: [
    { title: 'Use a pipe', args: { cmd: 'getent passwd | wc -l' } },
    {
      title: 'Use bash, once',
      args: {
        cmd: 'set -o pipefail; zcat dump.gz | mysql app && touch done',
        executable: '/bin/bash',
        chdir: '/srv',
        creates: '/srv/done',
      },
    },
  ],
  needs: ({ creates, removes }) =>
    [creates, removes].flatMap((path) =>
      path === undefined
        ? []
        : [path.startsWith('/') ? `path:${path.replace(/\/[^/]*[*?[].*$/, '') || '/'}` : 'path:*'],
    ),
  touches: () => ['*'],
  probe: probeMarkers,
  parse: parseMarkers,
  plan: (markers, given, ctx) =>
    planRun(markers, given, `run ${brief(given)}`, interpreted(given.executable ?? '/bin/sh', given.cmd, ctx.nonce)),
  data: (markers, given, _ctx, ran) => runData(markers, given, given.cmd, ran),
});

function brief({ cmd }: Args): string {
  const [first = '', ...rest] = cmd.trim().split('\n');
  return rest.length === 0 ? first : `${first} … (${rest.length + 1} lines)`;
}
