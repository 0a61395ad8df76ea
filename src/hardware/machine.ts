import type { TObject } from 'typebox';
import { type ArgError, argDiagnostic } from '../core/bind.ts';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { isDict } from '../core/value.ts';
import { type BootWay, type BoundWay, type DiskRule, isBoundWay } from './boot/contract.ts';
import { ways } from './boot/ways/index.ts';
import { type BoundConsole, type ConsoleDriver, isBoundConsole } from './console/contract.ts';
import { consoles } from './console/drivers/index.ts';
import { type BoundDriver, type Driver, isBoundDriver } from './contract.ts';
import { drivers } from './power/index.ts';

/** What the inventory says of a host's machine. All of it is optional. */
export type Machine = Readonly<{
  power: BoundDriver | undefined;
  mac: string | undefined;
  /** How a system gets onto its disk. */
  boot: BoundWay | undefined;
  /** The disk that gets the system. */
  disk: DiskRule | undefined;
  /** Its serial console. */
  console: BoundConsole | undefined;
}>;

/** The variables of a host that describe its machine. */
export type MachineVariables = Readonly<{
  host: string;
  /** The plain value of a variable. */
  get: (name: string) => unknown;
  /** The position of a variable, or of a value or a key inside of it. */
  place: (name: string, path: readonly (string | number)[], mark?: 'key') => Pos | undefined;
  /** Called with each secret argument before it is used. */
  onSecret: (secret: string) => void;
}>;

/** Reads the hardware variables of a host. Mistakes are added to `problems`. */
export function machineOf(of: MachineVariables, problems: Diagnostic[]): Machine {
  const mac = text(of, 'mac', MAC, 'six bytes: dc:a6:32:01:02:03', problems);
  const power = powerOf(of, mac, problems);
  const disk = diskOf(of, problems);
  const boot = bootOf(of, problems);
  const console = consoleOf(of, problems);
  const machine = { power, mac: mac?.toLowerCase().replaceAll('-', ':'), boot, disk, console };
  if (boot !== undefined) problems.push(...missing(of, boot, machine));
  return machine;
}
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** `power: NAME`, or `power: {driver: NAME, …}` with the arguments of the driver. */
function powerOf(of: MachineVariables, mac: string | undefined, problems: Diagnostic[]): BoundDriver | undefined {
  const { host } = of;
  const named = namedOf(of, 'power', { key: 'driver', example: '{driver: shelly, host: 10.0.0.9}' }, problems);
  if (named === undefined) return undefined;
  const { name, args } = named;
  const driver: Driver | undefined = Object.hasOwn(drivers, name) ? drivers[name] : undefined;
  if (driver === undefined) {
    problems.push(
      tell('E_POWER_DRIVER', { host, driver: name, known: Object.keys(drivers) }, of.place('power', ['driver'])),
    );
    return undefined;
  }
  tellSecrets(of, driver.args, args);
  const bound = driver.bind({ ...(driver.takesMac && mac !== undefined && { mac }), ...args });
  if (isBoundDriver(bound)) return bound;
  problems.push(...bound.map((wrong) => argumentProblem(of, 'power', wrong)));
  return undefined;
}

/** `console: NAME`, or `console: {driver: NAME, …}` with the arguments of the driver. */
function consoleOf(of: MachineVariables, problems: Diagnostic[]): BoundConsole | undefined {
  const { host } = of;
  const named = namedOf(of, 'console', { key: 'driver', example: '{driver: tty, device: /dev/ttyUSB0}' }, problems);
  if (named === undefined) return undefined;
  const { name, args } = named;
  const driver: ConsoleDriver | undefined = Object.hasOwn(consoles, name) ? consoles[name] : undefined;
  if (driver === undefined) {
    const given = { host, driver: name, known: Object.keys(consoles) };
    problems.push(tell('E_CONSOLE_DRIVER', given, of.place('console', ['driver'])));
    return undefined;
  }
  tellSecrets(of, driver.args, args);
  const bound = driver.bind(args);
  if (isBoundConsole(bound)) return bound;
  problems.push(...bound.map((wrong) => argumentProblem(of, 'console', wrong)));
  return undefined;
}

/** Secrets are known before anything uses or prints them. */
function tellSecrets(of: MachineVariables, schema: TObject, args: Readonly<Record<string, unknown>>): void {
  for (const [key, argument] of Object.entries(schema.properties)) {
    const given = args[key];
    if ((argument as { secret?: boolean }).secret === true && typeof given === 'string') of.onSecret(given);
  }
}

