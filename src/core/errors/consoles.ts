import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

/** Mistakes in what the inventory says of consoles, or in how one is opened. */
export const consoles = {
  E_CONSOLE_DRIVER: entry({
    summary: 'the console driver of a host is not known',
    meaning: '`console` names the driver that reaches the serial console of the host.',
    fix: 'Correct the name. docs/console.md lists the drivers.',
    example: { host: 'web1', driver: 'sol', known: ['ipmi', 'tty'] },
    tell: ({ host, driver, known }: { host: string; driver: string; known: readonly string[] }) => ({
      message: `console of ${host} names an unknown driver '${driver}'`,
      ...didYouMean(driver, known),
    }),
  }),
  E_NO_CONSOLE: entry({
    summary: 'nothing is known about the console of a host',
    meaning: 'The inventory has no `console` for the host, so bringup cannot open it.',
    fix: 'Say in the inventory how the console is reached: docs/console.md.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `the inventory has no console for ${host}`,
      expected: 'console: DRIVER, or console: {driver: DRIVER, …}',
      hint: `set console for ${host}: docs/console.md lists the drivers`,
    }),
  }),
  E_CONSOLE_TERMINAL: entry({
    summary: 'an interactive console needs a terminal',
    meaning: 'bringup console connects the terminal with the console of the host.',
    fix: 'Run it at a terminal, or print the log of the last boot with --log.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `the console of ${host} needs a terminal, and stdin is none`,
      hint: `run it at a terminal; or print the last boot: bringup console ${host} --log`,
    }),
  }),
};

/** What goes wrong while a console is open. */
export const consoleRuns = {
  E_CONSOLE_OPEN: entry({
    summary: 'a console cannot be opened',
    meaning: 'The driver could not connect to the serial console of the host.',
    fix: 'Check what the inventory says of the console, and that nobody else has it open.',
    example: { host: 'web1', device: '/dev/ttyUSB0', why: 'No such file or directory' },
    tell: ({ host, device, why }: { host: string; device: string; why: string }) => ({
      message: `the console of ${host} cannot be opened (${device}): ${why}`,
      hint: `check console of ${host} in the inventory, and that nobody else has the console open`,
    }),
  }),
  E_CONSOLE_PROGRAM: entry({
    summary: 'a program that opens a console is missing',
    meaning: 'The driver runs a program of this machine.',
    fix: 'Install the program on the machine that runs bringup.',
    example: { host: 'web1', program: 'ipmitool', hint: 'install it: apt-get install ipmitool' },
    tell: ({ host, program, hint }: { host: string; program: string; hint: string }) => ({
      message: `'${program}', which opens the console of ${host}, is not installed on this machine`,
      hint,
    }),
  }),
  E_CONSOLE_LOG: entry({
    summary: 'there is no console log of a host',
    meaning: 'bringup records the console while it boots a host. It has not booted this host yet.',
    fix: 'Boot the host with bringup: bringup host to reachable HOST.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `there is no console log of ${host}: bringup has not booted it yet`,
      hint: `if it is off, boot it: bringup host to reachable ${host}`,
    }),
  }),
};
