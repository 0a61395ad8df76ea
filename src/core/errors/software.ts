import { entry } from './entry.ts';

/** What a module finds in repositories, packages, file systems and keys of a host, and cannot work with. */
export const software = {
  E_GIT_REFUSED: entry({
    summary: 'git refuses to work in a directory',
    meaning: 'git trusts only repositories that belong to the user who runs it.',
    fix: 'Run the task as the owner of the directory, with `become_user`.',
    example: { dest: '/srv/app', detail: "fatal: detected dubious ownership in repository at '/srv/app'" },
    tell: ({ dest, detail }: { dest: string; detail: string }) => ({
      message: `git refuses to work in ${dest}`,
      detail,
      hint: `run the task as the owner of ${dest} (become_user)`,
    }),
  }),
  E_NOT_A_REPOSITORY: entry({
    summary: 'a directory has files and is no working copy',
    meaning: 'A clone or a checkout needs a place of its own. bringup removes no files of others.',
    fix: 'Choose another `dest`, or remove the directory in an earlier task.',
    example: { dest: '/srv/app' },
    tell: ({ dest, tool = 'git' }: { dest: string; tool?: string }) => ({
      message: `${dest} is not empty and is no ${tool} repository`,
      hint: 'choose another dest, or remove it in an earlier task (file: state=absent)',
    }),
  }),
  E_LOCAL_MODIFICATIONS: entry({
    summary: 'a working copy has local modifications',
    meaning: 'Somebody has changed files of the working copy. An update would discard the changes.',
    fix: 'Commit or revert the changes, or set `force: true` to discard them.',
    example: { dest: '/srv/app', files: ' M config.php' },
    tell: ({ dest, files }: { dest: string; files: string }) => ({
      message: `${dest} has local modifications`,
      detail: files,
      hint: 'commit or revert them, or set `force: true` to discard them',
    }),
  }),
  E_REPOSITORY_UNREACHABLE: entry({
    summary: 'a host cannot read a repository',
    meaning: 'git or svn on the host cannot ask the server what the repository has. Nothing was changed.',
    fix: 'Check the address, the network, the host key and the credentials.',
    example: {
      repo: 'git@git.example.com:app.git',
      detail: 'Host key verification failed.',
      hint: 'add its host key in an earlier task (known_hosts), or set `accept_newhostkey: true`',
    },
    tell: ({ tool = 'git', repo, detail, hint }: { tool?: string; repo: string; detail: string; hint: string }) => ({
      message: `${tool} cannot read ${repo}`,
      detail,
      hint,
    }),
  }),
  E_PYTHON_MANAGED: entry({
    summary: 'the distribution manages the Python packages of the system',
    meaning: 'Since Debian 12, pip installs no package into the system (PEP 668), because apt may overwrite it.',
    fix: 'Set `virtualenv`, or `break_system_packages: true`.',
    example: {},
    tell: () => ({
      message: 'Debian manages the Python packages of the system (PEP 668)',
      hint: 'set `virtualenv`, or `break_system_packages: true`',
    }),
  }),
  E_PIP_REFUSED: entry({
    summary: 'pip cannot install packages',
    meaning: "pip's dry run on the host failed. Nothing was changed.",
    fix: 'Correct the names and versions, or check the package index.',
    example: { detail: 'ERROR: No matching distribution found for flsk' },
    tell: ({ detail }: { detail: string }) => ({
      message: 'pip cannot install the packages; nothing was changed',
      detail,
      hint: 'correct the names and versions, or check the package index',
    }),
  }),
  E_FIREWALL_UNKNOWN: entry({
    summary: 'the state of a firewall cannot be read',
    meaning: 'ufw does not report its state. It needs root and the iptables of the kernel.',
    fix: 'Run the task as root, and read the output of `ufw status` on the host.',
    example: { detail: 'ERROR: You need to be root to run this script' },
    tell: ({ detail }: { detail: string }) => ({
      message: 'ufw does not report its state',
      detail,
      hint: "run the task as root, and check the output of 'ufw status' on the host",
    }),
  }),
  E_NOT_MOUNTED: entry({
    summary: 'no file system is mounted on a path',
    meaning: 'Only a file system that is mounted can be mounted again.',
    fix: 'Use `state: mounted`.',
    example: { path: '/srv/data' },
    tell: ({ path }: { path: string }) => ({ message: `nothing is mounted on ${path}`, hint: 'use state: mounted' }),
  }),
  E_MOUNTED_OTHER: entry({
    summary: 'another file system is mounted on a path',
    meaning: 'bringup does not unmount a file system that the task does not name.',
    fix: 'Unmount the other one in an earlier task, with `state: unmounted`.',
    example: { path: '/srv/data', is: '/dev/sdb1', wanted: '/dev/sdc1' },
    tell: ({ path, is, wanted }: { path: string; is: string; wanted: string }) => ({
      message: `${is} is mounted on ${path}, not ${wanted}`,
      hint: 'unmount it in an earlier task (state: unmounted)',
    }),
  }),
  E_NOT_ON_HOST: entry({
    summary: 'an alternative, a locale or a module of a program does not exist on a host',
    meaning: 'The program that the task configures knows no such name.',
    fix: 'Correct the name, or install what brings it in an earlier task.',
    example: { what: 'locale', name: 'de_XX.UTF-8', hint: 'see /usr/share/i18n/SUPPORTED on the host' },
    tell: ({ what, name, hint }: { what: string; name: string; hint: string }) => ({
      message: `there is no ${what} ${name} on the host`,
      hint,
    }),
  }),
  E_KEY_INVALID: entry({
    summary: 'a key of OpenPGP is not the wanted one',
    meaning:
      'The file or text is no public key, or its fingerprint is not the `id` of the task. apt does not trust it.',
    fix: 'Correct `id`, or the key.',
    example: { problem: '/root/key.asc is no public key' },
    tell: ({ problem }: { problem: string }) => ({ message: problem, hint: 'correct `id`, or the key' }),
  }),
  E_KEY_KEPT: entry({
    summary: 'a private key differs from the wanted one, and may not be replaced',
    meaning: 'Services that use the old key would stop working. `regenerate` says when a key may be replaced.',
    fix: 'Correct the arguments, or set `force: true` or another `regenerate`.',
    example: { path: '/etc/ssl/private/www.key', why: ['it has 2048 bits'] },
    tell: ({ path, why }: { path: string; why: readonly string[] }) => ({
      message: `the key ${path} is not the wanted one: ${why.join(', ')}`,
      hint: 'correct the arguments, or set `force: true` to replace it',
    }),
  }),
  E_API: entry({
    summary: 'a service does not give the answer that a module needs',
    meaning: 'The module asks the API of the service from the host. Nothing was changed.',
    fix: 'Check the address, the credentials and their permissions.',
    example: { why: 'HTTP status 401: Unauthorized' },
    tell: ({ why }: { why: string }) => ({
      message: `the service does not answer as expected: ${why.trim()}`,
      hint: 'check the address, the credentials and their permissions',
    }),
  }),
  E_XML: entry({
    summary: 'a text of XML, or an expression of XPath, cannot be used',
    meaning: 'The text is not well-formed, or the expression is wrong or does not say what to create.',
    fix: 'Correct the text or the expression.',
    example: { of: '/srv/app/conf.xml', why: '/config/a//b finds nothing, and does not say what to create' },
    tell: ({ of, why }: { of: string; why: string }) => ({
      message: `${of}: ${why}`,
      hint: 'correct the text, or `xpath` and `namespaces`',
    }),
  }),
  E_SYNC_PLACE: entry({
    summary: 'a place of synchronize is not supported',
    meaning: 'One side of the transfer is this machine or the host itself, and the other side is the host of the task.',
    fix: 'Correct the path or `delegate_to`.',
    example: { problem: "'srv/www' is no absolute path on the host", hint: 'begin it with /' },
    tell: ({ problem, hint }: { problem: string; hint: string }) => ({ message: problem, hint }),
  }),
  E_SYNC_FAILED: entry({
    summary: 'rsync failed',
    meaning: 'rsync ended with an error. What it transferred before that stays.',
    fix: 'Correct what its message names. The exit codes are in rsync(1).',
    example: { exit: 23, detail: 'rsync: change_dir "/srv/build" failed: No such file or directory (2)' },
    tell: ({ exit, detail }: { exit: number; detail: string }) => ({
      message: `rsync failed with exit code ${exit}`,
      detail,
      hint: 'correct what the message names',
    }),
  }),
  E_TOOL_REFUSED: entry({
    summary: 'a program on a host refuses to say what the module asks',
    meaning: 'The module asks the program for the present state, and the program fails. Nothing was changed.',
    fix: "Look at the program's own message.",
    example: { tool: 'npm', detail: 'npm ERR! code EJSONPARSE' },
    tell: ({ tool, detail }: { tool: string; detail: string }) => ({
      message: `${tool} fails on the host, and nothing was changed`,
      detail,
      hint: `look at the message of ${tool}`,
    }),
  }),
};
