import { Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.String({
    pattern: '^[a-z0-9][a-z0-9.+-]*(:[a-z0-9-]+)?$',
    expected: 'the name of a package',
    description: 'The package.',
  }),
  selection: Type.Enum(['install', 'hold', 'deinstall', 'purge'], {
    description: 'hold: apt neither upgrades nor removes the package. install: it may do both again.',
  }),
});

export const dpkg_selections = defineModule<typeof Args, Fields>({
  name: 'dpkg_selections',
  summary: "A package has a selection state of dpkg: 'hold' keeps its version.",
  args: Args,
  examples: [{ title: 'Keep a version', args: { name: 'mysql-server', selection: 'hold' } }],
  needs: ({ name }) => [`package:${name}`],
  touches: ({ name }) => [`package:${name}`],
  probe: ({ name }) => sh`dpkg --get-selections ${name} 2>/dev/null | { read -r n s && printf 'is %s\n' "$s"; }
:`,
  parse: (stdout) => fields(stdout),
  plan(f, { name, selection }): Steps {
    const is = f.get('is');
    if (is === selection) return [];
    if (is === undefined) {
      if (selection === 'deinstall' || selection === 'purge') return [];
      return blocked('E_NOT_ON_HOST', { what: 'package', name, hint: 'install it in an earlier task (apt)' });
    }
    return [
      {
        what: `${name}: selection ${selection}`,
        diff: { of: name, before: `${is}\n`, after: `${selection}\n` },
        run: sh`printf '%s %s\n' ${name} ${selection} | dpkg --set-selections`,
      },
    ];
  },
  data: (f, { selection }) => ({ before: f.get('is') ?? 'not present', after: selection }),
});
