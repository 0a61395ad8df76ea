import { cut, heal, power } from '../../src/lab/lab.ts';
import { bringup, type Running } from '../lab/support/command.ts';
import type { Rack } from '../lab/support/rack.ts';

/** What is wrong after one fault. Empty if the hosts converged. */
export type Fault = Readonly<{ kind: string; host: string; afterMs: number; wrong: readonly string[] }>;
export const FAULT_HOSTS = ['f1', 'f2', 'f3'];
export const faultInventory = (net: string): string => `all:
  vars: {lab_name: x, lab_subnet: ${net}.0/24}
  hosts:
    f1: {ansible_host: ${net}.11, lab_image: debian-13}
    f2: {ansible_host: ${net}.12, lab_image: debian-12}
    f3: {ansible_host: ${net}.13, lab_image: debian-13}
`;

const quiet = { progress: () => {} };
const PLAYBOOK = 'test/faults/site.yml';
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Restores a host to its state before the playbook. */
const UNDO = `systemctl disable -q --now faults 2>/dev/null; rm -rf /etc/systemd/system/faults.service /etc/faults /opt/faults /root/handled
crontab -u shop -r 2>/dev/null; userdel shop 2>/dev/null; groupdel shop 2>/dev/null; groupdel ledger 2>/dev/null; rm -rf /srv/shop
DEBIAN_FRONTEND=noninteractive dpkg --configure -a >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge bzip2 patch cron >/dev/null 2>&1
systemctl daemon-reload; mkdir -p /srv/small; mountpoint -q /srv/small || mount -t tmpfs -o size=256k,mode=755 tmpfs /srv/small; mount -o remount,rw /srv/small; find /srv/small -mindepth 1 -delete; rm -rf /var/lib/bringup; :`;

/** Everything that the playbook manages, byte for byte, and everything that must not exist. */
const STATE = `{ find /etc/faults /opt/faults /srv/shop /srv/small /etc/systemd/system/faults.service /etc/systemd/system/multi-user.target.wants/faults.service -printf '%p %y %m %u %g %l\\n' 2>/dev/null | sort
find /etc/faults /opt/faults /srv/shop /srv/small /etc/systemd/system/faults.service -type f -exec sha256sum {} + 2>/dev/null | sort -k2
getent passwd shop | cut -d: -f1,5-; id -Gn shop; crontab -u shop -l; dpkg-query -W -f '\${Package} \${Status}\\n' bzip2 patch cron; dpkg --audit; systemctl is-active faults; } 2>&1`;
const STRAY = `find / -xdev \\( -name '.bringup-*' -o -name '*.dpkg-tmp' \\) 2>/dev/null; find /srv/small -name '.bringup-*'; ls -A /run/bringup 2>/dev/null; ls -A /var/lib/bringup 2>/dev/null; :`;
/** Shells of runs that still exist. */
const ALIVE = `for f in /run/bringup/[0-9]*; do p=\${f##*/}; [ ! -d "/proc/\${p%%-*}" ] || echo "$p"; done`;

type Kind = Readonly<{
  name: string;
  /** Causes the fault during a run. */
  strike: (given: Readonly<{ rack: Rack; run: Running; host: string }>) => Promise<void>;
  /** Every run must succeed despite the fault. */
  harmless?: true;
}>;

const signal = (name: NodeJS.Signals, times = 1): Kind => ({
  name: times > 1 ? `${name} twice` : name,
  async strike({ run }) {
    for (let n = 0; n < times; n++) {
      run.child.kill(name);
      await pause(150);
    }
  },
});
/** Runs a command on the host and ignores its result, because the command may cut the connection. */
const remote = (name: string, command: string, harmless?: true): Kind => ({
  name,
  strike: async ({ rack, host }) => {
    await rack.root(host, command).catch(() => '');
  },
  ...(harmless && { harmless }),
});
const wire = (seconds: number): Kind => ({
  name: `wire cut for ${seconds} s`,
  async strike({ rack, host }) {
    await cut(rack.name, [host], { from: undefined, direction: 'both' }, quiet);
    await pause(seconds * 1000);
    await heal(rack.name, [host], quiet);
  },
});
const LOCK = `perl -e 'use Fcntl qw(:DEFAULT :flock); sysopen(F,"/var/lib/dpkg/lock-frontend",O_RDWR|O_CREAT) or exit; fcntl(F,F_SETLKW,pack("s s l! l! i",F_WRLCK,0,0,0,0)); sleep 6'`;

