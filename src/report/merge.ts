import type { Event, HostRecap, Mode } from '../core/event.ts';

type Done = Extract<Event, { type: 'done' }>;

/**
 * One recap of several runs, for example the shards of one run. `unfinished` lists the runs that did not report their
 * end.
 */
export type Merged = Readonly<{ done: Done; unfinished: readonly string[] }>;

/**
 * Combines the JSON outputs (`-o json`) of several runs. If two runs include the same host, its counts are added. The
 * time is that of the longest run. If a text is no such output, Wrong names its first bad line. @throws Wrong
 */
export function mergeReports(outputs: readonly Readonly<{ name: string; text: string }>[]): Merged {
  const hosts = new Map<string, HostRecap>();
  const unfinished: string[] = [];
  let mode: Mode | undefined;
  let ms = 0;
  let interrupted = false;
  for (const { name, text } of outputs) {
    const events = [...eventsIn(name, text)];
    const of = events.find((e) => e.type === 'run' || e.type === 'done')?.mode;
    if (mode !== undefined && of !== undefined && of !== mode)
      throw new Wrong(name, 1, `this is the output of '${of}', and the files before it are of '${mode}'`);
    mode ??= of;
    const done = events.findLast((e) => e.type === 'done');
    if (done === undefined) unfinished.push(name);
    for (const host of done?.hosts ?? []) hosts.set(host.host, added(hosts.get(host.host), host));
    ms = Math.max(ms, done?.ms ?? 0);
    interrupted ||= done?.interrupted ?? false;
  }
  return { done: { type: 'done', mode: mode ?? 'apply', hosts: [...hosts.values()], ms, interrupted }, unfinished };
}

/** A line that is not one of our events. */
export class Wrong extends Error {
  readonly file: string;
  readonly line: number;
  constructor(file: string, line: number, message: string) {
    super(message);
    this.file = file;
    this.line = line;
  }
}

function* eventsIn(name: string, text: string): Iterable<Extract<Event, { type: 'run' | 'done' }>> {
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const isLast = i === lines.length - 1; // a run that was killed may leave half a line
    const event = parsed(line);
    if (event === undefined && isLast) continue;
    if (event === undefined) throw new Wrong(name, i + 1, 'this line is not JSON');
    if (isRunOrDone(event)) yield event;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isRunOrDone(event: unknown): event is Extract<Event, { type: 'run' | 'done' }> {
  if (typeof event !== 'object' || event === null || !('type' in event) || !('hosts' in event)) return false;
  return (event.type === 'run' || event.type === 'done') && Array.isArray(event.hosts);
}

function added(one: HostRecap | undefined, two: HostRecap): HostRecap {
  if (one === undefined) return two;
  return {
    host: two.host,
    ok: one.ok + two.ok,
    changed: one.changed + two.changed,
    unknown: one.unknown + two.unknown,
    skipped: one.skipped + two.skipped,
    failed: one.failed + two.failed,
    rescued: one.rescued + two.rescued,
    ignored: one.ignored + two.ignored,
    unreachable: one.unreachable || two.unreachable,
    trips: one.trips + two.trips,
  };
}
