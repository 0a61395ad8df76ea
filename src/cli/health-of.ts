import type { Connection } from '../core/connection.ts';
import type { Finding } from '../core/health.ts';
import { findingsOf } from '../hardware/health/judge.ts';
import { healthScript, samplesIn } from '../hardware/health/script.ts';

/** Seconds for all probes: a BMC takes several, a disk that fails takes longer. */
const PATIENCE = 90;

/** The health of the machine behind a connection, in one round trip as root. It only reads. */
export async function healthOf(line: Connection, signal: AbortSignal): Promise<readonly Finding[]> {
  const [output] = await line.run([{ script: healthScript(), user: 'root' }], { signal, timeout: PATIENCE });
  return findingsOf(samplesIn(output?.stdout ?? ''));
}
