import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { args, text } from './shared/args.ts';
import { interpreted, type Markers, parseMarkers, planRun, runData } from './shared/exec.ts';

const Args = args({
  cmd: Type.String({ minLength: 1, description: 'The command line, for a shell.' }),
  executable: text('The full path of the shell. Default: /bin/sh.'),
});
type Args = Static<typeof Args>;

export const raw = defineModule<typeof Args, Markers>({
  name: 'raw',
  summary: 'Runs a command line as it is. bringup needs no Python on hosts, so `shell` does the same and more.',
  args: Args,
  aliases: { _raw_params: 'cmd', free_form: 'cmd' },
  freeForm: 'cmd',
  examples: [{ title: 'Install Python', args: { cmd: 'test -e /usr/bin/python3 || apt-get -y install python3' } }],
  touches: () => ['*'],
  parse: parseMarkers,
  plan: (markers, given, ctx) =>
    planRun(
      markers,
      { stdin_add_newline: true, strip_empty_ends: true },
      `run ${brief(given)}`,
      interpreted(given.executable ?? '/bin/sh', given.cmd, ctx.nonce),
    ),
  data: (markers, given, _ctx, ran) =>
    runData(markers, { stdin_add_newline: true, strip_empty_ends: true }, given.cmd, ran),
});

function brief({ cmd }: Args): string {
  return cmd.trim().split('\n')[0] ?? '';
}
