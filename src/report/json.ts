import type { Event } from '../core/event.ts';
import type { Reporter } from './plain.ts';

/** Prints every event as one line of JSON on stdout (NDJSON), for programs. Nothing else goes to stdout. */
export function jsonReporter(out: (text: string) => void): Reporter {
  return { emit: (event: Event) => out(`${JSON.stringify(event)}\n`), end: async () => {} };
}
