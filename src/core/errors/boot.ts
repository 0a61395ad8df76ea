import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

/** Mistakes in what the inventory says of how a system gets onto a host. */
export const boot = {
  E_BOOT_WAY: entry({
    summary: 'the boot way of a host is not known',
    meaning: '`boot` names the way in which a system gets onto the disk of the host.',
    fix: 'Correct the name. docs/boot.md lists the ways.',
    example: { host: 'web1', way: 'netbot', known: ['kexec', 'netboot'] },
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
};
