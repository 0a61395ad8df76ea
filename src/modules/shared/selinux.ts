// What the modules for SELinux ask of a host.
import { type Blocked, blocked } from '../../core/module.ts';
import { sh } from '../../core/sh.ts';
import type { Fields } from './fields.ts';

/** Prints whether SELinux works, `mode enforcing`, and sets $t to the name of its policy. */
export const PROBE_SELINUX = sh`m=disabled; if [ -r /sys/fs/selinux/enforce ]; then
  if [ "$(cat /sys/fs/selinux/enforce)" = 1 ]; then m=enforcing; else m=permissive; fi
fi
t=$(sed -n 's/^ *SELINUXTYPE= *\([^ ]*\).*/\1/p' /etc/selinux/config 2>/dev/null | tail -n1)
printf 'mode %s\ntype %s\n' "$m" "$t"`;

/** Why a module that changes the policy cannot work. */
export function noSelinux(f: Fields, tool: string, ignoresState: boolean): Blocked | undefined {
  if (f.get('tool') !== undefined)
    return blocked('E_TOOL_MISSING', {
      tool,
      hint: 'install the package policycoreutils-python-utils in an earlier task',
    });
  if (f.get('mode') !== 'disabled' || ignoresState) return undefined;
  const hint =
    'set `ignore_selinux_state: true` to change the policy anyway, or add a condition on ansible_selinux.status';
  return blocked('E_TOOL_MISSING', { tool: 'SELinux', hint });
}
