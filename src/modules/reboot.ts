import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { sh, verbatim } from '../core/sh.ts';
import { args, text } from './shared/args.ts';

const Args = args({
  reboot_timeout: Type.Integer({ default: 600, minimum: 1, description: 'Seconds in which the host must be back.' }),
  pre_reboot_delay: Type.Integer({ default: 0, minimum: 0, description: 'Seconds to wait before the reboot.' }),
  post_reboot_delay: Type.Integer({
    default: 0,
    minimum: 0,
    description: 'Seconds to wait before the first attempt to connect.',
  }),
  connect_timeout: Type.Optional(
    Type.Integer({ description: 'No effect: reboot_timeout limits all attempts to connect together.' }),
  ),
  test_command: text('A command that must succeed after the reboot. Default: whoami.'),
  msg: Type.String({ default: 'Reboot initiated by bringup', description: 'The message to users who are logged in.' }),
  reboot_command: text('The command that reboots the host. Default: systemctl reboot.'),
  boot_time_command: text("No effect: the kernel's boot id identifies a new boot."),
  search_paths: Type.Array(Type.String({ pattern: '^/[^:]*$', expected: 'a directory on the host' }), {
    default: [],
    description: 'Directories to search first for the programs of the reboot.',
  }),
});
type Args = Static<typeof Args>;

export const reboot = defineModule<typeof Args, null>({
  name: 'reboot',
  summary: 'Reboots the host and waits until it is back.',
  args: Args,
  aliases: {
    reboot_timeout_sec: 'reboot_timeout',
    pre_reboot_delay_sec: 'pre_reboot_delay',
    post_reboot_delay_sec: 'post_reboot_delay',
  },
  examples: [
    { title: 'Reboot', args: {} },
    { title: 'Wait for a service', args: { reboot_timeout: 300, test_command: 'systemctl is-active nginx' } },
  ],
  touches: () => ['*'],
  parse: () => null,
  plan: (
    _,
    { reboot_timeout, pre_reboot_delay, post_reboot_delay, msg, test_command, reboot_command, search_paths }: Args,
  ) => [
    {
      what: 'reboot',
      // in the background and a moment later, so that this script can report its end
      run: sh`if command -v wall >/dev/null; then printf '%s\n' ${msg} | wall 2>/dev/null; fi
sync
${search_paths.length === 0 ? sh`:` : sh`PATH=${search_paths.join(':')}:$PATH`}
(sleep ${pre_reboot_delay + 1}; ${reboot_command === undefined ? sh`systemctl reboot || reboot` : verbatim(reboot_command)}) >/dev/null 2>&1 </dev/null &`,
      reboots: { timeout: reboot_timeout, delay: pre_reboot_delay + post_reboot_delay },
      action: true,
    },
    ...(test_command === undefined
      ? []
      : [
          {
            what: `wait for: ${test_command}`,
            run: sh`n=0
until ( ${verbatim(test_command)} ) >/dev/null 2>&1; do
  n=$((n + 1)); if [ "$n" -ge ${reboot_timeout} ]; then printf 'still failing after %s s: %s\n' "$n" ${test_command} >&2; exit 1; fi
  sleep 1
done`,
            action: true as const,
            harmless: true as const,
          },
        ]),
  ],
  data: () => ({ rebooted: true }),
});
