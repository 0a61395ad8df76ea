import { sh } from '../../core/sh.ts';
import { named, type Probe } from './contract.ts';

/** Errors that memory with ECC has corrected or noticed, and pages that the kernel no longer uses. */
export const memory: Probe = {
  name: 'memory',
  summary: 'Errors of memory with ECC (EDAC), and pages that the kernel gave up.',
  inContainers: false,
  metrics: {
    memory_errors_total: 'Errors of memory since the machine booted, corrected or uncorrected (label kind).',
    memory_corrupted_bytes: 'Memory that the kernel gave up because of errors.',
  },
  script: sh`
seen=0
for c in "$R"/sys/devices/system/edac/mc/mc[0-9]*; do
  read_ "$c/ce_count" || continue
  put memory_errors_total "$REPLY" controller "\${c##*/}" kind corrected
  read_ "$c/ue_count" && put memory_errors_total "$REPLY" controller "\${c##*/}" kind uncorrected
  seen=1
done
while read -r key kib _; do
  if [ "$key" = HardwareCorrupted: ]; then
    # 0 kB says nothing without ECC
    if [ "$seen" = 1 ] || [ "$kib" -gt 0 ]; then put memory_corrupted_bytes $((kib * 1024)); seen=1; fi
  fi
done <"$R/proc/meminfo"
[ "$seen" = 1 ] || why "the memory has no ECC, or its driver is not loaded"`,
  judge: (samples) => [
    ...named(samples, 'memory_errors_total').map(({ labels, value }) => {
      const { controller = '', kind } = labels;
      const verdict =
        value === 0 ? ('ok' as const) : kind === 'uncorrected' ? ('critical' as const) : ('warning' as const);
      const hint = 'test the memory with memtest86+, and replace the module';
      return { part: `${controller} ${kind}`, seen: `${value} errors`, verdict, ...(value > 0 && { hint }) };
    }),
    ...named(samples, 'memory_corrupted_bytes')
      .filter(({ value }) => value > 0)
      .map(({ value }) => ({
        part: 'pages',
        seen: `${value / 1024} KiB are not used because of errors`,
        verdict: 'critical' as const,
        hint: 'test the memory with memtest86+, and replace the module',
      })),
  ],
};
