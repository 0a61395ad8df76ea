import { sh } from '../../core/sh.ts';
import { named, type Probe, type Sample } from './contract.ts';

/** Seconds by which a clock on a battery may be wrong. */
const RTC_OFF = 60;
/** A CR2032 with 3 V is full, and a clock stops at about 2.5 V. */
const LOW_BATTERY = 2.5;

/** Whether the time comes from the network, and the clock that runs while the machine has no power. */
export const clock: Probe = {
  name: 'clock',
  summary: 'Whether the clock is synchronised, and the battery clock (RTC) with its battery.',
  inContainers: true,
  metrics: {
    clock_synchronized: 'Whether the clock follows a time server.',
    rtc_offset_seconds: 'Battery clock minus system clock.',
    rtc_battery_volts: 'Voltage of the battery of the clock.',
  },
  script: sh`
seen=0
if has timedatectl; then
  case $(timedatectl show -p NTPSynchronized --value 2>/dev/null) in
  yes) put clock_synchronized 1; seen=1 ;;
  no) put clock_synchronized 0; seen=1 ;;
  esac
fi
if [ "$seen" = 0 ] && has chronyc; then
  # the machine that prints a reference follows it
  case $(chronyc -n tracking 2>/dev/null) in *Leap*Normal*) put clock_synchronized 1; seen=1 ;; *Leap*) put clock_synchronized 0; seen=1 ;; esac
fi
if [ -z "$inside" ]; then
  for c in "$R"/sys/class/rtc/rtc*; do
    read_ "$c/since_epoch" || continue
    name=\${c##*/}
    put rtc_offset_seconds $((REPLY - $(date +%s))) rtc "$name"
    # in microvolts, on a Raspberry Pi 5
    read_ "$c/battery_voltage" && { milli $((REPLY / 1000)); put rtc_battery_volts "$REPLY" rtc "$name"; }
    seen=1
  done
fi
[ "$seen" = 1 ] || why "the host has no time service that tells whether it is synchronised, and no RTC"`,
  judge: (samples) => [...synchronized(samples), ...batteryClock(samples)],
};

function synchronized(samples: readonly Sample[]): ReturnType<Probe['judge']> {
  return named(samples, 'clock_synchronized').map(({ value }) => ({
    part: 'system clock',
    seen: value > 0 ? 'synchronised' : 'not synchronised',
    verdict: value > 0 ? ('ok' as const) : ('warning' as const),
    ...(value === 0 && { hint: 'install a time service: apt-get install systemd-timesyncd; see timedatectl' }),
  }));
}

function batteryClock(samples: readonly Sample[]): ReturnType<Probe['judge']> {
  const isTrue = named(samples, 'clock_synchronized').some(({ value }) => value > 0);
  return named(samples, 'rtc_offset_seconds').map(({ labels, value }) => {
    const { rtc = '' } = labels;
    const volts = named(samples, 'rtc_battery_volts').find((one) => one.labels['rtc'] === rtc)?.value;
    // 0 V: no battery is connected, which is how most boards are sold
    const isEmpty = volts !== undefined && volts > 0 && volts < LOW_BATTERY;
    const isOff = isTrue && Math.abs(value) > RTC_OFF;
    const words = [
      `${value > 0 ? '+' : ''}${value} s`,
      ...(volts === undefined ? [] : [volts < 0.1 ? 'no battery' : `battery ${volts.toFixed(2)} V`]),
    ];
    const hint = 'set it: hwclock --systohc; replace its battery if it is wrong again after a power cut';
    const verdict = isEmpty || isOff ? ('warning' as const) : ('ok' as const);
    return { part: rtc, seen: words.join(', '), verdict, ...(verdict === 'warning' && { hint }) };
  });
}
