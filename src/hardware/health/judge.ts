import type { Finding } from '../../core/health.ts';
import type { Sample } from './contract.ts';
import { probes } from './index.ts';

/** What the samples of a host mean: at least one finding for each probe, in the order of the probes. */
export function findingsOf(samples: readonly Sample[]): readonly Finding[] {
  return probes.flatMap(({ name: probe, metrics, judge }): readonly Finding[] => {
    const own = judge(samples.filter(({ name }) => Object.hasOwn(metrics, name)));
    if (own.length > 0) return own.map((finding) => ({ probe, ...finding }));
    const why = samples.find(({ name, labels }) => name === 'measured' && labels['probe'] === probe)?.labels['why'];
    return [{ probe, part: probe, seen: `not measured: ${why ?? 'the host did not answer'}`, verdict: 'unmeasured' }];
  });
}
