/** What `bringup health` measures on a host. */
export type HealthProbe =
  | 'board'
  | 'temperature'
  | 'throttling'
  | 'disks'
  | 'filesystems'
  | 'memory'
  | 'network'
  | 'clock'
  | 'bmc';

/** `unmeasured`: nobody knows. It is never counted as good. */
export type Verdict = 'ok' | 'warning' | 'critical' | 'unmeasured';

/** What was found of one part of a machine: 'cpu-thermal', '48.2 °C'. */
export type Finding = Readonly<{ probe: HealthProbe; part: string; seen: string; verdict: Verdict; hint?: string }>;

/** The worst of several verdicts. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return (['critical', 'warning', 'ok'] as const).find((one) => verdicts.includes(one)) ?? 'unmeasured';
}
