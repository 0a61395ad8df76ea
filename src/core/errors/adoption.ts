import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

/** Mistakes in what `bringup adopt` and `bringup discover` are told. */
export const adoption = {
  E_ADOPT_ADDRESS: entry({
    summary: 'the address of a new host is wrong, or belongs to another host',
    meaning: 'Each host of the inventory has an address of its own.',
    fix: 'Correct the address, or remove the other host from the inventory.',
    example: { address: '10.0.0.13', problem: 'is the address of web1', hint: undefined },
    tell: ({ address, problem, hint }: { address: string; problem: string; hint?: string | undefined }) => ({
      message: `the address ${address} ${problem}`,
      expected: '[USER@]ADDRESS[:PORT] of a host that is not in the inventory',
      hint: hint ?? 'correct the address, or remove the other host from the inventory',
    }),
  }),
  E_ADOPT_NAME: entry({
    summary: 'the name of a new host is wrong, or belongs to another host',
    meaning:
      '`--as` names the host in the inventory. A host that is in the inventory keeps its address and its groups.',
    fix: 'Choose another name, or correct the host in the inventory.',
    example: { name: 'web3', problem: 'is in the inventory with the address 10.0.0.7' },
    tell: ({ name, problem }: { name: string; problem: string }) => ({
      message: `the host '${name}' ${problem}`,
      expected: 'a new name of letters, digits, dots, hyphens and underscores',
      hint: 'choose another name with --as, or correct the host in the inventory',
    }),
  }),
  E_ADOPT_GROUP: entry({
    summary: 'the group of a new host is not in the inventory',
    meaning: '`--group` names a group of the inventory, to which the host is added.',
    fix: 'Correct the name, or add the group to the inventory.',
    example: { group: 'wbe', known: ['web', 'db'] },
    tell: ({ group, known }: { group: string; known: readonly string[] }) => ({
      message: `the inventory has no group '${group}'`,
      hint: `add the group '${group}' to the inventory first`,
      ...didYouMean(group, known),
    }),
  }),
  E_ADOPT_INVENTORY: entry({
    summary: 'bringup cannot add a host to the inventory',
    meaning:
      'bringup edits YAML and INI files in which the group is written out. It does not edit scripts, JSON and aliases.',
    fix: 'Name the file with -i, or add the line of the hint to the group by hand and run the command again.',
    example: { name: 'web3', group: 'web', why: 'hosts.py is a program', line: 'web3: {ansible_host: 10.0.0.13}' },
    tell: ({ name, group, why, line }: { name: string; group: string; why: string; line: string }) => ({
      message: `${name} cannot be added to the inventory: ${why}`,
      expected: `a YAML or INI file that defines the group '${group}'`,
      hint: `add this to the group '${group}', and run the command again: ${line}`,
    }),
  }),
  E_ADOPT_FINGERPRINT: entry({
    summary: 'a fingerprint is not a SHA-256 fingerprint of OpenSSH',
    meaning: '`--fingerprint` is compared with the host key that the host shows.',
    fix: "Print it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, and copy the word after 'SHA256:'.",
    example: { given: 'ab:cd:ef' },
    tell: ({ given }: { given: string }) => ({
      message: `'${given}' is not a fingerprint of a host key`,
      expected: 'SHA256: and 43 characters, as ssh-keygen -l prints it',
      hint: 'print it on the console of the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
    }),
  }),
  E_DISCOVER_INTERFACE: entry({
    summary: 'the interface whose network is searched is not known',
    meaning: '`bringup discover` searches the network of one interface that has an IPv4 address.',
    fix: 'Name one of the interfaces of the message.',
    example: { name: 'eht0', known: ['eth0', 'wlan0'] },
    tell: ({ name, known }: { name: string | undefined; known: readonly string[] }) => ({
      message:
        name === undefined
          ? `this machine has ${known.length === 0 ? 'no interface' : 'several interfaces'} with an IPv4 address`
          : `this machine has no interface '${name}' with an IPv4 address`,
      hint: 'name an interface: bringup discover INTERFACE',
      ...didYouMean(name ?? '', known),
    }),
  }),
  E_DISCOVER_NETWORK: entry({
    summary: 'the network of an interface is too large to be searched',
    meaning: 'bringup asks every address of the network once. It asks more than 1022 addresses only with --wide.',
    fix: 'Search with --wide, or from a machine in a smaller network.',
    example: { name: 'eth0', network: '10.0.0.5/16', most: 22, isWide: false },
    tell: (of: { name: string; network: string; most: number; isWide: boolean }) => ({
      message: `the network of ${of.name} is too large: ${of.network}`,
      expected: `a network of at most /${of.most}`,
      hint: of.isWide ? 'search from a machine in a smaller network' : 'search it with --wide, which takes minutes',
    }),
  }),
};

