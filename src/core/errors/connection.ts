import { entry } from './entry.ts';

type Where = Readonly<{ host: string; where: string }>;
const PING = 'check that the host is switched on and on this network: ping, then ssh';

export const connection = {
  E_LOCAL_PROGRAM: entry({
    summary: 'a program is not installed on this machine',
    meaning: 'The module runs the program on the controller, and it is not in PATH.',
    fix: 'Install the program on the controller.',
    example: { program: 'rsync' },
    tell: ({ program }: { program: string }) => ({
      message: `this machine has no ${program}`,
      hint: `install ${program} on this machine`,
    }),
  }),
  E_TIMEOUT: entry({
    summary: 'a host does not answer in time',
    meaning: 'The host is switched off, on another network, or a firewall drops the packets.',
    fix: 'Switch the host on, correct ansible_host, or raise ansible_timeout.',
    example: { host: 'web1', where: '10.83.0.21:22', seconds: 10 },
    tell: ({ host, where, seconds }: Where & { seconds?: number }) => ({
      message: `${host} (${where}): no answer${seconds === undefined ? '' : ` within ${seconds} s`}`,
      hint: PING,
    }),
  }),
  E_CONNECTION_REFUSED: entry({
    summary: 'nothing listens on the SSH port of a host',
    meaning: 'The host answers, and no SSH server listens on the port.',
    fix: 'Start sshd on the host, or set ansible_port.',
    example: { host: 'web1', where: '10.83.0.21:22' },
    tell: ({ host, where }: Where) => ({
      message: `${host} (${where}): connection refused, nothing listens on this port`,
      hint: 'start sshd on the host, or set ansible_port',
    }),
  }),
  E_NO_ROUTE: entry({
    summary: 'there is no route to a host',
    meaning: 'The network says that the host, or its network, is unreachable.',
    fix: 'Switch the host on, correct ansible_host, or check the network of this machine.',
    example: { host: 'web1', where: '10.83.0.21:22', why: 'no route to host' },
    tell: ({ host, where, why }: Where & { why: string }) => ({
      message: `${host} (${where}): ${why}`,
      hint: why.startsWith('network') ? "check this machine's own network: ip route" : PING,
    }),
  }),
  E_NAME_NOT_RESOLVED: entry({
    summary: "a host's name cannot be resolved",
    meaning: 'Neither DNS nor /etc/hosts gives an address for the name.',
    fix: 'Set ansible_host to the address, or add the name to DNS or /etc/hosts.',
    example: { host: 'web1', where: 'web1.example:22', why: 'no such name' },
    tell: ({ host, where, why }: Where & { why: string }) => ({
      message: `${host} (${where}): the name cannot be resolved: ${why}`,
      hint: 'set ansible_host to its address, or add the name to DNS or /etc/hosts',
    }),
  }),
  E_CONNECTION_FAILED: entry({
    summary: 'a TCP connection to a host cannot be opened',
    meaning: 'The operating system reports a failure that has no code of its own here.',
    fix: 'Check the address and the network.',
    example: { host: 'web1', where: '10.83.0.21:22', why: 'connect EADDRNOTAVAIL' },
    tell: ({ host, where, why }: Where & { why: string }) => ({ message: `${host} (${where}): ${why}`, hint: PING }),
  }),
  E_JUMP_HOST: entry({
    summary: 'the jump host cannot reach a host',
    meaning: 'bringup is logged in to the jump host (ProxyJump), and sshd there cannot open a connection to the host.',
    fix: "Check the address as the jump host sees it, and AllowTcpForwarding in the jump host's sshd_config.",
    example: { where: '10.83.0.21:22', why: 'Connection refused' },
    tell: ({ where, why }: { where: string; why: string }) => ({
      message: `the jump host cannot reach ${where}: ${why}`,
      hint: 'check the address as the jump host sees it, and AllowTcpForwarding in its sshd_config',
    }),
  }),
  E_KEY_FILE: entry({
    summary: 'a private key file cannot be used',
    meaning:
      'The key of ansible_ssh_private_key_file does not exist, is protected by a passphrase, or is not a private key.',
    fix: 'Correct the path, add the key to the agent with ssh-add, or create a key with ssh-keygen.',
    example: {
      host: 'web1',
      file: '~/.ssh/deploy',
      problem: 'does not exist',
      hint: 'correct ansible_ssh_private_key_file',
    },
    tell: (of: { host: string; file: string; problem: string; hint: string }) => ({
      message: `${of.host}: the key ${of.file} ${of.problem}`,
      hint: of.hint,
    }),
  }),
  E_NO_CREDENTIALS: entry({
    summary: 'there is no key, agent or password to log in with',
    meaning: 'bringup found no private key, no ssh-agent and no ansible_password for the host.',
    fix: 'Set ansible_ssh_private_key_file, start ssh-agent, or create a key with ssh-keygen.',
    example: { host: 'web1', detail: '~/.ssh/id_ed25519 does not exist' },
    tell: ({ host, detail }: { host: string; detail: string }) => ({
      message: `${host}: there is no key, agent or password to log in with`,
      detail,
      hint: 'set ansible_ssh_private_key_file, start ssh-agent, or create a key with ssh-keygen',
    }),
  }),
  E_HOST_KEY_UNKNOWN: entry({
    summary: 'the host key of a host is not in known_hosts',
    meaning: 'bringup connects only to hosts whose key it knows. It never adds a key by itself.',
    fix: 'Compare the fingerprint with the one on the console of the host, then add the key to known_hosts.',
    example: {
      host: 'web1',
      where: '10.83.0.21',
      detail: 'it shows   ssh-ed25519 SHA256:9f…',
      pin: 'ssh-keyscan -p 22 10.83.0.21 >> ~/.ssh/known_hosts',
    },
    tell: ({ host, where, detail, pin }: Where & { detail: string; pin: string }) => ({
      message: `${host}: the host key of ${where} is not known`,
      detail,
      hint: `compare it with 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' on the host, then: ${pin}`,
    }),
  }),
  E_HOST_KEY_REVOKED: entry({
    summary: 'the host key of a host is revoked',
    meaning: 'known_hosts marks the key with @revoked: somebody else may have it.',
    fix: 'Find out why the key was revoked before you connect. Give the host a new key.',
    example: {
      host: 'web1',
      where: '10.83.0.21',
      by: '~/.ssh/known_hosts:3',
      detail: 'it shows   ssh-ed25519 SHA256:9f…',
    },
    tell: ({ host, where, by, detail }: Where & { by: string; detail: string }) => ({
      message: `${host}: the host key of ${where} is revoked (${by})`,
      detail,
      hint: 'do not connect before you know why it was revoked',
    }),
  }),
  E_HOST_KEY_CHANGED: entry({
    summary: 'the host key of a host has changed',
    meaning: 'Another machine answers at the address, or the host was reinstalled. It may be an attack.',
    fix: 'Find out why the key has changed. Only for a reinstalled host: remove the old key, then add the new one.',
    example: {
      host: 'web1',
      where: '10.83.0.21',
      detail: 'known is   ssh-ed25519 SHA256:1a…  (~/.ssh/known_hosts:3)\nit shows   ssh-ed25519 SHA256:9f…',
      renew: "ssh-keygen -R '10.83.0.21' && ssh-keyscan -p 22 10.83.0.21 >> ~/.ssh/known_hosts",
    },
    tell: ({ host, where, detail, renew }: Where & { detail: string; renew: string }) => ({
      message: `${host}: the host key of ${where} is NOT the known one: another machine answers, or the host was reinstalled`,
      detail,
      hint: `only if you know that the host was reinstalled: ${renew}`,
    }),
  }),
  E_AUTH: entry({
    summary: 'a host refuses the login',
    meaning: 'sshd on the host accepts none of the keys and passwords that bringup has.',
    fix: 'Copy your public key to the host with ssh-copy-id, or correct ansible_user.',
    example: { host: 'web1', user: 'root', address: '10.83.0.21', port: 22, tried: 'agent, key' },
    tell: (of: { host: string; user: string; address: string; port: number; tried: string }) => ({
      message: `${of.host}: ${of.user}@${of.address}:${of.port} refused the login (tried: ${of.tried})`,
      hint: `install your public key: ssh-copy-id -p ${of.port} ${of.user}@${of.address}; or set ansible_user`,
    }),
  }),
  E_SSH_SESSION: entry({
    summary: 'no SSH session can be opened with a host',
    meaning: 'The TCP connection is open, and the SSH handshake fails.',
    fix: 'Run ssh with -v to see where the handshake stops.',
    example: { host: 'web1', user: 'root', address: '10.83.0.21', port: 22, why: 'Connection lost before handshake' },
    tell: (of: { host: string; user: string; address: string; port: number; why: string }) => ({
      message: `${of.host}: no SSH session with ${of.user}@${of.address}:${of.port}: ${of.why}`,
      hint: `run: ssh -v -p ${of.port} ${of.user}@${of.address}`,
    }),
  }),
  E_KNOWN_HOSTS_FILE: entry({
    summary: 'the known_hosts file is not a regular file',
    meaning: 'bringup reads host keys from the file, and the path leads to something else.',
    fix: 'Name a file in bringup_known_hosts_file or in ~/.ssh/config.',
    example: { file: '/tmp' },
    tell: ({ file }: { file: string }) => ({
      message: `the known_hosts file ${file} is not a regular file`,
      hint: 'name a file in bringup_known_hosts_file or ~/.ssh/config',
    }),
  }),
  E_SSH_CONFIG: entry({
    summary: '~/.ssh/config cannot be read',
    meaning: 'bringup asks `ssh -G` for the settings of a host, and ssh reports a mistake in its configuration.',
    fix: 'Correct the line that ssh names.',
    example: {
      host: 'web1',
      address: '10.83.0.21',
      detail: '/root/.ssh/config line 3: Bad configuration option: hots',
    },
    tell: ({ host, address, detail }: { host: string; address: string; detail: string }) => ({
      message: `~/.ssh/config cannot be read for ${host}`,
      hint: `run 'ssh -G ${address}' and correct the line that ssh names`,
      detail,
    }),
  }),
  E_CONNECTION_LOST: entry({
    summary: 'the connection to a host broke',
    meaning: 'The host went away while bringup worked on it. What was done stays done.',
    fix: 'Check the host, then run the same command again.',
    example: { why: 'the connection to web1 was lost', during: "'Install nginx'" },
    tell: ({ why, during }: { why: string; during?: string | undefined }) => ({
      message: during === undefined ? why : `${why} during ${during}`,
      hint: 'check the host, then run the same command again: what was done stays done',
    }),
  }),
  E_CHANGE_INTERRUPTED: entry({
    summary: 'the connection to a host broke during a change',
    meaning: 'bringup cannot know whether the change was made.',
    fix: 'Check the host, then run the same command again. It makes only what is still missing.',
    example: { why: 'the connection to web1 was lost', what: 'install nginx' },
    tell: ({ why, what }: { why: string; what: string }) => ({
      message: `${why} while it ran: ${what}`,
      hint: 'the change may be made or not: check the host, then run the same command again',
    }),
  }),
  E_NOT_BACK: entry({
    summary: 'a host did not come back after a reboot',
    meaning: 'The host rebooted, and SSH did not answer in time.',
    fix: 'Look at the console of the host. Raise reboot_timeout if it boots slowly.',
    example: { timeout: 600 },
    tell: ({ timeout, cycle }: { timeout: number; cycle?: string }) => ({
      message: `the host did not come back within ${timeout} s after the reboot${cycle === undefined ? '' : `; ${cycle}`}`,
      hint: 'look at the console of the host; raise reboot_timeout if it boots slowly',
    }),
  }),
  E_NO_NEW_CONNECTION: entry({
    summary: 'a host accepts no new connection',
    meaning: 'A change of the firewall or of sshd is confirmed over a new connection, and none came about in time.',
    fix: 'Correct the rules so that the controller can still connect.',
    example: {},
    tell: () => ({ message: 'the host does not accept a new connection', hint: 'let this machine connect' }),
  }),
  E_LOCKED_OUT: entry({
    summary: 'a host accepts no new connection after a risky change',
    meaning:
      'A change of the firewall or of sshd is confirmed over a new connection. None was possible, and the host did not undo the change in time.',
    fix: 'Log in at the console of the host, and undo the change there.',
    example: { what: 'table inet site: no new connection', grace: 60 },
    tell: ({ what, grace }: { what: string; grace: number }) => ({
      message: `${what}, and none ${grace} s after the host should have undone it`,
      hint: 'log in at the console of the host',
    }),
  }),
};
