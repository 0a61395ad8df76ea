import { type Static, Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { absolutePath, args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  path: absolutePath("The file that other packages' copies are kept away from."),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the file is diverted.' }),
  divert: Type.Optional(absolutePath("Where packages put their copies instead. Default: the path and '.distrib'.")),
  holder: Type.Optional(
    Type.String({
      pattern: '^(LOCAL|[a-z0-9][a-z0-9.+-]*)$',
      expected: 'the name of a package, or LOCAL',
      description: 'The package whose own copy is not diverted. Default: LOCAL, none.',
    }),
  ),
  rename: flag('Move the file aside, or back, when the diversion is added or removed.'),
  force: flag('With rename: replace a file that is in the way.'),
});
type Args = Static<typeof Args>;

export const dpkg_divert = defineModule<typeof Args, Fields>({
  name: 'dpkg_divert',
  summary: 'Packages put their copy of a file elsewhere, so that an upgrade keeps the own one.',
  args: Args,
  examples: [{ title: 'Keep an own configuration', args: { path: '/etc/pam.d/sshd', rename: true } }],
  needs: ({ path, divert }) => [`path:${path}`, `path:${target(path, divert)}`, 'package:*'],
  touches: ({ path, divert }) => [`path:${path}`, `path:${target(path, divert)}`],
  probe: ({ path, divert }) => sh`if ! command -v dpkg-divert >/dev/null; then echo 'missing dpkg-divert'; else
  holder=$(dpkg-divert --listpackage ${path})
  if [ -n "$holder" ]; then
    to=$(dpkg-divert --truename ${path})
    printf 'holder %s\nto %s\n' "$holder" "$to"
    [ -e "$to" ] && echo 'there to'
  fi
  [ -e ${path} ] && echo 'there path'
  [ -e ${target(path, divert)} ] && echo 'there target'
  :
fi`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { path, rename, force } = given;
    if (f.get('missing') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'dpkg-divert', hint: 'the module is for Debian and its relatives' });
    }
    const [is, wanted] = [before(f), after(given)];
    if (is?.divert === wanted?.divert && is?.holder === wanted?.holder) return [];
    const isNew = is === undefined || wanted === undefined;
    const [from, to] = wanted === undefined ? [is?.divert ?? path, path] : [path, wanted.divert];
    const there = f.all('there');
    const moves = rename && isNew && there.includes(wanted === undefined ? 'to' : 'path');
    const isInTheWay = moves && there.includes(wanted === undefined ? 'path' : 'target');
    if (isInTheWay && !force) {
      const hint = `set \`force: true\` to replace ${to}`;
      return blocked('E_PATH_KIND', { path: to, is: `in the way of ${from}`, hint });
    }
    const how = rename && isNew ? '--rename' : '--no-rename';
    const remove = sh`dpkg-divert --quiet ${how} --remove ${path}`;
    const add =
      wanted === undefined
        ? sh`:`
        : sh`dpkg-divert --quiet ${how} ${wanted.holder === 'LOCAL' ? ['--local'] : ['--package', wanted.holder]} --divert ${wanted.divert} --add ${path}`;
    const old = is?.divert ?? '';
    const follows = !isNew && old !== to ? sh`if [ -e ${old} ] && [ ! -e ${to} ]; then mv -- ${old} ${to}; fi` : sh`:`;
    return [
      {
        what: wanted === undefined ? `no diversion of ${path}` : `divert ${path} to ${wanted.divert}`,
        diff: { of: path, before: lineOf(is), after: lineOf(wanted) },
        run: sh`set -e
${isInTheWay ? sh`rm -f -- ${to}` : sh`:`}
${is === undefined ? sh`:` : remove}
${add}
${follows}`,
      },
    ];
  },
  data: (f, given, _ctx, ran): Vars => ({ diversion: described(given, ran === undefined ? before(f) : after(given)) }),
});

type Diversion = Readonly<{ divert: string; holder: string }>;

const target = (path: string, divert: string | undefined): string => divert ?? `${path}.distrib`;

function before(f: Fields): Diversion | undefined {
  const [holder, divert] = [f.get('holder'), f.get('to')];
  return holder === undefined || divert === undefined ? undefined : { holder, divert };
}

function after({ path, state, divert, holder = 'LOCAL' }: Args): Diversion | undefined {
  return state === 'absent' ? undefined : { holder, divert: target(path, divert) };
}

function lineOf(one: Diversion | undefined): string {
  return one === undefined ? '' : `to ${one.divert} by ${one.holder}\n`;
}

function described({ path }: Args, one: Diversion | undefined): Vars {
  return {
    path,
    state: one === undefined ? 'absent' : 'present',
    divert: one?.divert ?? null,
    holder: one?.holder ?? null,
  };
}
