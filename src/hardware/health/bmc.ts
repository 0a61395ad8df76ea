import { sh } from '../../core/sh.ts';
import { named, type Probe } from './contract.ts';

/** Fans and power supplies: what the BMC of a server says by ipmitool, and fans that the kernel knows. */
export const bmc: Probe = {
  name: 'bmc',
  summary: 'Fans and power supplies, by the BMC of servers (ipmitool) and by the kernel.',
  inContainers: false,
  metrics: {
    fan_rpm: 'Speed of a fan.',
    bmc_sensor_ok: 'Whether the BMC says that a fan or a power supply works.',
  },
  script: sh`
seen=0
for c in "$R"/sys/class/hwmon/hwmon*; do
  chip=
  read_ "$c/name" && chip=$REPLY
  for i in "$c"/fan*_input; do
    read_ "$i" || continue
    value=$REPLY fan=\${i##*/}
    fan=\${fan%_input}
    read_ "\${i%input}label" && fan=$REPLY
    # a header without a fan reads 0, and so does a fan that is allowed to stand still
    [ "$value" = 0 ] && continue
    put fan_rpm "$value" fan "$chip $fan"
    seen=1
  done
done
lacks=
if [ -e "$R/dev/ipmi0" ] || [ -e "$R/dev/ipmi/0" ] || [ -e "$R/dev/ipmidev/0" ]; then
  if has ipmitool; then
    list=$({ ipmitool sdr type Fan; ipmitool sdr type "Power Supply"; } 2>/dev/null | awk -F '[ \t]*[|][ \t]*' '
      NF >= 5 && $3 != "ns" && $3 != "na" {
        name = $1; gsub(/[\\"]/, "", name)
        split($5, word, " ")
        if (word[2] == "RPM") printf "bringup_health_fan_rpm{fan=\"%s\"} %s\n", name, word[1]
        # an empty bay is no fault; AC that is lost has the state ok
        if ($5 ~ /[Aa]bsent/ || $5 == "") next
        bad = $3 != "ok" || $5 ~ /[Ff]ailure|lost|[Ff]ault|[Ll]ower Non|[Ll]ower Crit/
        printf "bringup_health_bmc_sensor_ok{sensor=\"%s\",says=\"%s\"} %d\n", name, $5, !bad
      }')
    [ -z "$list" ] || { printf '%s\n' "$list"; seen=1; }
  else lacks="ipmitool is not installed: apt-get install ipmitool"; fi
fi
[ "$seen" = 1 ] || why "\${lacks:-no BMC, and no fan that tells its speed}"`,
  judge(samples) {
    const sensors = named(samples, 'bmc_sensor_ok');
    const known = new Set(sensors.map(({ labels }) => labels['sensor']));
    return [
      ...sensors.map(({ labels, value }) => ({
        part: labels['sensor'] ?? '',
        seen: labels['says'] ?? '',
        verdict: value > 0 ? ('ok' as const) : ('critical' as const),
        ...(value === 0 && { hint: 'look at the machine: ipmitool sel list shows since when' }),
      })),
      ...named(samples, 'fan_rpm')
        .filter(({ labels }) => !known.has(labels['fan']))
        .map(({ labels, value }) => ({ part: labels['fan'] ?? '', seen: `${value} RPM`, verdict: 'ok' as const })),
    ];
  },
};
