import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { HostRecap } from '../../src/core/event.ts';

/** In seconds. `cpu` is user and system time of the command and its children. */
export type Timed = Readonly<{ wall: number; cpu: number; stdout: string }>;

/**
 * Runs a program and measures it as bash's `time` does. Throws if it fails. NODE_EXTRA_CA_CERTS is removed from its
 * environment: Node reads those certificates when it starts (144 of them take 50 ms, twice its own start), and nothing
 * measured here uses TLS.
 */
export function timed(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Timed> {
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
  const script = `TIMEFORMAT='%R %U %S'; { time "$@" 2>&4 ; } 4>&2 2>&3; exit $?`;
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', script, 'bash', ...argv], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...inherited, ...env },
    });
    const seen = ['', '', '', ''];
    for (const [i, stream] of child.stdio.entries())
      stream?.on('data', (chunk: Buffer) => {
        seen[i] += chunk.toString();
      });
    child.on('error', reject);
    child.on('close', (code) => {
      const [, stdout = '', stderr = '', times = ''] = seen;
      if (code !== 0) return reject(new Error(`${argv.join(' ')}: exit code ${code}\n${stdout.slice(-2000)}${stderr}`));
      const [wall = 0, user = 0, system = 0] = times.trim().split(' ').map(Number);
      resolve({ wall, cpu: user + system, stdout });
    });
  });
}

/** The CPU time in seconds that lab hosts have used so far. */
export function hostCpu(lab: string, hosts: readonly string[]): number {
  const root = /\S+ (\S+) cgroup2 /.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1] ?? '/sys/fs/cgroup';
  return hosts.reduce((sum, host) => {
    const text = readFileSync(`${root}/bringup/${lab}/${host}/cpu.stat`, 'utf8');
    return sum + Number(/^usage_usec (\d+)/m.exec(text)?.[1] ?? 0) / 1e6;
  }, 0);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** How many hosts a run found in the wanted state, by its JSON output. */
export function asWanted(output: string): number {
  const done = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { hosts?: readonly HostRecap[] };
  return (done.hosts ?? []).filter((h) => !h.unreachable && h.failed + h.changed === 0).length;
}
