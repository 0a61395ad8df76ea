import type { Finding, HealthProbe } from '../../core/health.ts';
import type { Script } from '../../core/sh.ts';

/** One measurement, in the form of Prometheus: its name without the prefix `bringup_health_`, its labels, its value. */
export type Sample = Readonly<{ name: string; labels: Readonly<Record<string, string>>; value: number }>;

/**
 * One kind of measurement. `script` runs on the host as root in a subshell, reads only, and prints its samples with the
 * functions of the library (library.ts). It prints nothing if there is nothing to measure. `why TEXT` says what is missing.
 * Paths of /proc and /sys begin with "$R", which is empty on hosts and a directory in tests.
 */
export type Probe = Readonly<{
  name: HealthProbe;
  /** What is measured, for docs. */
  summary: string;
  /** A container sees the files of the machine below it. Only probes with `true` run in one. */
  inContainers: boolean;
  /** Names of samples with their unit and meaning, for docs and Prometheus. */
  metrics: Readonly<Record<string, string>>;
  script: Script;
  /** Judges the samples of this probe. Pure. */
  judge: (samples: readonly Sample[]) => readonly Omit<Finding, 'probe'>[];
}>;

/** The samples with this name. */
export const named = (samples: readonly Sample[], name: string): readonly Sample[] =>
  samples.filter((one) => one.name === name);

/** The value of the sample with this name and label. */
export function valueWith(samples: readonly Sample[], name: string, label: string, value: string): number | undefined {
  return samples.find((one) => one.name === name && one.labels[label] === value)?.value;
}
