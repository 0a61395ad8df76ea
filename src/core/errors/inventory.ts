import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

export const inventory = {
  E_UNKNOWN_HOST: entry({
    summary: 'a name or a pattern matches no host of the inventory',
    meaning: '`hosts`, `--limit` or `delegate_to` names a host or a group that the inventory does not have.',
    fix: "Correct the name, or add the host. 'bringup inventory' lists hosts and groups.",
    example: { pattern: 'wbe', known: ['web', 'db'] },
    tell: ({ pattern, known, hint }: { pattern: string; known: Iterable<string>; hint?: string }) => ({
      message: `no host or group matches '${pattern}'`,
      ...didYouMean(pattern, known),
      ...(hint !== undefined && { hint }),
    }),
  }),
  E_INVENTORY_SCRIPT: entry({
    summary: 'a script of the inventory fails, or prints no inventory',
    meaning: 'bringup runs an executable inventory with --list, and with --host NAME if it prints no `_meta`.',
    fix: 'Run the call that the message names, and correct what it prints.',
    example: { call: 'inventory/cloud.py --list', why: 'it failed with exit code 1', detail: 'no credentials' },
    tell: ({ call, why, detail }: { call: string; why: string; detail?: string }) => ({
      message: `the inventory '${call}' cannot be read: ${why}`,
      expected: 'a JSON object of groups: {"web": {"hosts": ["web1"]}, "_meta": {"hostvars": {}}}',
      ...(detail !== undefined && detail !== '' && { detail }),
    }),
  }),
  E_INVENTORY_SCRIPT_MODE: entry({
    summary: 'a script of the inventory is not executable',
    meaning: 'The file begins with `#!`, so it is a program that prints the inventory.',
    fix: 'Make it executable.',
    example: { path: 'inventory/cloud.py' },
    tell: ({ path }: { path: string }) => ({
      message: `the inventory '${path}' is a script, but it is not executable`,
      hint: `run: chmod +x ${path}`,
    }),
  }),
  E_INVENTORY_PLUGIN: entry({
    summary: 'the inventory names a plugin that bringup does not have',
    meaning: 'Plugins of Ansible are Python programs. bringup has the plugin `constructed`.',
    fix: "Print the inventory with Ansible, and use the file: 'ansible-inventory -i FILE --list --export --yaml'.",
    example: { name: 'amazon.aws.aws_ec2' },
    tell: ({ name }: { name: string }) => ({
      message: `bringup has no inventory plugin '${name}'`,
      expected: 'constructed, or a file of hosts, or a script that prints them',
    }),
  }),
  E_HOST_SUBSCRIPT: entry({
    summary: 'a subscript selects no host of a group',
    meaning: 'A pattern such as `web[5]` counts the hosts of the group from 0.',
    fix: 'Use a smaller subscript, or the name of the host.',
    example: { name: 'web', count: 2, range: '5' },
    tell: ({ name, count, range }: { name: string; count: number; range: string }) => ({
      message: `'${name}' has only ${count} hosts, and [${range}] selects none of them`,
      expected: `a subscript from 0 to ${Math.max(0, count - 1)}`,
    }),
  }),
  E_HOST_REGEX: entry({
    summary: 'the pattern after `~` is not a regular expression',
    meaning: 'A pattern of hosts that begins with `~` is a regular expression over the names of hosts and groups.',
    fix: 'Correct the expression, or write a pattern with `*`.',
    example: { source: 'web(', why: 'Unterminated group' },
    tell: ({ source, why }: { source: string; why: string }) => ({
      message: `'${source}' is not a regular expression: ${why}`,
    }),
  }),
  E_HOST_RANGE: entry({
    summary: 'a range of host names cannot be read',
    meaning: 'A name such as `web[1:20]` stands for several hosts.',
    fix: 'Write the range as `expected:` shows.',
    example: { range: '20:1' },
    tell: ({ range }: { range: string }) => ({
      message: `'[${range}]' is not a range`,
      expected: '[1:20], [01:20], [a:f] or [1:20:2]',
    }),
  }),
  E_GROUP_CYCLE: entry({
    summary: 'a group contains itself',
    meaning: 'The children of groups form a cycle.',
    fix: 'Remove one `children` entry of the cycle.',
    example: { path: ['web', 'site', 'web'] },
    tell: ({ path }: { path: readonly string[] }) => ({
      message: `group '${path.at(-1)}' is its own child (${path.join(' → ')})`,
      hint: "remove one 'children' entry of this cycle",
    }),
  }),
  E_UNKNOWN_GROUP_KEY: entry({
    summary: 'a group has a key that is not known',
    meaning: 'A group takes `hosts`, `vars` and `children`.',
    fix: 'Move variables under `vars`, and groups under `children`.',
    example: { key: 'port', group: 'web' },
    tell: ({ key, group }: { key: string; group: string }) => ({
      message: `unknown key '${key}' in group '${group}'`,
      expected: 'hosts, vars or children',
      hint: "put variables under 'vars:', groups under 'children:'",
    }),
  }),
  E_INI_SECTION: entry({
    summary: 'a line of an INI inventory is not a section',
    meaning: 'A line that begins with `[` opens a section.',
    fix: 'Write [group], [group:vars] or [group:children].',
    example: { line: '[web' },
    tell: ({ line }: { line: string }) => ({
      message: `'${line}' is not a section`,
      expected: '[group], [group:vars] or [group:children]',
    }),
  }),
  E_UNKNOWN_SECTION: entry({
    summary: 'a section of an INI inventory is of an unknown kind',
    meaning: 'After the colon, a section takes `vars`, `children` or `hosts`.',
    fix: 'Correct the word after the colon.',
    example: { kind: 'childs' },
    tell: ({ kind }: { kind: string }) => ({
      message: `unknown section kind ':${kind}'`,
      ...didYouMean(kind, ['vars', 'children']),
    }),
  }),
  E_INI_QUOTE: entry({
    summary: 'a quote in an INI inventory is not closed',
    meaning: 'A value begins with a quote, and the line ends before the closing one.',
    fix: 'Close the quote.',
    example: { line: "web1 motd='hello" },
    tell: ({ line }: { line: string }) => ({ message: `a quote is not closed in: ${line}`, hint: 'close the quote' }),
  }),
  E_INI_KEY_VALUE: entry({
    summary: 'a word in an INI inventory is not key=value',
    meaning: 'After the name of a host, and in a `:vars` section, each word is a variable with its value.',
    fix: 'Write key=value, and quote values that contain spaces.',
    example: { text: 'hello' },
    tell: ({ text }: { text: string }) => ({
      message: `'${text}' is not key=value`,
      expected: 'key=value',
      hint: 'quote values that contain spaces',
    }),
  }),
  E_INVENTORY_EMPTY: entry({
    summary: 'an inventory folder contains no inventory',
    meaning: 'bringup reads the files of the folder, except for group_vars, host_vars and files such as *.cfg.',
    fix: 'Add hosts.yml, or name another inventory with -i.',
    example: { path: 'inventory/' },
    tell: ({ path }: { path: string }) => ({
      message: `no inventory file in '${path}'`,
      hint: `create ${path}/hosts.yml`,
    }),
  }),
  E_HOST_VARIABLE: entry({
    summary: 'a connection variable of a host has a wrong value',
    meaning: 'A variable such as ansible_port or ansible_connection tells bringup how to reach a host.',
    fix: 'Correct the variable in the inventory.',
    example: { variable: 'ansible_port', host: 'web1', value: "'22x'", expected: 'a number from 1 to 65535' },
    tell: (of: { variable: string; host: string; value: string; expected: string }) => ({
      message: `${of.variable} of ${of.host} is ${of.value}`,
      expected: of.expected,
      hint: `correct ${of.variable} in the inventory`,
    }),
  }),
  E_SSH_OPTION: entry({
    summary: 'bringup does not know an option of ssh',
    meaning:
      'bringup speaks SSH itself. Of the options in ansible_ssh_common_args and its relatives it takes those that a connection depends on, and ignores those of how the program ssh works.',
    fix: 'Remove the option, or write one that has an effect: -J, -i, -l, -p, -o ProxyJump, IdentityFile, User, Port, ConnectTimeout or UserKnownHostsFile.',
    example: { variable: 'ansible_ssh_common_args', host: 'web1', option: '-D 1080' },
    tell: ({ variable, host, option }: { variable: string; host: string; option: string }) => ({
      message: `${variable} of ${host} has the option '${option}', which bringup does not know`,
      expected:
        '-J, -i, -l, -p, or -o with ProxyJump, ProxyCommand (ssh -W), IdentityFile, User, Port, ConnectTimeout or UserKnownHostsFile',
      hint: 'remove the option, or write it as one of these',
    }),
  }),
};
