import { sh } from '../../core/sh.ts';
import { named, type Probe, valueWith } from './contract.ts';

/** Degrees below the limit of a sensor at which it is worth a look. */
const NEAR = 10;
/** A sensor that names no limit: boards and processors slow down at about 85 °C. */
const USUAL_LIMIT = 90;

/** Every sensor of the kernel: thermal zones, and hwmon chips (processors, disks, mainboards). */
export const temperature: Probe = {
  name: 'temperature',
  summary: 'Temperatures of processors, boards and disks, with their limits.',
  inContainers: false,
  metrics: {
    temperature_celsius: 'Temperature of a sensor.',
    temperature_limit_celsius: 'Temperature at which the sensor is critical, as the hardware says it.',
  },
  script: sh`
seen=0
for z in "$R"/sys/class/thermal/thermal_zone*; do
  read_ "$z/type" || continue
  sensor=$REPLY
  read_ "$z/temp" || continue
  milli "$REPLY"; [ -n "$REPLY" ] || continue
  put temperature_celsius "$REPLY" sensor "$sensor" chip "\${z##*/}"
  seen=1
  for t in "$z"/trip_point_*_type; do
    read_ "$t" && [ "$REPLY" = critical ] || continue
    read_ "\${t%type}temp" && milli "$REPLY" && put temperature_limit_celsius "$REPLY" sensor "$sensor" chip "\${z##*/}"
  done
done
for c in "$R"/sys/class/hwmon/hwmon*; do
  read_ "$c/name" || continue
  chip=$REPLY
  # A thermal zone is a chip as well: its sensor was read above.
  [ -e "$c/device/type" ] && [ -e "$c/device/temp" ] && continue
  for i in "$c"/temp*_input; do
    read_ "$i" || continue
    milli "$REPLY"; [ -n "$REPLY" ] || continue
    value=$REPLY sensor=\${i##*/}
    sensor=\${sensor%_input}
    read_ "\${i%input}label" && sensor=$REPLY
    put temperature_celsius "$value" sensor "$sensor" chip "$chip \${c##*/}"
    seen=1
    read_ "\${i%input}crit" && milli "$REPLY" && put temperature_limit_celsius "$REPLY" sensor "$sensor" chip "$chip \${c##*/}"
  done
done
[ "$seen" = 1 ] || why "the kernel knows no temperature sensor"`,
  judge: (samples) =>
    named(samples, 'temperature_celsius').map(({ labels, value }) => {
      const { sensor = '', chip = '' } = labels;
      const same = samples.filter((one) => one.labels['chip'] === chip);
      const told = valueWith(same, 'temperature_limit_celsius', 'sensor', sensor);
      // Some drivers say 0 or 65261 °C.
      const limit = told !== undefined && told > 40 && told < 150 ? told : USUAL_LIMIT;
      const verdict = value >= limit ? 'critical' : value >= limit - NEAR ? 'warning' : 'ok';
      const hint = { hint: 'check the fan, the heat sink and the air around the machine' };
      return {
        part: `${chip.startsWith('thermal_zone') ? '' : `${chip.split(' ')[0]} `}${sensor}`,
        seen: `${value.toFixed(1)} °C${limit === told ? ` of ${limit} °C` : ''}`,
        verdict,
        ...(verdict !== 'ok' && hint),
      };
    }),
};
