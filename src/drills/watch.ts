import type { Watch } from '../core/drill-args.ts';
import { type Script, sh } from '../core/sh.ts';

/** What a host printed at one moment between `from` and `to`, in ms since the epoch by this machine's clock. */
export type Sample = Readonly<{ from: number; to: number; text: string }>;
export type Recording = Readonly<{ host: string; samples: readonly Sample[] }>;

const FOLDER = '/var/lib/bringup/watch';
const unitOf = (id: string): string => `bringup-watch-${id}`;

/**
 * Starts a recorder on a host. It is an enabled systemd unit, so that it continues when the network link is cut and
 * after a power loss. It ends by itself at `end` (seconds since the epoch by the host's clock) and then removes itself.
 * Prints the host's clock.
 */
export function recorder(watch: Watch, id: string, seconds: number): Script {
  const unit = unitOf(id);
  const loop = `cd ${FOLDER} || exit 1
end=$(cat ${id}.end)
while [ "$(date +%s)" -lt "$end" ]; do
  a=$(date +%s%3N)
  out=$(timeout 3 sh ./${id}.cmd 2>&1 </dev/null | head -n 1)
  printf '%s %s %s\\n' "$a" "$(date +%s%3N)" "$out" >> ${id}.log
  sleep ${(watch.every / 1000).toFixed(3)}
done
systemctl disable -q ${unit}
rm -f /etc/systemd/system/${unit}.service
`;
  const service = `[Unit]
Description=bringup drill: ${watch.name}
[Service]
ExecStart=/bin/sh ${FOLDER}/${id}.sh
[Install]
WantedBy=multi-user.target
`;
  return sh`set -e
mkdir -p ${FOLDER}
cd ${FOLDER}
printf %s ${watch.command} > ${`${id}.cmd`}
printf %s ${loop} > ${`${id}.sh`}
echo $(( $(date +%s) + ${Math.ceil(seconds)} )) > ${`${id}.end`}
: > ${`${id}.log`}
printf %s ${service} > ${`/etc/systemd/system/${unit}.service`}
systemctl daemon-reload
systemctl enable -q --now ${unit}
date +%s%3N`;
}

/** Ends the recorder, prints what it recorded and removes all of it. */
export function collector(id: string): Script {
  const unit = unitOf(id);
  return sh`systemctl disable -q --now ${unit} 2>/dev/null
rm -f ${`/etc/systemd/system/${unit}.service`}
systemctl daemon-reload
cd ${FOLDER} && cat ${`${id}.log`} && rm -f ${`${id}.log`} ${`${id}.sh`} ${`${id}.cmd`} ${`${id}.end`}`;
}

/** @param offset how far the host's clock is ahead of ours, in ms */
export function samplesOf(text: string, offset: number): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, from, to, said = ''] = /^(\d+) (\d+) ?(.*)$/.exec(line) ?? [];
    return from === undefined ? [] : [{ from: Number(from) - offset, to: Number(to) - offset, text: said }];
  });
}

type Span = Readonly<{ host: string; from: number; to: number }>;

/**
 * The spans in which a host certainly printed a match: from one matching sample to the next. A sample belongs to some
 * moment in [from, to], so a span counts from the end of its first sample to the start of its last. A pause of more
 * than a few samples (the host was off) ends a span.
 */
export function spansOf({ host, samples }: Recording, pattern: RegExp, every: number): readonly Span[] {
  const spans: Span[] = [];
  let run: { first: Sample; last: Sample } | undefined;
  const end = (): void => {
    if (run !== undefined && run.last.from > run.first.to) spans.push({ host, from: run.first.to, to: run.last.from });
    run = undefined;
  };
  for (const sample of samples) {
    const isPause = run !== undefined && sample.from - run.last.to > every * 4 + 1000;
    if (isPause || !pattern.test(sample.text)) end();
    if (pattern.test(sample.text)) run = { first: run?.first ?? sample, last: sample };
  }
  end();
  return spans;
}

export type Crowd = Readonly<{ hosts: readonly string[]; from: number; ms: number }>;

/** The longest time in which more than `most` hosts certainly matched at once. undefined if that never happened. */
export function crowdOf(spans: readonly Span[], most: number): Crowd | undefined {
  let worst: Crowd | undefined;
  for (const moment of spans.map((s) => s.from)) {
    const current = spans.filter((s) => s.from <= moment && moment < s.to);
    const hosts = [...new Set(current.map((s) => s.host))];
    if (hosts.length <= most) continue;
    // It ends when only `most` hosts remain.
    const ends = hosts
      .map((h) => Math.max(...current.filter((s) => s.host === h).map((s) => s.to)))
      .sort((a, b) => b - a);
    const ms = (ends[most] ?? moment) - moment;
    if (worst === undefined || ms > worst.ms) worst = { hosts: hosts.sort(), from: moment, ms };
  }
  return worst;
}

/** The longest time in which no sample of any host matched. */
export function absence(
  records: readonly Recording[],
  pattern: RegExp,
  from: number,
  to: number,
): Readonly<{ ms: number; from: number }> {
  const seen = records
    .flatMap((r) => r.samples.filter((s) => pattern.test(s.text)).map((s) => s.to))
    .filter((t) => t >= from && t <= to)
    .sort((a, b) => a - b);
  let longest = { ms: 0, from };
  let last = from;
  for (const time of [...seen, to]) {
    if (time - last > longest.ms) longest = { ms: time - last, from: last };
    last = time;
  }
  return longest;
}
