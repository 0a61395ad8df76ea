import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { HostRecap } from '../../src/core/event.ts';

/** Seconds. `cpu` is that of the command and its children, user and system. */
export type Timed = Readonly<{ wall: number; cpu: number; stdout: string }>;

/**
 * Runs a program and times it as bash's `time` does; throws when it fails. NODE_EXTRA_CA_CERTS is kept from it: Node reads those
 * certificates at its start (144 of them: 50 ms, twice its own start), and nothing measured here speaks TLS.
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

/** Seconds of CPU that lab hosts have used so far. */
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

/** How many hosts a run found as they should be, by its JSON output. */
export function asWanted(output: string): number {
  const done = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { hosts?: readonly HostRecap[] };
  return (done.hosts ?? []).filter((h) => !h.unreachable && h.failed + h.changed === 0).length;
}
