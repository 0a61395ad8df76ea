// Formats durations and sizes with their units.

/** 850 ms, 12.3 s, 3m 05s. `digits` is the number of decimals, for figures that are compared with a limit. */
export function duration(ms: number, digits = 1): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 60_000 - 0.5 * 10 ** (3 - digits)) return `${(ms / 1000).toFixed(digits)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
}

/** 512 B, 1.5 MiB. */
export function size(bytes: number): string {
  const at = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** at;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[at]}`;
}
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
