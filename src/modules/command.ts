import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { quote, type Script, verbatim } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import { args, flag, text } from './shared/args.ts';
import { commandErrors, type Markers, parseMarkers, planRun, probeMarkers, runData, running } from './shared/exec.ts';

const Args = args({
  cmd: text('The command line. No shell interprets it: no pipes, no redirection.'),
  argv: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'The command as a list of words.' })),
  expand_argument_vars: flag('Expand $NAME and ~ in the words.', true),
  warn: Type.Optional(Type.Boolean({ description: 'No effect: bringup never advises against a command.' })),
  ...running,
});
type Args = Static<typeof Args>;

export const command = defineModule<typeof Args, Markers>({
  name: 'command',
  summary: 'Runs a command without a shell.',
  args: Args,
  aliases: { _raw_params: 'cmd' },
  freeForm: 'cmd',
  examples: [
    { title: 'Run once', args: { cmd: 'openssl dhparam -out /etc/ssl/dh.pem 2048', creates: '/etc/ssl/dh.pem' } },
    { title: 'Pass a list of words', args: { argv: ['haproxy', '-c', '-f', '/etc/haproxy/haproxy.cfg'] } },
    { title: 'Run in a directory, with input', args: { cmd: 'wc -l', chdir: '/srv', stdin: 'a\nb' } },
  ],
  verify: ({ cmd, argv }) => commandErrors(cmd, argv),
  needs: ({ creates, removes }) => [creates, removes].flatMap((path) => (path === undefined ? [] : [needed(path)])),
  touches: () => ['*'],
  probe: probeMarkers,
  parse: parseMarkers,
  plan: (markers, given) =>
    planRun(
      markers,
      given,
      `run ${wordsOf(given).map(quote).join(' ')}`,
      commandLine(wordsOf(given), given.expand_argument_vars),
    ),
  data: (markers, given, _ctx, ran) => runData(markers, given, wordsOf(given), ran),
});

function needed(path: string): string {
  return path.startsWith('/') ? `path:${path.replace(/\/[^/]*[*?[].*$/, '') || '/'}` : 'path:*';
}

function wordsOf({ cmd, argv }: Args): readonly string[] {
  return argv ?? splitWords(cmd ?? '') ?? [];
}

function commandLine(words: readonly string[], expand: boolean): Script {
  return verbatim(words.map((word) => (expand ? expanded(word) : quote(word))).join(' '));
}

/** Expands $NAME, ${NAME} and a leading ~ on the host. An unset variable stays as it is written. */
export function expanded(word: string): string {
  const home = /^~(?=\/|$)/.test(word) ? '"$HOME"' : '';
  const rest = home === '' ? word : word.slice(1);
  const parts = rest.split(/(\$\w+|\$\{\w+\})/);
  return (
    home +
      parts
        .map((part) => {
          const name = /^\$\{?([A-Za-z_]\w*)\}?$/.exec(part)?.[1];
          return name === undefined
            ? part === ''
              ? ''
              : quote(part)
            : `"\${${name}-${part.replace('$', '\\$').replace('}', '\\}')}}"`;
        })
        .join('') || "''"
  );
}