export const KINDS: readonly Kind[] = [
  signal('SIGKILL'),
  signal('SIGINT'),
  signal('SIGINT', 2),
  signal('SIGTERM'),
  signal('SIGHUP'),
  {
    name: 'power cut',
    async strike({ rack, host }) {
      await power(rack.name, host, 'cut', quiet);
      await pause(500);
      await power(rack.name, host, 'on', quiet);
    },
  },
  remote('reboot', 'systemctl reboot'),
  wire(3),
  wire(15),
  remote('remote shells killed', `pkill -KILL -fx 'sh -s'`),
  remote('sshd sessions killed', `pkill -KILL -f 'sshd.*: ops'`),
  remote('sshd restarted', 'systemctl restart ssh', true),
  remote('dpkg locked', `setsid sh -c '${LOCK.replaceAll("'", `'\\''`)}' >/dev/null 2>&1 </dev/null & sleep 0.2`, true),
  remote('dpkg killed', 'pkill -KILL dpkg; pkill -KILL apt-get'),
  remote('a process killed', `pkill -KILL -n -P "$(pgrep -fx 'sh -s' | tail -1)"`),
  remote('disk full', 'head -c 1000000 /dev/zero >/srv/small/fill 2>/dev/null; sleep 4; rm -f /srv/small/fill'),
  remote('disk read-only', 'mount -o remount,ro /srv/small; sleep 4; mount -o remount,rw /srv/small'),
  {
    name: 'two controllers',
    harmless: true,
    async strike({ rack }) {
      const other = apply(rack);
      const code = await other.ended;
      if (code !== 0) throw new Error(`the other run ended with ${code}: ${other.said().slice(-1500)}`);
    },
  },
];

export const apply = (rack: Rack): Running => bringup(['apply', PLAYBOOK, '-i', rack.inventory]);

/** A generator of numbers from 0 to 1, deterministic for a seed (mulberry32). */
export function chances(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const all = async (rack: Rack, command: string): Promise<readonly string[]> =>
  Promise.all(FAULT_HOSTS.map((host) => patiently(() => rack.root(host, command))));

/** A host that reboots may refuse some connections. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 60; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
      await pause(1000);
    }
  }
}

/** The state of the hosts after an undisturbed run. */
export async function untouched(rack: Rack): Promise<Readonly<{ states: readonly string[]; ms: number }>> {
  await all(rack, UNDO);
  const began = Date.now();
  const run = apply(rack);
  if ((await run.ended) !== 0) throw new Error(`the playbook fails without a fault: ${run.said()}`);
  const ms = Date.now() - began;
  const stray = (await all(rack, STRAY)).join('').trim();
  if (stray !== '') throw new Error(`stray after a quiet run: ${stray}`);
  return { states: await all(rack, STATE), ms };
}

/**
 * Causes one fault at a random point of a run, then runs at most twice more. Returns every difference from the state
 * after an undisturbed run.
 */
export async function strike(
  rack: Rack,
  quietRun: Awaited<ReturnType<typeof untouched>>,
  kind: Kind,
  chance: () => number,
): Promise<Fault> {
  const host = FAULT_HOSTS[Math.floor(chance() * FAULT_HOSTS.length)] ?? 'f1';
  const afterMs = Math.round(chance() * quietRun.ms);
  const wrong: string[] = [];
  await all(rack, UNDO);
  const run = apply(rack);
  await pause(afterMs);
  await kind.strike({ rack, run, host }).catch((error: unknown) => wrong.push(String(error)));
  const code = await run.ended;
  const said = run.said();
  if (kind.harmless && code !== 0) wrong.push(`the run ended with ${code}: ${said.slice(-2000)}`);
  if (code === 0 && !/done: apply on 3 hosts/.test(said)) wrong.push('ended with 0 without a recap');
  if (/bringup has a bug/.test(said)) wrong.push(`a bug: ${said.slice(-2000)}`);
  if (code === 130 && kind.name !== 'SIGINT twice') {
    const alive = (await all(rack, ALIVE)).join('').trim();
    if (alive !== '' && !/no answer|could not be ended/.test(said)) wrong.push(`said to be ended, and alive: ${alive}`);
  }
  wrong.push(...(await recovered(rack, quietRun.states, said)));
  return { kind: kind.name, host, afterMs, wrong };
}

async function recovered(rack: Rack, states: readonly string[], before: string): Promise<readonly string[]> {
  const told: string[] = [before];
  for (const last of [false, true]) {
    const next = apply(rack);
    const code = await next.ended;
    told.push(next.said());
    if (code === 0) break;
    if (last) return [`not converged after two more runs:\n${told.map((text) => text.slice(-1500)).join('\n-----\n')}`];
  }
  const now = await all(rack, STATE);
  const wrong = now.flatMap((state, i) =>
    state === states[i] ? [] : [`${FAULT_HOSTS[i]} differs:\n${difference(states[i] ?? '', state)}`],
  );
  const again = apply(rack);
  if ((await again.ended) !== 0 || /^~ /m.test(again.said()))
    wrong.push(`a run more changes: ${again.said().slice(-800)}`);
  const handled = await all(rack, 'sort /root/handled | uniq -c | tr -s " \\n" " "');
  for (const [i, text] of handled.entries())
    if (text.trim() !== '1 reload 1 restart') wrong.push(`${FAULT_HOSTS[i]} ran its handlers: ${text.trim()}`);
  const stray = await all(rack, STRAY);
  for (const [i, text] of stray.entries())
    if (text.trim() !== '') wrong.push(`${FAULT_HOSTS[i]} has stray: ${text.trim()}`);
  return wrong.length === 0 ? [] : [...wrong, told.map((text) => text.slice(-1500)).join('\n-----\n')];
}

function difference(wanted: string, seen: string): string {
  const [a, b] = [wanted.split('\n'), seen.split('\n')];
  return [
    ...a.filter((l) => !b.includes(l)).map((l) => `- ${l}`),
    ...b.filter((l) => !a.includes(l)).map((l) => `+ ${l}`),
  ].join('\n');
}