type OfHost = Readonly<{ host: string }>;

/** What goes wrong while a host is adopted. Neither the inventory nor known_hosts is changed then. */
export const adoptionRuns = {
  E_ADOPT_OTHER_KEY: entry({
    summary: 'a new host shows another host key than the expected one',
    meaning: 'Another machine answers at the address, or somebody is between you and the host. Nobody logged in.',
    fix: 'Compare the fingerprint on the console of the host again. Do not continue before you know which machine answers.',
    example: { host: 'web3', where: '10.0.0.13', wanted: 'SHA256:9f…', detail: 'it shows   ssh-ed25519 SHA256:1a…' },
    tell: (of: OfHost & { where: string; wanted: string; detail: string }) => ({
      message: `${of.host}: ${of.where} has no host key with the fingerprint ${of.wanted}, so nobody logged in`,
      detail: of.detail,
      hint: 'compare it on the console of the host: for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $f; done',
    }),
  }),
  E_ADOPT_UNVERIFIED: entry({
    summary: 'nobody has verified the host key of a new host',
    meaning: 'bringup never accepts a host key that nobody has compared.',
    fix: 'Give the fingerprint with --fingerprint, or run the command in a terminal and compare it there.',
    example: { host: 'web3', where: '10.0.0.13', detail: 'it shows   ssh-ed25519 SHA256:1a…' },
    tell: ({ host, where, detail }: OfHost & { where: string; detail: string }) => ({
      message: `${host}: nobody has verified the host key of ${where}`,
      detail,
      hint: 'compare it on the console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; then give it with --fingerprint',
    }),
  }),
  E_ADOPT_SYSTEM: entry({
    summary: 'a new host lacks what bringup needs',
    meaning: 'bringup works on Linux hosts with a POSIX shell and the usual small programs. It needs no Python.',
    fix: 'Install what is missing on the host, then run the command again.',
    example: { host: 'web3', problem: 'lacks base64, tar', hint: 'install on web3: apt-get install coreutils tar' },
    tell: ({ host, problem, hint }: OfHost & { problem: string; hint: string }) => ({
      message: `${host} ${problem}`,
      hint,
    }),
  }),
  E_ADOPT_SUDO: entry({
    summary: 'the login user of a new host cannot become root without a password',
    meaning:
      'bringup writes a file in /etc/sudoers.d that visudo accepts, and tests it. A file that breaks sudo is removed.',
    fix: 'Read the reason below the message. A host without sudo can be adopted as root: -u root.',
    example: { host: 'web3', user: 'pi', why: 'sudo is not installed', detail: undefined, hint: undefined },
    tell: (of: OfHost & { user: string; why: string; detail?: string | undefined; hint?: string | undefined }) => ({
      message: `${of.host}: ${of.user} cannot become root: ${of.why}`,
      detail: of.detail,
      hint: of.hint ?? 'log in as root instead (-u root), or install sudo on the host',
    }),
  }),
  E_ADOPT_LOGIN: entry({
    summary: 'a new host refuses the login key that was installed',
    meaning: 'bringup installed the key and then logged in with it, which failed.',
    fix: 'Look at the log of sshd on the host. PubkeyAuthentication or the owner of the home directory may be wrong.',
    example: { host: 'web3', user: 'pi', why: 'pi@10.0.0.13:22 refused the login (tried: key)' },
    tell: ({ host, user, why }: OfHost & { user: string; why: string }) => ({
      message: `${host}: the login key was installed for ${user}, and does not work: ${why}`,
      hint: 'read why on the host: journalctl -u ssh -n 20',
    }),
  }),
};
