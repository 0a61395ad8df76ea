import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

export const labCommands = {
  E_LAB_COMMAND: entry({
    summary: 'a word after `bringup lab` is not known',
    meaning: '`power`, `net` and `--way` take fixed words.',
    fix: 'Use one of the words that `expected:` lists.',
    example: { problem: "power 'kill' is not known", expected: 'on, off or cut' },
    tell: ({ problem, expected }: { problem: string; expected: string }) => ({ message: problem, expected }),
  }),
};

export const lab = {
  E_LAB_NAME: entry({
    summary: 'a lab or a snapshot has an invalid name',
    meaning: 'The name becomes part of a path, so only some characters are allowed.',
    fix: 'Use a name as `expected:` describes it.',
    example: {
      name: 'My Lab',
      of: 'lab',
      expected: 'a lower-case letter, then at most 30 lower-case letters, digits or dashes',
    },
    tell: ({ name, of, expected }: { name: string; of: string; expected: string }) => ({
      message: `'${name}' is not a valid name of a ${of}`,
      expected,
    }),
  }),
  E_LAB_SPEC: entry({
    summary: 'the inventory describes an impossible lab',
    meaning: 'A name, an address, an image or a subnet of the lab hosts is wrong.',
    fix: 'Correct the host in the inventory.',
    example: { problem: "web1: no lab image 'debian-9'", expected: 'one of debian-12, debian-13, debian-sid' },
    tell: ({ problem, expected }: { problem: string; expected?: string | undefined }) => ({
      message: problem,
      expected,
    }),
  }),
  E_LAB_NO_HOSTS: entry({
    summary: 'no host of the inventory is a lab host',
    meaning: 'The lab consists of the hosts with `lab_image`.',
    fix: 'Give each virtual host `lab_image`, or name another inventory with -i.',
    example: { inventory: 'inventory/site.yml' },
    tell: ({ inventory }: { inventory: string }) => ({
      message: `no host of ${inventory} has lab_image`,
      hint: 'give each virtual host lab_image: debian-13, or name another inventory with -i',
    }),
  }),
  E_LAB_MIXED: entry({
    summary: 'the hosts of an inventory belong to more than one lab',
    meaning: 'lab_name or lab_subnet differ between the lab hosts.',
    fix: 'Set lab_name and lab_subnet once, in `vars` of a group that contains all lab hosts.',
    example: { inventory: 'inventory/lab.yml' },
    tell: ({ inventory }: { inventory: string }) => ({
      message: `the hosts of ${inventory} belong to more than one lab`,
      hint: 'set lab_name and lab_subnet once, in vars: of a group that contains them all',
    }),
  }),
  E_LAB_CHANGED: entry({
    summary: 'a lab or a lab host exists already, with other settings',
    meaning: 'The subnet, the image or the address in the inventory differs from that of the existing lab.',
    fix: 'Remove the lab or the host first, as the hint says.',
    example: {
      what: 'the lab lab',
      was: '10.83.0.0/24',
      wanted: '10.84.0.0/24',
      hint: 'remove the lab first: bringup lab down',
    },
    tell: ({ what, was, wanted, hint }: { what: string; was: string; wanted: string; hint: string }) => ({
      message: `${what} exists with ${was}, and the inventory asks for ${wanted}`,
      hint,
    }),
  }),
  E_NO_LAB: entry({
    summary: 'there is no such lab',
    meaning: 'The lab of the inventory is not up.',
    fix: 'Boot it: bringup lab up.',
    example: { name: 'lab' },
    tell: ({ name }: { name: string }) => ({ message: `there is no lab '${name}'`, hint: 'boot it: bringup lab up' }),
  }),
  E_LAB_HOST: entry({
    summary: 'a lab has no such host',
    meaning: 'The name is not one of the hosts of the lab.',
    fix: 'Use one of the names that `expected:` lists.',
    example: { lab: 'lab', host: 'wbe1', known: ['web1', 'web2'] },
    tell: ({ lab: name, host, known }: { lab: string; host: string; known: Iterable<string> }) => ({
      message: `the lab ${name} has no host '${host}'`,
      ...didYouMean(host, known),
    }),
  }),
  E_UNKNOWN_SNAPSHOT: entry({
    summary: 'a lab has no such snapshot',
    meaning: 'No snapshot of the lab has the label.',
    fix: "Use one of the labels that `expected:` lists. 'bringup lab status' lists them too.",
    example: { lab: 'lab', label: 'befor', known: ['before'] },
    tell: ({ lab: name, label, known }: { lab: string; label: string; known: Iterable<string> }) => ({
      message: `the lab ${name} has no snapshot '${label}'`,
      ...didYouMean(label, known),
    }),
  }),
  E_LAB_REQUIREMENTS: entry({
    summary: 'this machine lacks something that a lab needs',
    meaning: 'A lab needs root, some packages, kernel features and room on the disk.',
    fix: 'Run: bringup lab install. It installs what apt can provide.',
    example: {
      problem: 'this machine lacks something that the lab needs',
      detail: 'systemd-nspawn: it runs the hosts',
      hint: 'apt-get install --no-install-recommends systemd-container',
    },
    tell: ({ problem, detail, hint }: { problem: string; detail?: string; hint?: string | undefined }) => ({
      message: problem,
      detail,
      hint,
    }),
  }),
  E_LAB_NOT_INSTALLED: entry({
    summary: 'the packages of the lab were not installed',
    meaning: 'The question was answered with no, or there was no terminal to ask on.',
    fix: 'Install the packages, or pass --yes.',
    example: { packages: 'systemd-container mmdebstrap' },
    tell: ({ packages }: { packages: string }) => ({
      message: `the packages were not installed: ${packages}`,
      hint: `run: apt-get install ${packages}; or pass --yes`,
    }),
  }),
  E_LAB_ROOT: entry({
    summary: 'the lab needs root',
    meaning: 'Virtual hosts, bridges and disks can be changed by root only.',
    fix: 'Run the command as root: sudo bringup lab …',
    example: { why: "EACCES: permission denied, open '/var/lib/bringup/labs/lab/lab.json'" },
    tell: ({ why }: { why: string }) => ({ message: why, hint: 'run it as root: sudo bringup lab …' }),
  }),
  E_LAB_BUSY: entry({
    summary: 'another bringup works on the same lab',
    meaning: 'Only one process changes a lab at a time. This one waited, and the other one did not finish.',
    fix: 'Wait until the other process has finished, then try again.',
    example: { name: 'lab-lab' },
    tell: ({ name }: { name: string }) => ({
      message: `another bringup works on ${name}`,
      hint: 'wait until it has finished, then try again',
    }),
  }),
  E_LAB_BOOT: entry({
    summary: 'a lab host does not boot',
    meaning: 'The host does not start, powers off while it boots, or its sshd does not answer in time.',
    fix: 'Read the console and the journal of the host: bringup lab logs HOST.',
    example: { host: 'web1', problem: 'no sshd after 60 s', detail: 'Failed to start ssh.service' },
    tell: ({ host, problem, detail }: { host: string; problem: string; detail: string }) => ({
      message: `${host}: ${problem}`,
      detail,
      hint: `read its log: bringup lab logs ${host}`,
    }),
  }),
  E_LAB_IMAGE: entry({
    summary: 'an image of a lab host cannot be built',
    meaning: 'mmdebstrap downloads Debian packages for the image, and it failed.',
    fix: 'Check that this machine reaches deb.debian.org and that its clock is right, then try again.',
    example: { image: 'debian-13', code: 25, detail: 'E: apt-get update failed' },
    tell: ({ image, code, detail }: { image: string; code: number | null; detail: string }) => ({
      message: `the image ${image} cannot be built (mmdebstrap: exit code ${code})`,
      detail,
      hint: 'check that this machine reaches deb.debian.org and that its clock is right, then try again',
    }),
  }),
  E_LAB_DISK: entry({
    summary: 'the disk of a lab host cannot be used',
    meaning: 'A disk is an overlay over an image. The image is missing, or the file system cannot hold an overlay.',
    fix: 'Do what the hint says.',
    example: {
      host: 'web1',
      problem: 'its disk cannot be mounted',
      detail: 'mount: wrong fs type',
      hint: 'set BRINGUP_STATE to a directory on a real disk (ext4, xfs, btrfs), not one inside of a container',
    },
    tell: ({ host, problem, detail, hint }: { host: string; problem: string; detail?: string; hint: string }) => ({
      message: `${host}: ${problem}`,
      detail,
      hint,
    }),
  }),
  E_LAB_STATE: entry({
    summary: 'the record of a lab cannot be read',
    meaning: 'The file that describes the lab is damaged, or another version of bringup wrote it.',
    fix: 'Remove the lab and boot it again: bringup lab down, then bringup lab up.',
    example: { file: '/var/lib/bringup/labs/lab/lab.json' },
    tell: ({ file }: { file: string }) => ({
      message: `${file} cannot be read`,
      hint: 'remove the lab and boot it again: bringup lab down, then bringup lab up',
    }),
  }),
  E_LAB_SNAPSHOTS: entry({
    summary: 'a lab host has too many snapshots',
    meaning: 'Each snapshot is a layer of the disk, and the kernel limits their number.',
    fix: 'Restore an early snapshot, or reset the host.',
    example: { host: 'web1', limit: 40 },
    tell: ({ host, limit }: { host: string; limit: number }) => ({
      message: `${host} has ${limit} snapshots already, and no more are possible`,
      hint: 'restore an early snapshot, or reset the host, then take the snapshot',
    }),
  }),
  E_LAB_CGROUP: entry({
    summary: 'no cgroup2 hierarchy is mounted on this machine',
    meaning: 'systemd in the lab hosts needs cgroup2.',
    fix: 'Mount one, as the hint shows.',
    example: {},
    tell: () => ({
      message: 'no cgroup2 hierarchy is mounted on this machine',
      hint: 'mount one: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified',
    }),
  }),
  E_LAB_PROCESSES: entry({
    summary: 'processes of a lab host do not end',
    meaning:
      'bringup killed all processes of the host, and some stay. A process that waits for a disk cannot be killed.',
    fix: 'Look at the processes: ps -o pid,stat,wchan,cmd.',
    example: { group: '/sys/fs/cgroup/bringup/web1', which: ': 4711' },
    tell: ({ group, which }: { group: string; which: string }) => ({
      message: `processes of ${group} do not end${which}`,
      hint: 'look at them: ps -o pid,stat,wchan,cmd',
    }),
  }),
  E_LAB_SUBNET: entry({
    summary: 'the subnet of a lab is not available on this machine',
    meaning: 'Another network of this machine already uses the addresses.',
    fix: 'Give the lab another subnet, and its hosts addresses in it.',
    example: { problem: "the lab's subnet 10.83.0.0/24 is in use on this machine (eth0)" },
    tell: ({ problem }: { problem: string }) => ({
      message: problem,
      hint: 'set another lab_subnet, and ansible_host of its hosts in it',
    }),
  }),
  E_LAB_PROGRAM: entry({
    summary: 'a program of the lab failed',
    meaning: 'bringup runs programs such as ip, nft, mount and systemd-nspawn for the lab. One of them failed.',
    fix: 'Read the output below the message.',
    example: {
      command: 'ip link add br-lab type bridge',
      code: 2,
      detail: 'RTNETLINK answers: Operation not permitted',
    },
    tell: ({ command, code, detail }: { command: string; code: number | null; detail?: string }) => ({
      message: `'${command}' failed (exit code ${code})`,
      detail,
    }),
  }),
};
