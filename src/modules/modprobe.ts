import { Type } from 'typebox';
import { type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.String({
    pattern: '^\\w[\\w-]*$',
    expected: 'the name of a kernel module',
    description: 'The name of the kernel module.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the module is loaded.' }),
  params: Type.String({ default: '', description: 'Parameters of the module.' }),
  persistent: Type.Enum(['disabled', 'present', 'absent'], {
    default: 'disabled',
    description:
      'present: also load the module at boot. absent: do not load it at boot. disabled: leave that as it is.',
  }),
});

export const modprobe = defineModule<typeof Args, Fields>({
  name: 'modprobe',
  summary: 'Loads or unloads a kernel module.',
  args: Args,
  examples: [{ title: 'Load now and at boot', args: { name: 'br_netfilter', persistent: 'present' } }],
  needs: ({ name }) => [`path:/etc/modules-load.d/${name}.conf`, 'live:*'],
  touches: ({ name }) => [`path:/etc/modules-load.d/${name}.conf`, 'sysctl:*', 'live:*'],
  probe: ({
    name,
  }) => sh`if grep -q ${`^${name.replaceAll('-', '_')} `} /proc/modules || [ -d ${`/sys/module/${name.replaceAll('-', '_')}`} ]; then echo 'loaded yes'; fi
if grep -qsx ${name} ${`/etc/modules-load.d/${name}.conf`}; then echo 'boot yes'; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, { name, state, params, persistent }): Steps {
    const [loaded, boot] = [f.get('loaded') === 'yes', f.get('boot') === 'yes'];
    const file = `/etc/modules-load.d/${name}.conf`;
    const words = params.split(/\s+/).filter((word) => word !== '');
    const steps: Change[] = [];
    if (state === 'present' && !loaded) steps.push({ what: `load ${name}`, run: sh`modprobe -- ${name} ${words}` });
    if (state === 'absent' && loaded) steps.push({ what: `unload ${name}`, run: sh`modprobe -r -- ${name}` });
    if (persistent === 'present' && !boot) {
      steps.push({
        what: `load ${name} at boot`,
        run: sh`set -e
printf '%s\n' ${name} >${file}
${words.length === 0 ? sh`:` : sh`printf 'options %s\n' ${[name, ...words].join(' ')} >${`/etc/modprobe.d/${name}.conf`}`}`,
      });
    }
    if (persistent === 'absent' && boot) steps.push({ what: `do not load ${name} at boot`, run: sh`rm -f -- ${file}` });
    return steps;
  },
});
