import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

/** Mistakes in what the inventory says of machines. */
export const hardware = {
  E_MACHINE_VARIABLE: entry({
    summary: 'a hardware variable of a host has a wrong value',
    meaning: 'The variables `power`, `console`, `mac`, `arch`, `disk` and `boot` describe the machine of a host.',
    fix: 'Correct the variable in the inventory. docs/hardware.md describes these variables.',
    example: { variable: 'mac', host: 'web1', value: "'dc:a6:32'", expected: 'six bytes: dc:a6:32:01:02:03' },
    tell: (of: { variable: string; host: string; value: string; expected: string }) => ({
      message: `${of.variable} of ${of.host} is ${of.value}`,
      expected: of.expected,
      hint: `correct ${of.variable} in the inventory`,
    }),
  }),
  E_POWER_DRIVER: entry({
    summary: 'the power driver of a host is not known',
    meaning: '`power` names the driver that switches the machine of the host.',
    fix: 'Correct the name. docs/power.md lists the drivers.',
    example: { host: 'web1', driver: 'shely', known: ['lab', 'shelly'] },
    tell: ({ host, driver, known }: { host: string; driver: string; known: readonly string[] }) => ({
      message: `power of ${host} names an unknown driver '${driver}'`,
      ...didYouMean(driver, known),
    }),
  }),
  E_NO_POWER: entry({
    summary: 'nothing is known about the power switch of a host',
    meaning: 'The inventory has no `power` for the host, so bringup cannot switch it on or off.',
    fix: 'Say in the inventory what switches the machine: docs/hardware.md.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `the inventory has no power for ${host}`,
      expected: 'power: DRIVER, or power: {driver: DRIVER, …}',
      hint: `set power for ${host}: docs/power.md lists the drivers`,
    }),
  }),
  E_OUTLET_SHARED: entry({
    summary: 'two hosts are on the same outlet',
    meaning: 'Switching one of the hosts would switch the other one too, so bringup switches neither.',
    fix: 'Correct the outlet or the port of one of the hosts.',
    example: { host: 'web1', other: 'web2', outlet: 'shelly 10.0.0.9 outlet 0' },
    tell: ({ host, other, outlet }: { host: string; other: string; outlet: string }) => ({
      message: `${host} and ${other} are on the same outlet: ${outlet}`,
      hint: `correct power of ${host} or of ${other}`,
    }),
  }),
};

type OfSwitch = Readonly<{ host: string; device: string }>;

