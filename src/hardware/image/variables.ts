import { isIP, isIPv4 } from 'node:net';
import { type Static, Type } from 'typebox';
import { type ArgError, binder } from '../../core/bind.ts';
import type { Network } from './identity.ts';

/** The variable `network` of a host. */
export const NetworkVariable = Type.Object(
  {
    prefix: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 30,
        expected: 'a number from 1 to 30',
        description: 'The length of the network prefix. With it, ansible_host is the static address of the host.',
      }),
    ),
    gateway: Type.Optional(Type.String({ description: 'The address of the router.' })),
    nameservers: Type.Optional(Type.Array(Type.String(), { description: 'The addresses of the name servers.' })),
    interface: Type.String({ default: 'e*', description: 'The name of the interface, which may contain *.' }),
  },
  { additionalProperties: false },
);

/** What the inventory says of a host, as far as its card depends on it. */
export type HostVariables = Readonly<{
  /** ansible_host, or the name of the host. */
  address: string;
  user: string | undefined;
  timezone: unknown;
  mac: unknown;
  network: unknown;
}>;

/** A mistake in a variable, or in a value inside of it. */
export type Mistake = Readonly<{
  variable: string;
  path: readonly (string | number)[];
  problem: string;
  expected?: string | undefined;
  hint?: string | undefined;
}>;

/** A host's login user, network and time zone. */
export type Settings = Readonly<{ user: string; network: Network; timezone: string | undefined }>;

/** Checks the variables of a host. Returns its settings, or all mistakes. */
export function settingsOf(vars: HostVariables): Settings | readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const user = userOf(vars.user, mistakes);
  const timezone = timezoneOf(vars.timezone, mistakes);
  const network = networkOf(vars, mistakes);
  return mistakes.length > 0 || user === undefined || network === undefined ? mistakes : { user, network, timezone };
}

function userOf(user: string | undefined, mistakes: Mistake[]): string | undefined {
  const at = { variable: 'ansible_user', path: [] };
  if (user === undefined)
    mistakes.push({ ...at, problem: 'ansible_user is not set', hint: 'set ansible_user: the card creates this user' });
  else if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(user))
    mistakes.push({
      ...at,
      problem: `'${user}' is not the name of a user`,
      expected: 'at most 32 lower-case letters, digits, dashes and underscores, a letter first',
    });
  return user;
}

function timezoneOf(value: unknown, mistakes: Mistake[]): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && isTimezone(value)) return value;
  const problem = `'${String(value)}' is not a time zone`;
  mistakes.push({ variable: 'timezone', path: [], problem, expected: 'a name such as Europe/Berlin or Etc/UTC' });
  return undefined;
}

function isTimezone(name: string): boolean {
  // An offset such as +01:00 is good for Intl, and no file in /usr/share/zoneinfo.
  if (!/^[A-Z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const bind = binder(NetworkVariable, 'host network');

function networkOf(vars: HostVariables, mistakes: Mistake[]): Network | undefined {
  const mac = macOf(vars.mac, mistakes);
  const given = vars.network ?? {};
  const bound =
    typeof given === 'object' && !Array.isArray(given)
      ? bind(given as Readonly<Record<string, unknown>>)
      : { errors: [] };
  if ('errors' in bound) {
    if (bound.errors.length === 0)
      mistakes.push({
        variable: 'network',
        path: [],
        problem: "'network' is not a map",
        expected: '{prefix: 24, gateway: …}',
      });
    mistakes.push(...bound.errors.map(toMistake));
    return undefined;
  }
  const { args } = bound;
  mistakes.push(...wrongIn(args, vars.address));
  const { prefix, gateway } = args;
  return {
    interface: args.interface,
    mac,
    address: prefix === undefined ? undefined : { ip: vars.address, prefix, gateway },
    nameservers: args.nameservers ?? [],
  };
}

function toMistake({ path, message, expected, hint }: ArgError): Mistake {
  return { variable: 'network', path, problem: `network: ${message}`, expected, hint };
}

function macOf(value: unknown, mistakes: Mistake[]): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) return value.toLowerCase();
  const problem = `'${String(value)}' is not a MAC address`;
  mistakes.push({
    variable: 'mac',
    path: [],
    problem,
    expected: 'six pairs of hexadecimal digits, e.g. "52:54:00:12:34:56" in quotes',
  });
  return undefined;
}

/** Mistakes that no schema sees. */
function wrongIn(args: Static<typeof NetworkVariable>, address: string): readonly Mistake[] {
  const { prefix, gateway, nameservers = [], interface: name } = args;
  const mistakes: Mistake[] = [];
  const say = (path: Mistake['path'], problem: string, expected?: string, hint?: string) =>
    mistakes.push({ variable: 'network', path, problem, expected, hint });
  if (!/^[A-Za-z0-9_.*?-]{1,15}$/.test(name))
    say(['interface'], `'${name}' is not the name of an interface`, 'at most 15 characters, e.g. eth0 or en*');
  for (const [i, server] of nameservers.entries())
    if (isIP(server) === 0)
      say(['nameservers', i], `the name server '${server}' is not an address`, 'an IPv4 or IPv6 address');
  if (prefix === undefined) {
    if (gateway !== undefined)
      say(
        ['gateway'],
        'network has a gateway and no prefix',
        'both, or neither',
        'set network.prefix, or remove gateway: DHCP names one',
      );
    return mistakes;
  }
  if (!isIPv4(address)) {
    mistakes.push({
      variable: 'ansible_host',
      path: [],
      problem: `a static address is wanted, and ansible_host is '${address}'`,
      expected: 'an IPv4 address, e.g. 192.168.1.21',
      hint: 'set ansible_host, or remove network.prefix: then the host asks DHCP',
    });
    return mistakes;
  }
  const host = numberOf(address) % 2 ** (32 - prefix);
  if (host === 0 || host === 2 ** (32 - prefix) - 1)
    mistakes.push({
      variable: 'ansible_host',
      path: [],
      problem: `${address}/${prefix} is the address of ${host === 0 ? 'the network itself' : 'all hosts of the network'}`,
      expected: 'the address of one host',
    });
  if (gateway !== undefined && !isIPv4(gateway)) say(['gateway'], `the gateway '${gateway}' is not an IPv4 address`);
  else if (gateway === address)
    say(['gateway'], `the gateway ${gateway} is the host itself`, 'the address of the router');
  else if (gateway !== undefined && networkNumber(gateway, prefix) !== networkNumber(address, prefix))
    say(['gateway'], `the gateway ${gateway} is not in ${address}/${prefix}`, 'an address of the same network');
  return mistakes;
}

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const networkNumber = (address: string, prefix: number): number => Math.floor(numberOf(address) / 2 ** (32 - prefix));
