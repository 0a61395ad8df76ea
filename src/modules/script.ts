import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { sh, staged } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import { args, flag, text } from './shared/args.ts';
import { type Markers, parseMarkers, probeMarkers, runData, running, skipReason } from './shared/exec.ts';
import { dirname, spoolOf } from './shared/paths.ts';

const Args = args({
  cmd: Type.String({
    minLength: 1,
    description: "A script on the controller (in the role's files/), and its arguments.",
  }),
  executable: text("The interpreter, for example /usr/bin/perl. Default: the script's #! line."),
  chdir: running.chdir,
  creates: running.creates,
  removes: running.removes,
  decrypt: flag('Decrypt a script that is encrypted with ansible-vault.', true),
});

export const script = defineModule<typeof Args, Markers>({
  name: 'script',
  summary: 'Runs a script of the controller on the host.',
  args: Args,
  aliases: { _raw_params: 'cmd' },
  freeForm: 'cmd',
  examples: [{ title: 'Run once', args: { cmd: 'setup.sh --fast', creates: '/srv/done' } }],
  verify: ({ cmd }) =>
    splitWords(cmd) === undefined ? [argError(['cmd'], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })] : [],
  touches: () => ['*'],
  probe: probeMarkers,
  parse: parseMarkers,
  plan(markers, given, ctx) {
    const [path = '', ...rest] = splitWords(given.cmd) ?? [];
    if (skipReason(markers, given) !== undefined) return [];
    const file = ctx.file(path, 'files');
    const at = spoolOf(path, given.cmd, ctx);
    const { chdir, executable } = given;
    return [
      {
        what: `run the script ${given.cmd}`,
        upload: [{ to: at, content: [given.decrypt ? file : (file.sealed ?? file)], isSpooled: true }],
        run: sh`u=${staged(dirname(at))}
trap 'rm -rf -- "$u"' EXIT
trap 'exit 1' HUP INT TERM
chmod 0700 ${at}
${chdir === undefined ? sh`:` : sh`cd -- ${chdir} || exit 1`}
${executable === undefined ? [] : [executable]} ${at} ${rest}`,
        action: true,
      },
    ];
  },
  data: (markers, given, _ctx, ran) => runData(markers, given, given.cmd, ran),
});