/** What goes wrong while power is switched. */
export const power = {
  E_POWER_SILENT: entry({
    summary: 'a power switch does not answer',
    meaning: 'bringup asked the switch several times, and no answer arrived in time.',
    fix: 'Check its address, that it has power, and that this machine reaches it.',
    example: { host: 'web1', device: 'shelly 10.0.0.9', why: 'no answer within 5 s' },
    tell: ({ host, device, why }: OfSwitch & { why: string }) => ({
      message: `the power switch of ${host} does not answer (${device}): ${why}`,
      hint: 'check its address in the inventory, and that this machine reaches it',
    }),
  }),
  E_POWER_LOGIN: entry({
    summary: 'a power switch refuses the user or the password',
    meaning: 'The switch answered, and does not accept what the inventory gives it to log in.',
    fix: 'Correct the user or the password in the inventory.',
    example: { host: 'web1', device: 'shelly 10.0.0.9' },
    tell: ({ host, device }: OfSwitch) => ({
      message: `the power switch of ${host} refuses the login (${device})`,
      hint: `correct the user or the password in power of ${host}`,
    }),
  }),
  E_POWER_OUTLET: entry({
    summary: 'a power switch does not have the outlet',
    meaning: 'The switch answered, and knows no outlet, port, machine or entity of this name.',
    fix: 'Correct the outlet in the inventory.',
    example: { host: 'web1', device: 'shelly 10.0.0.9', outlet: 'outlet 3' },
    tell: ({ host, device, outlet }: OfSwitch & { outlet: string }) => ({
      message: `the power switch of ${host} has no ${outlet} (${device})`,
      hint: `correct it in power of ${host}`,
    }),
  }),
  E_POWER_OTHER_DEVICE: entry({
    summary: 'a power switch is not the one that the inventory means',
    meaning: 'The switch reports another name or another MAC address. An address may have moved to another device.',
    fix: 'Find the address of the right device, or correct `name` or `mac` of `power`.',
    example: { host: 'web1', device: 'shelly 10.0.0.9', what: 'name', seen: 'plug-web2', wanted: 'plug-web1' },
    tell: (of: OfSwitch & { what: string; seen: string; wanted: string }) => ({
      message: `the power switch of ${of.host} (${of.device}) has the ${of.what} '${of.seen}', so nothing was switched`,
      expected: `the ${of.what} '${of.wanted}', as power of ${of.host} has it`,
      hint: `correct the address or the ${of.what} in power of ${of.host}`,
    }),
  }),
  E_POWER_PROGRAM: entry({
    summary: 'a program that switches power is missing',
    meaning: 'The driver runs a program of this machine.',
    fix: 'Install the program on the machine that runs bringup.',
    example: { host: 'web1', program: 'ipmitool', hint: 'install it: apt-get install ipmitool' },
    tell: ({ host, program, hint }: { host: string; program: string; hint: string }) => ({
      message: `'${program}', which switches the power of ${host}, is not installed on this machine`,
      hint,
    }),
  }),
  E_POWER_REFUSED: entry({
    summary: 'a power switch refuses a request, or answers with an error',
    meaning: 'The switch answered, and did not do what bringup asked for.',
    fix: 'Read the answer below the message.',
    example: { host: 'web1', device: 'ipmi 10.0.0.9', doing: 'chassis power on', detail: 'Command not supported' },
    tell: ({ host, device, doing, detail }: OfSwitch & { doing: string; detail: string }) => ({
      message: `the power switch of ${host} (${device}) failed at: ${doing}`,
      detail,
    }),
  }),
  E_POWER_CERTIFICATE: entry({
    summary: 'a power switch has a certificate that is not trusted',
    meaning: 'bringup sends no password before the certificate is verified.',
    fix: 'Set `fingerprint` of `power` after you compared it, or `ca` to the file of the CA.',
    example: { host: 'web1', device: 'redfish bmc1', why: 'self-signed certificate', fingerprint: '5F:0E:…' },
    tell: ({ host, device, why, fingerprint }: OfSwitch & { why: string; fingerprint: string }) => ({
      message: `the certificate of the power switch of ${host} is not trusted (${device}): ${why}`,
      hint: `compare its fingerprint, then set it in power of ${host}: fingerprint: '${fingerprint}'`,
    }),
  }),
  E_POWER_STATE: entry({
    summary: 'a machine did not reach the power state in time',
    meaning: 'The switch accepted the request, and bringup asked for the state until the time was up.',
    fix: 'Look at the machine and at the switch. A larger `timeout` of `power` waits longer.',
    example: { host: 'web1', wanted: 'off', seen: 'on', seconds: 30 },
    tell: ({ host, wanted, seen, seconds }: { host: string; wanted: string; seen: string; seconds: number }) => ({
      message: `${host} is still ${seen}: it was not ${wanted} within ${seconds} s`,
      hint: `look at the machine, or set a larger timeout in power of ${host}`,
    }),
  }),
  E_POWER_CANNOT: entry({
    summary: 'a power driver cannot do what is asked for',
    meaning: 'Wake-on-LAN, for example, can switch a machine on, but not cut its power.',
    fix: 'Leave out --hard, or use another driver.',
    example: { host: 'web1', driver: 'wol', what: 'cut the power' },
    tell: ({ host, driver, what }: { host: string; driver: string; what: string }) => ({
      message: `the power driver '${driver}' of ${host} cannot ${what}`,
      hint: 'leave out --hard, or use a driver that can',
    }),
  }),
  E_NOT_SHUT_DOWN: entry({
    summary: 'a host is on, and cannot be shut down cleanly',
    meaning: 'Cutting the power of a running system may lose data, so bringup does it only if you say so.',
    fix: 'Make the host reachable by SSH, or cut its power with --hard.',
    example: { host: 'web1', why: 'web1 does not answer on 10.0.0.11:22' },
    tell: ({ host, why }: { host: string; why: string }) => ({
      message: `${host} is on, and was not shut down: ${why}`,
      hint: 'make the host reachable by SSH; or cut its power with --hard, which may lose data',
    }),
  }),
  E_POWER_TERMINAL: entry({
    summary: 'a person must switch the power, and there is no terminal to ask',
    meaning: 'The driver `manual` asks the person at the terminal, or calls a webhook.',
    fix: 'Run bringup at a terminal, or set `webhook`.',
    example: { host: 'web1', what: 'switch it on' },
    tell: ({ host, what }: { host: string; what: string }) => ({
      message: `${host} must be switched by a person (${what}), and there is no terminal to ask`,
      hint: `run bringup at a terminal, or set webhook in power of ${host}`,
    }),
  }),
};
