import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { answer, sh } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { absolutePath, args, names } from './shared/args.ts';
import { devices } from './shared/facts-devices.ts';
import { distribution } from './shared/facts-distribution.ts';
import { hardware, mounts, virtualization } from './shared/facts-hardware.ts';
import { identity } from './shared/facts-identity.ts';
import { localFacts } from './shared/facts-local.ts';
import { network } from './shared/facts-network.ts';
import { type Sections, sections } from './shared/facts-sections.ts';
import { dateTime } from './shared/facts-time.ts';
import { globToRegex } from './shared/glob.ts';
import { IT, NOW, PASSWD, TIME_FORMAT } from './shared/questions.ts';

const Args = args({
  gather_subset: Type.Optional(
    names('The facts to gather: all, min, hardware, network, virtual, date_time, env … !name excludes one.'),
  ),
  filter: Type.Optional(names("Return only facts whose name matches one of these patterns: 'ansible_default_*'.")),
  gather_timeout: Type.Optional(Type.Integer({ description: 'No effect: gathering takes milliseconds.' })),
  fact_path: Type.Optional(absolutePath('The directory of local facts (*.fact files). Default: /etc/ansible/facts.d.')),
});
type Args = Static<typeof Args>;

export const setup = defineModule<typeof Args, Vars>({
  name: 'setup',
  summary: 'Gathers facts about the host: system, addresses, memory, disks.',
  args: Args,
  aliases: { gather_facts: 'gather_subset' },
  examples: [
    { title: 'Gather all facts', args: {} },
    { title: 'Gather addresses only', args: { gather_subset: ['!all', 'network'], filter: ['ansible_default_ipv4'] } },
  ],
  needs: () => [
    'live:*',
    'hostname:*',
    'path:/etc/os-release',
    'path:/etc/hostname',
    'path:/etc/hosts',
    'path:/etc/ansible/facts.d',
  ],
  // starts few processes: one `head` reads some thirty files, because each fork costs about a millisecond on a small
  // board
  probe: ({ fact_path = '/etc/ansible/facts.d' }, { user }) => sh`{
set --
if [ -z "\${SSH_CLIENT-}" ]; then # sudo took it away: one of the shell's ancestors has it
  p=$PPID
  while [ "$p" -gt 1 ] && [ $# -lt 6 ]; do
    set -- "$@" "/proc/$p/environ"
    read -r st <"/proc/$p/stat"; st=\${st##*) }; st=\${st#? }; p=\${st%% *}
  done
fi
head -v -c 65536 /etc/os-release /usr/lib/os-release /etc/debian_version /proc/meminfo /proc/uptime /proc/loadavg /proc/cmdline \
  /etc/machine-id /etc/timezone /proc/sys/kernel/random/boot_id /proc/sys/kernel/ostype /proc/sys/kernel/hostname \
  /proc/sys/kernel/osrelease /proc/sys/kernel/version /proc/sys/kernel/arch /proc/1/comm /etc/resolv.conf /proc/net/route /proc/net/ipv6_route /proc/net/fib_trie /proc/self/mounts /proc/self/environ /proc/cpuinfo \
  /sys/class/dmi/id/product_name /sys/class/dmi/id/product_version /sys/class/dmi/id/product_serial /sys/class/dmi/id/product_uuid \
  /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/bios_version /sys/class/dmi/id/bios_date /sys/class/dmi/id/bios_vendor \
  /sys/class/dmi/id/board_name /sys/class/dmi/id/board_vendor /sys/class/dmi/id/board_version /sys/class/dmi/id/chassis_vendor \
  /sys/firmware/devicetree/base/model /etc/ssh/ssh_host_rsa_key.pub /etc/ssh/ssh_host_ed25519_key.pub /etc/ssh/ssh_host_ecdsa_key.pub \
  /sys/fs/selinux/enforce /sys/module/apparmor/parameters/enabled /proc/self/status /run/systemd/container /proc/1/cgroup \
  /sys/hypervisor/type /proc/sys/crypto/fips_enabled /sys/block/*/size /sys/block/*/removable /sys/block/*/queue/rotational \
  /sys/block/*/queue/physical_block_size /sys/block/*/device/model /sys/block/*/device/vendor /sys/block/*/*/partition /sys/block/*/*/size \
  /sys/block/*/*/start /sys/class/net/*/address /sys/class/net/*/mtu /sys/class/net/*/flags /sys/class/net/*/type "$@" 2>/dev/null | tr '\000' '\n'
s() { printf '\n==> %s <==\n' "$1"; }
[ -e /proc/sys/kernel/arch ] || { s uname; uname -snrvm; }
s date; d=${answer(NOW, IT)}; [ -n "$d" ] || d=$(date ${`+${TIME_FORMAT}`}); printf '%s\n' "$d"
u=0; while read -r k v _; do if [ "$k" = Uid: ]; then u=$v; fi; done </proc/self/status
e=${user === 'root' ? answer(PASSWD, user) : sh``}; case $e in *:*:"$u":*) ;; *) e=$(getent passwd "$u") ;; esac; s passwd; printf '%s\n' "$e"
s fqdn; hostname -f
s addr; ip -o addr show
s df; df -B 1 --output=size,avail,itotal,iused,iavail,target -x tmpfs -x devtmpfs -x squashfs -x overlay
s commands; for c in apt-get dnf yum zypper apk pacman systemctl; do if command -v "$c" >/dev/null; then echo "$c"; fi; done
for f in /usr/bin/python3.*; do if [ "$f" -ef /usr/bin/python3 ]; then s python; echo "\${f##*/python}"; fi; done
for f in /usr/lib/systemd/libsystemd-shared-*.so /usr/lib/*/systemd/libsystemd-shared-*.so; do
  if [ -e "$f" ]; then s systemd; f=\${f##*-}; echo "\${f%.so}"; fi
done
if [ -e /proc/1/root/. ] && ! [ / -ef /proc/1/root/. ]; then s otherroot; fi
if [ -d ${fact_path} ]; then
  for f in ${fact_path}/*.fact; do
    [ -f "$f" ] || continue
    n=\${f##*/}
    s "local \${n%.fact}"
    if [ -x "$f" ]; then "$f" | base64 -w0; else base64 -w0 <"$f"; fi
  done
fi
} 2>/dev/null
:`,
  parse: (stdout) => facts(sections(stdout)),
  plan: () => [],
  data: (all, given) => ({ ansible_facts: chosen(all, given) }),
});

