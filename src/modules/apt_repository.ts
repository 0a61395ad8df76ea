import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { APT_DEFAULTS, preamble, updating } from './shared/apt-get.ts';
import { args, flag, ownership, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { modeErrors } from './shared/mode.ts';
import { probePath, seen, textOf } from './shared/path-state.ts';
import { place } from './shared/place.ts';

const Args = args({
  repo: Type.String({
    pattern: '^\\s*deb(-src)?\\s|^ppa:',
    expected: 'a line as in sources.list: deb [signed-by=…] https://… suite component',
    description: 'The source line.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the repository is configured.' }),
  filename: text('The file in /etc/apt/sources.list.d, without .list. Default: derived from the URL.'),
  update_cache: flag('Update the package index after a change.', true),
  update_cache_retry_max_delay: Type.Integer({
    default: 12,
    minimum: 1,
    description: 'The longest pause between attempts, in seconds.',
  }),
  install_python_apt: flag('No effect: the host needs no Python.', true),
  update_cache_retries: Type.Integer({ default: 5, minimum: 1, description: 'How often to try to update the index.' }),
  validate_certs: flag(
    'No effect, as in Ansible for other than a PPA: apt verifies certificates by its own configuration.',
    true,
  ),
  ...ownership,
});
type Args = Static<typeof Args>;

export const apt_repository = defineModule<typeof Args, Fields>({
  name: 'apt_repository',
  summary: 'Configures a package repository of apt: one line in sources.list.d.',
  args: Args,
  aliases: { 'update-cache': 'update_cache' },
  examples: [
    {
      title: 'Backports',
      args: { repo: 'deb https://deb.debian.org/debian trixie-backports main', filename: 'backports' },
    },
  ],
  verify: ({ repo, mode }) => [
    ...modeErrors(mode),
    ...(repo.startsWith('ppa:')
      ? [
          argError(['repo'], 'E_ARGUMENT_VALUE', {
            problem: 'a PPA is not resolved',
            expected: 'a line as in sources.list',
            hint: `write deb [signed-by=/etc/apt/keyrings/NAME.asc] https://ppa.launchpadcontent.net/${repo.slice(4).includes('/') ? repo.slice(4) : `${repo.slice(4)}/ppa`}/ubuntu SUITE main`,
          }),
        ]
      : []),
  ],
  needs: (given) => ['path:/etc/apt', ...ownerNeeds(given)],
  touches: () => ['path:/etc/apt', 'path:/var/lib/apt', 'package:*'],
  probe: (
    given,
  ) => sh`grep -Fsn -e ${firstAddress(given.repo)} /etc/apt/sources.list /etc/apt/sources.list.d/*.list | sed 's/^/line /'
${probePath(fileOf(given), given, { content: 'always' })}`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const found = f.all('line').flatMap((line) => {
      const [, path = '', , text = ''] = /^(.*?):(\d+):(.*)$/.exec(line) ?? [];
      return plain(text) === plain(given.repo) ? [{ path, text }] : [];
    });
    if (given.state === 'absent') {
      return found.map(
        ({ path, text }): Change => ({
          what: `drop a repository from ${path}`,
          diff: { of: path, before: `${text}\n`, after: null },
          run: sh`set -e
grep -Fxv -e ${text} ${path} >${`${path}.bringup`} || [ "$?" -eq 1 ]
if [ -s ${`${path}.bringup`} ]; then chmod --reference=${path} ${`${path}.bringup`}; mv -fT -- ${`${path}.bringup`} ${path}; else rm -f -- ${`${path}.bringup`} ${path}; fi`,
        }),
      );
    }
    if (found.length > 0) return [];
    const now = seen(f, fileOf(given), given);
    const before = textOf(now) ?? '';
    const after = `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${given.repo.trim()}\n`;
    const steps = place(now, { path: fileOf(given), source: { text: after }, same: false }, given, ctx);
    if ('blocked' in steps || !given.update_cache) return steps;
    return [
      ...steps,
      {
        what: 'read the package index anew',
        run: sh`${preamble(APT_DEFAULTS)}
${updating(given)}`,
      },
    ];
  },
  data: (_, { repo, state }) => ({ repo, state }),
});

function firstAddress(repo: string): string {
  return /\b[a-z]+:\/\/\S+/.exec(repo)?.[0] ?? repo.trim();
}

function fileOf({ repo, filename }: Args): string {
  if (filename?.startsWith('/') === true) return filename;
  const name = firstAddress(repo)
    .replace(/^[a-z]+:\/\//, '')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/_$/, '');
  return `/etc/apt/sources.list.d/${(filename ?? name).replace(/\.list$/, '')}.list`;
}

function plain(line: string): string {
  return line.replace(/#.*$/, '').trim().replace(/\s+/g, ' ');
}
