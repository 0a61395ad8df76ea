import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

/** Mistakes in what the inventory says of how a system gets onto a host. */
export const boot = {
  E_BOOT_WAY: entry({
    summary: 'the boot way of a host is not known',
    meaning: '`boot` names the way in which a system gets onto the disk of the host.',
    fix: 'Correct the name. docs/boot.md lists the ways.',
    example: { host: 'web1', way: 'netbot', known: ['card', 'netboot'] },
    tell: ({ host, way, known }: { host: string; way: string; known: readonly string[] }) => ({
      message: `boot of ${host} names an unknown way '${way}'`,
      ...didYouMean(way, known),
    }),
  }),
  E_NO_BOOT: entry({
    summary: 'nothing is known about how a system gets onto a host',
    meaning: 'The inventory has no `boot` for the host, so bringup cannot install a system on it.',
    fix: 'Say in the inventory how a system gets onto the host: docs/boot.md.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `the inventory has no boot for ${host}`,
      expected: 'boot: WAY, or boot: {way: WAY, …}',
      hint: `set boot for ${host}: docs/boot.md lists the ways`,
    }),
  }),
  E_BOOT_NEEDS: entry({
    summary: 'a boot way lacks a variable of the host',
    meaning: 'A way that writes a disk must know which machine and which disk is meant.',
    fix: 'Set the variable in the inventory.',
    example: { host: 'web1', way: 'netboot', variable: 'mac', expected: 'mac: dc:a6:32:01:02:03' },
    tell: (of: { host: string; way: string; variable: string; expected: string }) => ({
      message: `boot ${of.way} of ${of.host} needs the variable ${of.variable}`,
      expected: of.expected,
      hint: `set ${of.variable} for ${of.host}`,
    }),
  }),
};

/** What goes wrong while a system gets onto a host. */
export const bootRuns = {
  E_BOOT_SILENT: entry({
    summary: 'a fresh system does not accept logins',
    meaning: 'The system was installed, and did not answer in time with the host key that is pinned for it.',
    fix: 'Look at the console of the machine. A larger `timeout` of `boot` waits longer. It can be run again.',
    example: { host: 'web1', seconds: 1800 },
    tell: ({ host, seconds }: { host: string; seconds: number }) => ({
      message: `${host} does not accept logins ${seconds} s after its installation began`,
      hint: `look at its console, or set a larger timeout in boot of ${host}; then run it again`,
    }),
  }),
  E_BOOT_TERMINAL: entry({
    summary: 'a person must put in a card, and there is no terminal to ask',
    meaning: 'The boot ways `card` and `image` ask the person at the terminal.',
    fix: 'Run bringup at a terminal.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `${host} needs a person who puts in a card, and there is no terminal to ask`,
      hint: 'run bringup at a terminal',
    }),
  }),
  E_BOOT_LOOP: entry({
    summary: 'a machine starts the installer again and again',
    meaning: 'A machine that never finishes its installation would repeat it for ever, so bringup stops it.',
    fix: 'Look at the console of the machine. It may lose its power, or boot from the network each time.',
    example: { host: 'web1', boots: 3 },
    tell: ({ host, boots }: { host: string; boots: number }) => ({
      message: `${host} started the installer ${boots} times and did not finish`,
      hint: 'look at its console, then run it again',
    }),
  }),
  E_BOOT_SEED_TWICE: entry({
    summary: 'the private key of a host was asked for twice',
    meaning: 'An installer asks once. Another machine on the network may have asked for it, and may have the key.',
    fix: 'Give the host a new key: remove its files in .secrets/host_keys. Then install it on a network that you trust.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `the private host key of ${host} was asked for twice in one installation`,
      hint: `another machine may have the key: remove .secrets/host_keys/${host} beside the inventory, then run it again`,
    }),
  }),
  E_BOOT_FAILED: entry({
    summary: 'the installer on a machine failed',
    meaning: 'The installer runs on the machine, and said why it cannot go on. The disk may be empty.',
    fix: 'Read the reason. It can be run again, whatever was done.',
    example: { host: 'web1', why: 'the image arrived damaged' },
    tell: ({ host, why }: { host: string; why: string }) => ({
      message: `the installer on ${host} failed: ${why}`,
      hint: 'remove the cause, then run it again',
    }),
  }),
  E_BOOT_DISK: entry({
    summary: 'not exactly one disk of a machine fits',
    meaning: '`disk` must fit exactly one disk that is large enough. Nothing was written.',
    fix: 'Set `disk` to the serial number of the right disk.',
    example: {
      host: 'web1',
      rule: 'only',
      least: '1 GiB',
      disks: ['/dev/sda  8 GiB  serial=A1', '/dev/sdb  8 GiB  serial=B2'],
    },
    tell: ({ host, rule, least, disks }: { host: string; rule: string; least: string; disks: readonly string[] }) => ({
      message: `not exactly one disk of ${host} fits 'disk: ${rule}', so nothing was written`,
      expected: `one disk of ${least} or more`,
      detail: disks.length === 0 ? 'the machine has no disk' : disks.join('\n'),
      hint: `set disk for ${host} to the right one, e.g. disk: serial=NUMBER`,
    }),
  }),
  E_BOOT_NOT_BEGUN: entry({
    summary: 'a machine did not start the installer',
    meaning: 'The machine was switched on, and did not ask for the installer in time. Nothing was written.',
    fix: 'Look at the console of the machine, and at the order of its boot devices.',
    example: { host: 'web1', seconds: 600, why: 'it did not ask for it' },
    tell: ({ host, seconds, why }: { host: string; seconds: number; why: string }) => ({
      message: `${host} did not start the installer within ${seconds} s: ${why}`,
      hint: 'look at its console; let its firmware boot from the network (UEFI, IPv4), on the wire of the interface',
    }),
  }),
  E_BOOT_NETWORK: entry({
    summary: 'this machine cannot serve the network boot of a host',
    meaning: 'The boot server needs an interface of this machine in the network of the host, and root.',
    fix: 'Set `interface` of `boot`, and run bringup as root.',
    example: { host: 'web1', problem: 'no interface of this machine is in the network of 10.0.0.21' },
    tell: ({ host, problem, hint }: { host: string; problem: string; hint?: string | undefined }) => ({
      message: `${host} cannot be booted from the network: ${problem}`,
      hint: hint ?? `set interface in boot of ${host}`,
    }),
  }),
};
