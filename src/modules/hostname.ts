import { Type } from 'typebox';
import { type Change, defineModule } from '../core/module.ts';
import { sh, staged } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { stageOf } from './shared/paths.ts';

const Args = args({
  name: Type.String({
    pattern: '^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$',
    expected: 'a host name: letters, digits, - and .',
    description: 'The host name.',
  }),
  use: Type.Optional(
    Type.Enum(['systemd', 'debian', 'generic'], {
      description: 'Ignored: /etc/hostname and the kernel are always set.',
    }),
  ),
});

export const hostname = defineModule<typeof Args, Fields>({
  name: 'hostname',
  summary: 'Sets the host name, now and after a reboot.',
  args: Args,
  examples: [{ title: 'Set the host name', args: { name: 'web1' } }],
  needs: () => ['hostname:*', 'path:/etc/hostname'],
  touches: () => ['hostname:*', 'path:/etc/hostname'],
  probe: () => sh`printf 'kernel %s\n' "$(uname -n)"
if [ -r /etc/hostname ]; then read -r n </etc/hostname; printf 'file %s\n' "\${n-}"; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, { name }, ctx): readonly Change[] {
    const [kernel = '', file] = [f.get('kernel'), f.get('file')];
    if (kernel === name && file === name) return [];
    return [
      {
        what: `name the host ${name}`,
        diff: { of: 'hostname', before: `${file ?? kernel}\n`, after: `${name}\n` },
        // hostnamed keeps its own copy of the name. If it does not run, the file and the kernel are all there is
        run: sh`set -e
if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null && hostnamectl set-hostname ${name} 2>/dev/null; then exit 0; fi
s=${staged(stageOf('/etc/hostname', ctx))}
trap 'rm -f -- "$s"' EXIT
trap 'exit 1' HUP INT TERM
(set -C; printf '%s\n' ${name} >"$s")
chmod 0644 "$s"
sync -- "$s"
mv -fT -- "$s" /etc/hostname 2>/dev/null || cat -- "$s" >/etc/hostname
hostname ${name}`,
      },
    ];
  },
  data: (f, { name }) => ({
    name,
    ansible_facts: {
      ansible_hostname: name.replace(/\..*/, ''),
      ansible_nodename: name,
      ansible_fqdn: name,
      ansible_domain: name.includes('.') ? name.slice(name.indexOf('.') + 1) : '',
    },
    before: f.get('kernel') ?? '',
  }),
});