function facts(s: Sections): Vars {
  return {
    ...distribution(s),
    ...identity(s),
    ...hardware(s),
    ...mounts(s),
    devices: devices(s),
    ...network(s),
    ...virtualization(s),
    date_time: dateTime(s),
    local: localFacts(s),
  };
}

const SUBSETS: Readonly<Record<string, RegExp>> = {
  hardware: /^(processor|mem|swap|mounts|devices|uptime|bios|board|product|system_vendor|chassis|form)/,
  network: /^(default_ipv|all_ipv|interfaces|dns$)/,
  virtual: /^virtualization/,
  date_time: /^date_time$/,
  env: /^env$/,
  local: /^local$/,
};

function chosen(all: Vars, { gather_subset = ['all'], filter = [] }: Args): Vars {
  const off = new Set(gather_subset.filter((one) => one.startsWith('!')).map((one) => one.slice(1)));
  const on = new Set(gather_subset.filter((one) => !one.startsWith('!')));
  const everything = on.has('all') || (on.size === 0 && !off.has('all'));
  const interfaces = new Set(
    (all['interfaces'] as readonly string[] | undefined)?.map((name) => name.replace(/[-.:]/g, '_')),
  );
  const subsetOf = (key: string): string | undefined =>
    interfaces.has(key) ? 'network' : Object.keys(SUBSETS).find((name) => SUBSETS[name]?.test(key));
  const patterns = filter.map(globToRegex);
  const out: Record<string, Value> = {};
  for (const [key, value] of Object.entries(all)) {
    const subset = subsetOf(key);
    const isIn =
      subset === undefined ? !off.has('min') || everything : on.has(subset) || (everything && !off.has(subset));
    const isAsked = patterns.length === 0 || patterns.some((p) => p.test(`ansible_${key}`) || p.test(key));
    if (isIn && isAsked) out[key] = value;
  }
  return out;
}
