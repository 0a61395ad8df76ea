import { type ArgError, argDiagnostic } from '../core/bind.ts';
import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { isDict } from '../core/value.ts';
import { type BoundDriver, type Driver, isBoundDriver } from './contract.ts';
import { drivers } from './power/index.ts';

/** What the inventory says of a host's machine. All of it is optional. */
export type Machine = Readonly<{
  power: BoundDriver | undefined;
  mac: string | undefined;
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
  return {
    power: powerOf(of, mac, problems),
    mac: mac?.toLowerCase().replaceAll('-', ':'),
  };
}
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** `power: NAME`, or `power: {driver: NAME, …}` with the arguments of the driver. */
function powerOf(of: MachineVariables, mac: string | undefined, problems: Diagnostic[]): BoundDriver | undefined {
  const { host } = of;
  const value = of.get('power');
  if (value === undefined || value === null) return undefined;
  const { driver: name, ...args } = typeof value === 'string' ? { driver: value } : isDict(value) ? value : {};
  if (typeof name !== 'string') {
    const seen = isDict(value) ? 'a map without driver' : described(value);
    const expected = 'the name of a driver, or a map: {driver: shelly, host: 10.0.0.9}';
    problems.push(
      tell('E_MACHINE_VARIABLE', { variable: 'power', host, value: seen, expected }, of.place('power', [])),
    );
    return undefined;
  }
  const driver: Driver | undefined = Object.hasOwn(drivers, name) ? drivers[name] : undefined;
  if (driver === undefined) {
    problems.push(
      tell('E_POWER_DRIVER', { host, driver: name, known: Object.keys(drivers) }, of.place('power', ['driver'])),
    );
    return undefined;
  }
  for (const [key, schema] of Object.entries(driver.args.properties)) {
    const given = args[key];
    if ((schema as { secret?: boolean }).secret === true && typeof given === 'string') of.onSecret(given);
  }
  const bound = driver.bind({ ...(driver.takesMac && mac !== undefined && { mac }), ...args });
  if (isBoundDriver(bound)) return bound;
  problems.push(
    ...bound.map((wrong: ArgError) =>
      argDiagnostic(
        `power of ${host}`,
        wrong,
        of.place('power', wrong.path, wrong.code === 'E_UNKNOWN_ARGUMENT' ? 'key' : undefined),
      ),
    ),
  );
  return undefined;
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
