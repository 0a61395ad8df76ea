import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
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
import { isSubset, ofSubsets, SUBSET_NAMES } from './shared/facts-subsets.ts';
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
  verify: ({ gather_subset = [] }) =>
    gather_subset.flatMap((name, i) => {
      const problem = `bad subset '${name}': there is no such collector of facts`;
      const expected = `${SUBSET_NAMES.join(', ')}; with ! before it, it is left out`;
      return isSubset(name) ? [] : [argError(['gather_subset', i], 'E_ARGUMENT_VALUE', { problem, expected })];
    }),
  examples: [
    { title: 'Gather all facts', args: {} },
    { title: 'Gather addresses only', args: { gather_subset: ['!all', 'network'], filter: ['ansible_default_ipv4'] } },
  ],
  needs: ({ fact_path = '/etc/ansible/facts.d' }) => [
    'live:*',
    'hostname:*',
    'path:/etc/os-release',
    'path:/etc/hostname',
    'path:/etc/hosts',
    `path:${fact_path}`,
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
s commands; for c in apt-get dnf yum zypper apk pacman systemctl; do if command -v "$c" >/dev/null; then echo "$c"; case $c in dnf) case $(readlink -f /usr/bin/dnf) in */dnf5) echo dnf5 ;; esac ;; esac; fi; done
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
  data: (all, given) => ({ ansible_facts: prefixed(chosen(all, given)) }),
});

/** As in Ansible, a fact's name has a prefix in the result, and none in the variable `ansible_facts`. */
function prefixed(facts: Vars): Vars {
  const all: Record<string, Value> = {};
  for (const name in facts) all[`ansible_${name}`] = facts[name] ?? null;
  return all;
}

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

function chosen(all: Vars, { gather_subset = ['all'], filter = [] }: Args): Vars {
  const facts = ofSubsets(all, gather_subset);
  const patterns = filter.map(globToRegex);
  if (patterns.length === 0) return facts;
  const isAsked = (key: string): boolean => patterns.some((p) => p.test(`ansible_${key}`) || p.test(key));
  return Object.fromEntries(Object.entries(facts).filter(([key]) => isAsked(key)));
}
