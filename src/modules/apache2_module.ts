import { Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.String({
    pattern: '^[a-z0-9_.-]+$',
    expected: 'the name of a module, as a2enmod takes it',
    description: 'The module: rewrite.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'present: enabled. absent: disabled.' }),
  force: flag('Disable a module that others need.'),
  identifier: text('No effect: a module is known by its name in mods-available.'),
  ignore_configcheck: flag('No effect: the module looks at links, which no configuration can break.'),
  warn_mpm_absent: flag('No effect: bringup gives no such warning.', true),
});

export const apache2_module = defineModule<typeof Args, Fields>({
  name: 'apache2_module',
  summary: 'A module of Apache is enabled, or disabled. Reload Apache with a handler.',
  args: Args,
  examples: [{ title: 'Rewrite addresses', args: { name: 'rewrite' } }],
  needs: ({ name }) => [
    'package:*',
    `path:/etc/apache2/mods-available/${name}.load`,
    `path:/etc/apache2/mods-enabled/${name}.load`,
  ],
  touches: () => ['path:/etc/apache2/mods-enabled', 'path:/var/lib/apache2/module'],
  probe: ({ name }) => sh`PATH=$PATH:/usr/sbin:/sbin
command -v a2enmod >/dev/null && echo 'tool yes'
if [ -e ${`/etc/apache2/mods-available/${name}.load`} ]; then echo 'available yes'; fi
if [ -e ${`/etc/apache2/mods-enabled/${name}.load`} ]; then echo 'enabled yes'; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, { name, state, force }): Steps {
    const isEnabled = f.get('enabled') !== undefined;
    if (isEnabled === (state === 'present')) return [];
    if (f.get('tool') === undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'apache2', hint: 'install the package apache2 in an earlier task' });
    }
    if (state === 'present' && f.get('available') === undefined) {
      return blocked('E_NOT_ON_HOST', { what: 'Apache module', name, hint: 'install its package in an earlier task' });
    }
    const verb = state === 'present' ? 'a2enmod' : 'a2dismod';
    return [
      {
        what: `${state === 'present' ? 'enable' : 'disable'} the Apache module ${name}`,
        diff: {
          of: `/etc/apache2/mods-enabled/${name}.load`,
          before: isEnabled ? 'enabled\n' : null,
          after: isEnabled ? null : 'enabled\n',
        },
        run: sh`PATH=$PATH:/usr/sbin:/sbin
${verb} --quiet ${force ? ['--force'] : []} ${name}`,
      },
    ];
  },
  data: (f, { name }) => ({ result: `Module ${name} ${f.get('enabled') === undefined ? 'disabled' : 'enabled'}` }),
});
