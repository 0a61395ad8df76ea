import { entry } from './entry.ts';

const EARLIER = 'create it in an earlier task';

/** A state of the host that a module cannot work with. */
export const state = {
  E_ARGUMENT_SPEC: entry({
    summary: 'variables do not have the form that a role asks for',
    meaning: 'The role has meta/argument_specs.yml, and a variable is missing or has another type.',
    fix: 'Set the variables as the message says. `rolespec_validate: false` on include_role turns the check off.',
    example: { mistakes: ["'port' is missing", "'name' is not of type str"] },
    tell: ({ mistakes }: { mistakes: readonly string[] }) => ({
      message: mistakes.join('; '),
      hint: "set the variables as the role's meta/argument_specs.yml asks for",
    }),
  }),
  E_PATH_MISSING: entry({
    summary: 'a path does not exist on a host',
    meaning: 'A module needs a file or a directory of the host, and it is not there.',
    fix: 'Create it in an earlier task, or correct the path.',
    example: { path: '/etc/app.conf', hint: 'set `create: true`, or create the file in an earlier task' },
    tell: ({ path, what = '', hint = EARLIER }: { path: string; what?: string; hint?: string }) => ({
      message: `${what}${path} does not exist on the host`,
      hint,
    }),
  }),
  E_PATH_KIND: entry({
    summary: 'a path on a host is of another kind than the task needs',
    meaning:
      'The path is a directory where a file is needed, or the other way round. bringup removes neither by itself.',
    fix: 'Name another path, or remove the old one in an earlier task.',
    example: { path: '/srv/app', is: 'a directory', wanted: 'a link', hint: 'set `force: true` to replace it' },
    tell: ({ path, is, wanted, hint }: { path: string; is: string; wanted?: string; hint?: string }) => ({
      message: `${path} is ${is}${wanted === undefined ? '' : `, not ${wanted}`}`,
      hint,
    }),
  }),
  E_NOT_TEXT: entry({
    summary: 'a file on a host cannot be edited as text',
    meaning: 'Modules that edit a file read it as UTF-8 text of a limited size.',
    fix: 'Write the whole file with `copy` or `template`.',
    example: { path: '/etc/app.conf', problem: 'is not UTF-8 text' },
    tell: ({ path, problem = 'is not UTF-8 text' }: { path: string; problem?: string }) => ({
      message: `${path} ${problem}`,
      hint: 'write the whole file with copy or template',
    }),
  }),
  E_TOOL_MISSING: entry({
    summary: 'a program that a module needs is missing on a host',
    meaning: 'The module runs the program on the host.',
    fix: 'Install its package in an earlier task.',
    example: { tool: 'crontab', hint: 'install cron in an earlier task' },
    tell: ({ tool, hint }: { tool: string; hint: string }) => ({ message: `the host has no ${tool}`, hint }),
  }),
  E_NO_ACCOUNT: entry({
    summary: 'a user or a group does not exist on a host',
    meaning: 'A file is to belong to the user or the group, or a crontab or a key is for it.',
    fix: 'Create it in an earlier task.',
    example: { kind: 'user', name: 'deploy' },
    tell: ({ kind, name }: { kind: string; name: string }) => ({
      message: `there is no ${kind} '${name}' on the host`,
      hint: `create it in an earlier task (${kind}: name=${name})`,
    }),
  }),
  E_NOT_IN_DATABASE: entry({
    summary: 'getent finds no such entry',
    meaning: 'The database of the host, such as passwd or hosts, does not have the key, or cannot be listed.',
    fix: 'Create the entry in an earlier task, or set `fail_key: false`.',
    example: { problem: "'deploy' is not in passwd", hint: 'create it in an earlier task, or set `fail_key: false`' },
    tell: ({ problem, hint }: { problem: string; hint?: string }) => ({ message: problem, hint }),
  }),
  E_UNIT_MISSING: entry({
    summary: 'a systemd unit does not exist on a host',
    meaning: 'systemd knows no unit of this name.',
    fix: 'Install the package that brings the unit, or put its file in place, in an earlier task.',
    example: { unit: 'ngnix.service' },
    tell: ({ unit }: { unit: string }) => ({
      message: `there is no unit ${unit}`,
      hint: 'install its package, or put its file in place, in an earlier task',
    }),
  }),
  E_UNIT_MASKED: entry({
    summary: 'a systemd unit is masked',
    meaning: 'A masked unit cannot be started or enabled.',
    fix: 'Set `masked: false`.',
    example: { unit: 'nginx.service' },
    tell: ({ unit }: { unit: string }) => ({ message: `${unit} is masked`, hint: 'set `masked: false`' }),
  }),
  E_PACKAGE_UNKNOWN: entry({
    summary: 'apt knows no package of this name',
    meaning: 'The package index of the host does not contain the package.',
    fix: 'Correct the name, add the repository, or set `update_cache: true`.',
    example: { names: 'ngnix' },
    tell: ({ names }: { names: string }) => ({
      message: `no such package: ${names}`,
      hint: 'check the spelling and the repositories; `update_cache: true` reads the package index anew',
    }),
  }),
  E_PACKAGE_INDEX_EMPTY: entry({
    summary: 'the package index of a host is empty',
    meaning: 'apt has not yet read the index of any repository, so it knows no package.',
    fix: 'Set `update_cache: true`.',
    example: { names: 'nginx' },
    tell: ({ names }: { names: string }) => ({
      message: `the package index is empty: ${names} cannot be found in it`,
      hint: 'set `update_cache: true`',
    }),
  }),
  E_MYSQL_UNREACHABLE: entry({
    summary: 'the database server of a host does not answer',
    meaning: 'The mysql client on the host cannot log in to the server.',
    fix: 'Start the server in an earlier task, or give login_user and login_password, or login_unix_socket.',
    example: { why: "ERROR 2002 (HY000): Can't connect to local server" },
    tell: ({ why }: { why: string }) => ({
      message: `the database server does not answer: ${why}`,
      hint: 'start the server in an earlier task, or give login_user and login_password, or login_unix_socket',
    }),
  }),
  E_MYSQL_QUERY: entry({
    summary: 'a query failed',
    meaning: 'The database server refused the statement.',
    fix: 'Correct the statement, or the rights of the login.',
    example: { why: "ERROR 1146 (42S02): Table 'shop.orders' doesn't exist" },
    tell: ({ why }: { why: string }) => ({ message: `the query failed: ${why}` }),
  }),
  E_MYSQL_VARIABLE: entry({
    summary: 'the database server has no such variable',
    meaning: 'Names of server variables differ between versions, and between MySQL and MariaDB.',
    fix: 'Correct the spelling, or check the version of the server.',
    example: { variable: 'max_conections' },
    tell: ({ variable }: { variable: string }) => ({
      message: `the server has no variable ${variable}`,
      hint: 'check the spelling, and the version of the server',
    }),
  }),
  E_NOT_A_REPLICA: entry({
    summary: 'the database server is not a replica',
    meaning: 'Replication cannot be started on a server that has no primary.',
    fix: 'Name its primary in an earlier task (mode: changeprimary).',
    example: {},
    tell: () => ({
      message: 'the server is not a replica',
      hint: 'name its primary in an earlier task (mode: changeprimary)',
    }),
  }),
  E_CHECKSUM: entry({
    summary: 'a file does not have the expected checksum',
    meaning: 'The task gives the checksum that the file must have, and the file has another one.',
    fix: 'Check the origin of the file, or correct `checksum`.',
    example: { path: 'files/app.tar', seen: '9f86…', wanted: '1b4f…' },
    tell: ({ path, seen, wanted }: { path: string; seen: string; wanted: string }) => ({
      message: `${path} has the checksum ${seen}, not ${wanted}`,
      hint: 'check the origin of the file, or correct `checksum`',
    }),
  }),
  E_CONFIG_REFUSED: entry({
    summary: 'a program refuses its new configuration',
    meaning:
      'Before the change, bringup lets the program (sshd, nft, ufw, iptables, setfacl) check its new configuration. Nothing was changed.',
    fix: 'Correct the argument that the hint names.',
    example: { program: 'sshd', what: 'settings', detail: 'Bad configuration option: PermitRoot' },
    tell: ({ program, what, detail }: { program: string; what: string; detail: string }) => ({
      message: `${program} refuses the ${what}; nothing was changed`,
      detail,
      hint: `correct \`${what}\``,
    }),
  }),
  E_CONFIG_OVERRIDDEN: entry({
    summary: 'another file overrides a setting of sshd',
    meaning: 'sshd uses the first value that it reads. An earlier file or line sets another value.',
    fix: 'Remove the other value, or give this file a name that sorts earlier.',
    example: { file: '/etc/ssh/sshd_config.d/50-site.conf', missed: 'PermitRootLogin yes' },
    tell: ({ file, missed }: { file: string; missed: string }) => ({
      message: `${file} is overridden: ${missed}`,
      hint: 'remove the value from the earlier file of /etc/ssh/sshd_config.d or from the lines above its Include, or give a lower `name`',
    }),
  }),
  E_TIME_ZONE: entry({
    summary: 'a host does not know a time zone',
    meaning: 'The file of the time zone is not in /usr/share/zoneinfo.',
    fix: 'Install tzdata in an earlier task, or correct the name.',
    example: { name: 'Europe/Berln' },
    tell: ({ name }: { name: string }) => ({
      message: `the host has no time zone ${name}`,
      hint: 'install tzdata in an earlier task, or correct the name',
    }),
  }),
  E_KERNEL_SETTING: entry({
    summary: 'the kernel of a host has no such setting',
    meaning: 'The name is not in /proc/sys. Some settings appear only when a kernel module is loaded.',
    fix: 'Load the kernel module in an earlier task, correct the name, or set `ignoreerrors: true`.',
    example: { name: 'net.ipv4.ip_forwrd' },
    tell: ({ name }: { name: string }) => ({
      message: `the kernel has no setting ${name}`,
      hint: 'load its module in an earlier task (modprobe), or set `ignoreerrors: true`',
    }),
  }),
  E_DAMAGED_BLOCK: entry({
    summary: 'the markers of a block in a file do not match',
    meaning: 'blockinfile finds a block by its two markers. One of them is missing or out of order.',
    fix: 'Restore or remove the lone marker by hand, or give the block a marker of its own.',
    example: { begin: '# BEGIN ANSIBLE MANAGED BLOCK', starts: '3', end: '# END ANSIBLE MANAGED BLOCK', ends: 'none' },
    tell: ({ begin, starts, end, ends }: { begin: string; starts: string; end: string; ends: string }) => ({
      message: `damaged block: '${begin}' is on line ${starts}, '${end}' on line ${ends}`,
      hint: 'restore or remove the lone marker by hand, or give this block a marker of its own',
    }),
  }),
  E_ASSERTION: entry({
    summary: 'an `assert` task found a false condition',
    meaning: 'The playbook demands that the condition is true, and it is not.',
    fix: 'Correct what the condition tests.',
    example: { condition: "ansible_facts.os_family == 'Debian'" },
    tell: ({ condition, said }: { condition: string; said?: string | undefined }) => ({
      message: said ?? `assertion failed: ${condition}`,
      detail: said === undefined ? undefined : `assertion: ${condition}`,
    }),
  }),
  E_NOT_KNOWN_YET: entry({
    summary: 'an `assert` task reads a value that is known after apply',
    meaning: 'A plan cannot evaluate the condition, because an earlier change decides it.',
    fix: 'Nothing is wrong with the playbook. Apply evaluates the condition.',
    example: { condition: 'version.stdout == "1"', because: "depends on 'Install the app'" },
    tell: ({ condition, because }: { condition: string; because: string }) => ({
      message: `${condition}: known after apply (${because})`,
    }),
  }),
  E_FAIL: entry({
    summary: 'a `fail` task stopped the play',
    meaning: 'The playbook itself stops here, with a message of its own.',
    fix: 'Read the message of the playbook.',
    example: { message: 'the balancers need a VRRP password' },
    tell: ({ message }: { message: string }) => ({ message }),
  }),
  E_NO_PONG: entry({
    summary: 'a host does not answer the module `ping` correctly',
    meaning: 'The shell on the host printed something else than the expected word.',
    fix: 'Check the login shell and its start-up files: they must print nothing.',
    example: { data: 'pong' },
    tell: ({ data }: { data: string }) => ({
      message: data === 'crash' ? 'boom' : 'the host did not answer as expected',
      hint: 'check that the login shell and its start-up files print nothing',
    }),
  }),
};
