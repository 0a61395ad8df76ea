// What `bringup doctor` asks of a host, in one round trip as root. Nothing is changed.
import { type Script, sh } from '../../core/sh.ts';
import { size } from '../../core/units.ts';
import { isInterrupted, lockHolder } from '../../modules/shared/apt-get.ts';
import { type Answer, bad, good } from './contract.ts';

/** Seconds by which a host's clock may differ. TLS and the database's lease bear a few. */
const CLOCK_OFF = 5;
const LEAST_FREE = 200 * 1024 ** 2;

/** Prints `KEY VALUE…` lines. It runs in dash and in busybox. */
export const HOST_SCRIPT: Script = sh`exec 2>/dev/null
PATH=$PATH:/usr/sbin:/sbin
echo "clock $(date +%s)"
for d in / /var /tmp /boot; do
  [ -d "$d" ] && df -Pk "$d" | awk -v d="$d" 'NR == 2 { print "free", d, $4, $6 }'
  [ -d "$d" ] && df -Pi "$d" | awk -v d="$d" 'NR == 2 && $2 + 0 > 0 { print "inodes", d, $4, $2 }'
done
awk '($2 == "/" || $2 == "/var" || $2 == "/tmp") && ("," $4 ",") ~ /,ro,/ { print "readonly", $2 }' /proc/mounts
if [ -d /var/lib/dpkg ]; then
  ${lockHolder()}
  if by=$(holder); then echo "lock $by"; fi
  if ${isInterrupted()}; then echo "dpkg interrupted"; fi
  host=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources | sed -n 's|^[^#]*https\{0,1\}://\([^/ :]*\).*|\1|p' | head -n 1)
  [ -z "$host" ] || if timeout 10 getent hosts "$host" >/dev/null; then echo "dns $host yes"; else echo "dns $host no"; fi
fi
grep -q '^nameserver' /etc/resolv.conf || echo "nameserver none"
echo end`;

/** Judges the output of HOST_SCRIPT. `now` is this machine's time in seconds when the answer came. Pure. */
export function judgeHost(output: string, now: number, host: string): readonly Answer[] {
  const rows = output.split('\n').map((line) => line.split(' '));
  const of = (key: string): readonly (readonly string[])[] =>
    rows.filter((row) => row[0] === key).map((row) => row.slice(1));
  return [
    clock(Number(of('clock')[0]?.[0]), now, host),
    disk(rows),
    packages(of('lock'), of('dpkg').length > 0),
    names(of('dns')[0], of('nameserver').length > 0),
  ];
}

function clock(seen: number, now: number, host: string): Answer {
  if (!Number.isFinite(seen)) return bad('clock', 'the host did not tell its time', 'run the command again');
  const off = Math.round(seen - now);
  if (Math.abs(off) <= CLOCK_OFF) return good('clock', `differs by ${off} s`);
  const words = `the clock is ${Math.abs(off)} s ${off > 0 ? 'ahead' : 'behind'}`;
  return bad('clock', words, `synchronise it: bringup run ${host} -b -m command -a 'timedatectl set-ntp true'`);
}

function disk(rows: readonly (readonly string[])[]): Answer {
  const seen = new Set<string>();
  const troubles = rows.flatMap(([key, path = '', count = '0', more = '']) => {
    if (key === 'readonly')
      return [
        {
          what: `${path} cannot be written`,
          hint: 'see bringup health: a disk that fails is mounted read-only',
          isFault: true,
        },
      ];
    if (key === 'inodes') {
      const isFull = Number(count) < Number(more) / 100;
      return isFull
        ? [
            {
              what: `${path} has ${count} inodes left`,
              hint: `find many small files: du --inodes -xd 3 ${path} | sort -n | tail`,
              isFault: true,
            },
          ]
        : [];
    }
    if (key !== 'free' || seen.has(more)) return [];
    seen.add(more); // several of the directories may be on one file system
    const free = Number(count) * 1024;
    const least = path === '/boot' ? LEAST_FREE / 4 : LEAST_FREE;
    return free >= least
      ? []
      : [
          {
            what: `${more} has ${size(free)} left`,
            hint: `see what is large: du -xh ${more} | sort -h | tail`,
            isFault: true,
          },
        ];
  });
  const root = rows.find((row) => row[0] === 'free' && row[1] === '/');
  return { topic: 'disk space', seen: `${size(Number(root?.[2] ?? 0) * 1024)} free`, troubles };
}

function packages(locks: readonly (readonly string[])[], isInterrupted: boolean): Answer {
  const [lock] = locks;
  if (lock !== undefined) {
    const hint = 'wait until it ends; bringup waits for it too, for lock_timeout seconds';
    return bad('packages', lock.join(' '), hint, false);
  }
  if (isInterrupted) return bad('packages', 'dpkg was interrupted', 'finish it: dpkg --configure -a');
  return good('packages', 'no lock');
}

function names(mirror: readonly string[] | undefined, hasNone: boolean): Answer {
  if (mirror?.[1] === 'no')
    return bad(
      'DNS',
      `the host cannot resolve ${mirror[0]}, where it gets packages from`,
      'check /etc/resolv.conf and the name server of the network',
    );
  if (mirror === undefined && hasNone)
    return bad('DNS', '/etc/resolv.conf names no server', 'name one in /etc/resolv.conf', false);
  return good('DNS', mirror === undefined ? 'a server is named' : `resolves ${mirror[0]}`);
}
