// The subsets of facts that `gather_subset` names. Source: `get_collector_names` and the collectors of ansible-core.
import type { Value, Vars } from '../../core/value.ts';

/** The facts of each collector, by the name of the collector. A fact of no collector belongs to the minimal facts. */
const COLLECTORS: Readonly<Record<string, RegExp>> = {
  hardware: /^(processor|mem|swap|mounts|devices|uptime|bios|board|product|system_vendor|chassis|form)/,
  devices: /^devices$/,
  mounts: /^mounts$/,
  network: /^(default_ipv|all_ipv|interfaces$|dns$)/,
  interfaces: /^(default_ipv|all_ipv|interfaces$)/,
  dns: /^dns$/,
  virtual: /^virtualization/,
  date_time: /^date_time$/,
  env: /^env$/,
  local: /^(ansible_)?local$/,
  apparmor: /^apparmor$/,
  caps: /^system_capabilities/,
  cmdline: /^(cmdline|proc_cmdline)$/,
  distribution: /^(distribution|os_family)/,
  fips: /^fips$/,
  is_chroot: /^is_chroot$/,
  chroot: /^is_chroot$/,
  loadavg: /^loadavg$/,
  lsb: /^lsb$/,
  pkg_mgr: /^pkg_mgr$/,
  platform:
    /^(system|kernel.*|hostname|fqdn|domain|nodename|machine|machine_id|architecture|userspace_.*|python_version)$/,
  python: /^python/,
  selinux: /^selinux/,
  service_mgr: /^service_mgr$/,
  ssh_pub_keys: /^ssh_host_key/,
  systemd: /^systemd$/,
  user: /^(user|real_user|real_group|effective_user|effective_group)_/,
};
/** What a minimal gathering leaves out. */
const NOT_MINIMAL = ['hardware', 'network', 'virtual', 'date_time', 'env', 'local'];
/** Programs whose facts Ansible adds if they are installed. bringup asks neither. */
const PROGRAMS = ['facter', 'ohai'];

export const SUBSET_NAMES = ['all', 'min', ...Object.keys(COLLECTORS)].sort();

/** Whether a name may stand in `gather_subset`: a collector, or a fact that stands for its collector. */
export function isSubset(name: string): boolean {
  const bare = name.replace(/^!/, '');
  return ['all', 'min', ...PROGRAMS].includes(bare) || collectorsOf(bare).length > 0;
}

function collectorsOf(name: string): readonly RegExp[] {
  const own = COLLECTORS[name];
  return own !== undefined ? [own] : Object.values(COLLECTORS).filter((facts) => facts.test(name));
}

/** The facts of the subsets. What is named wins over what is left out; `min` is in unless it is left out. */
export function ofSubsets(all: Vars, subsets: readonly string[]): Vars {
  if (subsets.length === 1 && subsets[0] === 'all') return all;
  const off = subsets.filter((one) => one.startsWith('!')).map((one) => one.slice(1));
  const on = subsets.filter((one) => !one.startsWith('!'));
  const everything = on.includes('all') || (on.length === 0 && !off.includes('all'));
  const interfaces = new Set(
    (all['interfaces'] as readonly string[] | undefined)?.map((name) => name.replace(/[-.:]/g, '_')),
  );
  const named = on.flatMap(collectorsOf);
  const left = off.flatMap(collectorsOf);
  const isOf = (facts: readonly RegExp[], key: string): boolean =>
    facts.some((one) => one.test(key) || (one === COLLECTORS['network'] && interfaces.has(key)));
  const isMinimal = (key: string): boolean => !NOT_MINIMAL.some((name) => isOf(collectorsOf(name), key));
  const isIn = (key: string): boolean => {
    if (isOf(named, key)) return true;
    if (isOf(left, key)) return false;
    return isMinimal(key) ? everything || !off.includes('min') : everything;
  };
  return Object.fromEntries(Object.entries(all).filter((pair): pair is [string, Value] => isIn(pair[0])));
}