/** `boot: NAME`, or `boot: {way: NAME, …}` with the arguments of the way. */
function bootOf(of: MachineVariables, problems: Diagnostic[]): BoundWay | undefined {
  const { host } = of;
  const named = namedOf(of, 'boot', { key: 'way', example: '{way: netboot, interface: eth1}' }, problems);
  if (named === undefined) return undefined;
  const { name, args } = named;
  const way: BootWay | undefined = Object.hasOwn(ways, name) ? ways[name] : undefined;
  if (way === undefined) {
    problems.push(tell('E_BOOT_WAY', { host, way: name, known: Object.keys(ways) }, of.place('boot', ['way'])));
    return undefined;
  }
  const bound = way.bind(args);
  if (isBoundWay(bound)) return bound;
  problems.push(...bound.map((wrong) => argumentProblem(of, 'boot', wrong)));
  return undefined;
}

/** What the way needs, and the inventory does not say. */
function missing(
  of: MachineVariables,
  boot: BoundWay,
  { power, mac, disk }: Omit<Machine, 'boot'>,
): readonly Diagnostic[] {
  const known = { power, mac, disk, image: of.get('image') ?? undefined, login: 'not a variable' };
  const expected = {
    ...{ power: 'power: DRIVER, or power: {driver: DRIVER, …}', mac: 'mac: dc:a6:32:01:02:03', login: '' },
    ...{ disk: 'disk: only, or disk: serial=NUMBER', image: 'image: debian-13, or a file or a URL' },
  };
  return boot.needs
    .filter((variable) => known[variable] === undefined)
    .map((variable) => {
      const given = { host: of.host, way: boot.way, variable, expected: expected[variable] };
      return tell('E_BOOT_NEEDS', given, of.place('boot', []));
    });
}

/** `disk: only` or `disk: serial=NUMBER`. */
function diskOf(of: MachineVariables, problems: Diagnostic[]): DiskRule | undefined {
  const rule = text(of, 'disk', DISK, 'only, or serial=NUMBER as lsblk -o NAME,SERIAL shows it', problems);
  if (rule === undefined || rule === 'only') return rule;
  return { serial: rule.slice('serial='.length) };
}
const DISK = /^(only|serial=[A-Za-z0-9._:-]{1,64})$/;

/** A name, or a map with the name under `key` and arguments beside it. */
function namedOf(
  of: MachineVariables,
  variable: string,
  { key, example }: Readonly<{ key: string; example: string }>,
  problems: Diagnostic[],
): Readonly<{ name: string; args: Readonly<Record<string, unknown>> }> | undefined {
  const value = of.get(variable);
  if (value === undefined || value === null) return undefined;
  const { [key]: name, ...args } = typeof value === 'string' ? { [key]: value } : isDict(value) ? value : {};
  if (typeof name === 'string') return { name, args };
  const seen = isDict(value) ? `a map without ${key}` : described(value);
  const given = { variable, host: of.host, value: seen, expected: `the name of a ${key}, or a map: ${example}` };
  problems.push(tell('E_MACHINE_VARIABLE', given, of.place(variable, [])));
  return undefined;
}

function argumentProblem(of: MachineVariables, variable: string, wrong: ArgError): Diagnostic {
  const mark = wrong.code === 'E_UNKNOWN_ARGUMENT' ? 'key' : undefined;
  return argDiagnostic(`${variable} of ${of.host}`, wrong, of.place(variable, wrong.path, mark));
}

function text(
  of: MachineVariables,
  variable: string,
  pattern: RegExp,
  expected: string,
  problems: Diagnostic[],
): string | undefined {
  const value = of.get(variable);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && pattern.test(value)) return value;
  const { host } = of;
  problems.push(
    tell('E_MACHINE_VARIABLE', { variable, host, value: described(value), expected }, of.place(variable, [])),
  );
  return undefined;
}

const described = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : Array.isArray(value) ? 'a list' : isDict(value) ? 'a map' : String(value);

/** The pairs of hosts that are on the same outlet. */
export function sharedOutlets(
  machines: ReadonlyMap<string, Machine>,
): readonly Readonly<{ host: string; other: string; outlet: string }>[] {
  const first = new Map<string, string>();
  const shared: { host: string; other: string; outlet: string }[] = [];
  for (const [host, { power }] of machines) {
    if (power?.outlet === undefined) continue;
    const other = first.get(power.outlet);
    if (other === undefined) first.set(power.outlet, host);
    else shared.push({ host, other, outlet: power.outlet });
  }
  return shared;
}
