import { sh } from '../../core/sh.ts';
import { named, type Probe, type Sample } from './contract.ts';

const HINTS: Readonly<Record<string, string>> = {
  'under-voltage': 'use a stronger power supply and a short, thick cable; disks on USB need power of their own',
  throttled: 'the machine runs slower than it could: cool it, and check its power supply',
  'frequency capped': 'the machine runs slower than it could: cool it, and check its power supply',
  'temperature limit': 'the machine is hot: check the fan, the heat sink and the air around it',
};

/**
 * Whether the machine slowed itself down. A Raspberry Pi says why, and keeps it until it is switched off; processors of
 * Intel count events.
 */
export const throttling: Probe = {
  name: 'throttling',
  summary: 'Under-voltage and throttling, now and since the machine was switched on.',
  inContainers: false,
  metrics: {
    throttled: 'Whether a Raspberry Pi has this trouble, now or since it was switched on (label when).',
    cpu_throttle_events_total: 'How often a processor slowed down because it was hot.',
  },
  script: sh`
bits=
if has vcgencmd; then
  bits=$(vcgencmd get_throttled 2>/dev/null)
  bits=\${bits#throttled=}
fi
case $bits in 0x*) ;; *)
  for f in "$R"/sys/devices/platform/soc/soc:firmware/get_throttled "$R"/sys/devices/platform/soc*/soc*:firmware/get_throttled; do
    read_ "$f" && bits=0x\${REPLY#0x} && break
  done ;;
esac
case $bits in
0x | 0x*[!0-9a-fA-F]*) bits= ;;
0x*)
  n=0
  for what in under-voltage "frequency capped" throttled "temperature limit"; do
    put throttled $(($bits >> n & 1)) what "$what" when now
    put throttled $(($bits >> (n + 16) & 1)) what "$what" when boot
    n=$((n + 1))
  done ;;
*) # kernels without vcgencmd know the voltage alone
  for c in "$R"/sys/class/hwmon/hwmon*; do
    read_ "$c/name" && [ "$REPLY" = rpi_volt ] && read_ "$c/in0_lcrit_alarm" || continue
    put throttled "$REPLY" what under-voltage when now
    bits=0x0
  done ;;
esac
events=
for f in "$R"/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count; do
  read_ "$f" || continue
  [ "$REPLY" -gt "\${events:--1}" ] && events=$REPLY
done
[ -z "$events" ] || put cpu_throttle_events_total "$events"
[ -n "$bits$events" ] || why "neither vcgencmd nor the kernel reports throttling"`,
  judge: (samples) => [...bitsOf(samples), ...eventsOf(samples)],
};

function bitsOf(samples: readonly Sample[]): ReturnType<Probe['judge']> {
  const all = named(samples, 'throttled');
  if (all.length === 0) return [];
  const found = all.flatMap(({ labels, value }) => {
    const { what = '', when } = labels;
    if (value === 0) return [];
    const isNow = when === 'now';
    const isAlready = !isNow && all.some((s) => s.labels['what'] === what && s.labels['when'] === 'now' && s.value > 0);
    if (isAlready) return [];
    const verdict = isNow && what === 'under-voltage' ? ('critical' as const) : ('warning' as const);
    const hint = HINTS[what];
    const seen = isNow ? 'now' : 'since it was switched on';
    return [{ part: what, seen, verdict, ...(hint !== undefined && { hint }) }];
  });
  return found.length > 0 ? found : [{ part: 'power and speed', seen: 'never slowed down', verdict: 'ok' }];
}

function eventsOf(samples: readonly Sample[]): ReturnType<Probe['judge']> {
  return named(samples, 'cpu_throttle_events_total').map(({ value }) => ({
    part: 'processor',
    seen: value === 0 ? 'never slowed down' : `slowed down ${value} times because it was hot`,
    verdict: value === 0 ? ('ok' as const) : ('warning' as const),
    ...(value > 0 && { hint: HINTS['temperature limit'] ?? '' }),
  }));
}
