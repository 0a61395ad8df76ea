import { type Verdict, worst } from '../../core/health.ts';
import { sh } from '../../core/sh.ts';
import { named, type Probe, type Sample } from './contract.ts';

/**
 * SMART of SATA, SAS and NVMe disks by smartctl, and the wear that eMMC chips report to the kernel. SD cards report
 * nothing. A sleeping disk is not woken up.
 */
export const disks: Probe = {
  name: 'disks',
  summary: 'SMART state, wear and bad sectors of disks; wear of eMMC.',
  inContainers: false,
  metrics: {
    disk_info: 'Model, serial number and firmware of a disk, as labels.',
    disk_failing: 'Whether the disk itself says that it fails: 1 yes, 0 no.',
    disk_critical_warning: 'Whether an NVMe disk warns: no spare blocks, too hot, unreliable or read-only.',
    disk_wear_percent: 'How much of the life of a disk is used; above 100 is possible.',
    disk_spare_percent: 'How many of its spare blocks an NVMe disk has left.',
    disk_reallocated_sectors: 'Sectors that the disk has replaced.',
    disk_pending_sectors: 'Sectors that the disk could not read.',
    disk_media_errors: 'Data that an NVMe disk could not read or write.',
    disk_celsius: 'Temperature of a disk.',
  },
  script: sh`
seen=0 lacks=
smart() {
  smartctl -n standby -i -H -A "/dev/$1" 2>/dev/null | awk -v d="$1" '
    function put(name, value, more) { if (value ~ /^[0-9.]+$/) printf "bringup_health_%s{disk=\"%s\"%s} %s\n", name, d, more, value }
    function after(line) { sub(/^[^:]*:[ \t]*/, "", line); sub(/[ \t]+$/, "", line); gsub(/[\\"]/, "", line); return line }
    /^(Device Model|Model Number|Product):/ { model = after($0) }
    /^Serial [Nn]umber:/ { serial = after($0) }
    /^(Firmware Version|Revision):/ { firmware = after($0) }
    /^SMART (overall-health|Health Status)/ { failing = /PASSED|: *OK/ ? 0 : 1 }
    /^Critical Warning:/ { put("disk_critical_warning", $3 ~ /^0x0+$/ ? 0 : 1) }
    /^Percentage used endurance indicator:/ { x = $NF; sub(/%/, "", x); put("disk_wear_percent", x) }
    /^Percentage Used:/ { x = $3; sub(/%/, "", x); put("disk_wear_percent", x) }
    /^Available Spare:/ { x = $3; sub(/%/, "", x); put("disk_spare_percent", x) }
    /^Media and Data Integrity Errors:/ { x = $NF; gsub(/,/, "", x); put("disk_media_errors", x) }
    /^Temperature:/ { put("disk_celsius", $2) }
    /^Current Drive Temperature:/ { put("disk_celsius", $4) }
    /^Elements in grown defect list:/ { put("disk_reallocated_sectors", $NF) }
    # ID NAME FLAGS VALUE WORST THRESH ... RAW: the brief format has 8 columns, the old one 10
    $1 ~ /^[0-9]+$/ && $4 ~ /^[0-9]+$/ && $5 ~ /^[0-9]+$/ {
      raw = $3 ~ /^0x/ ? $10 : $8
      if ($1 == 5) put("disk_reallocated_sectors", raw)
      if ($1 == 197) put("disk_pending_sectors", raw)
      if ($1 == 194 || ($1 == 190 && !hot)) { hot = 1; celsius = raw }
      # normalised values go from 100 (new) to 0
      if (wear == "" && ($2 == "Wear_Leveling_Count" || $2 == "Media_Wearout_Indicator" || $2 == "SSD_Life_Left" || $2 == "Percent_Lifetime_Remain") && $4 <= 100) wear = 100 - $4
    }
    END {
      if (celsius != "") put("disk_celsius", celsius)
      if (wear != "") put("disk_wear_percent", wear)
      if (failing == "") exit 1
      printf "bringup_health_disk_info{disk=\"%s\",model=\"%s\",serial=\"%s\",firmware=\"%s\"} 1\n", d, model, serial, firmware
      put("disk_failing", failing)
    }'
}
for b in "$R"/sys/block/*; do
  disk=\${b##*/}
  case $disk in
  mmcblk*boot* | mmcblk*rpmb) ;;
  mmcblk*)
    # 0x01 is up to 10 % used, 0x0b more than 100 %. There is a value for each of two kinds of memory.
    read_ "$b/device/life_time" || continue
    wear=0
    for one in $REPLY; do case $one in 0x[0-9a-fA-F]*) [ $((one)) -gt $wear ] && wear=$((one)) ;; esac; done
    [ $wear -gt 0 ] || continue
    name= serial= firmware=
    read_ "$b/device/name" && name=$REPLY
    read_ "$b/device/serial" && serial=$REPLY
    read_ "$b/device/fwrev" && firmware=$REPLY
    put disk_info 1 disk "$disk" model "eMMC $name" serial "$serial" firmware "$firmware"
    put disk_wear_percent $((wear * 10)) disk "$disk"
    if read_ "$b/device/pre_eol_info"; then case $REPLY in 0x03) put disk_failing 1 disk "$disk" ;; 0x0[12]) put disk_failing 0 disk "$disk" ;; esac; fi
    seen=1 ;;
  sd* | nvme* | hd*)
    if has smartctl; then smart "$disk" && seen=1; else lacks="smartctl is not installed: apt-get install smartmontools"; fi ;;
  esac
done
[ "$seen" = 1 ] || why "\${lacks:-no disk reports its health}"`,
  judge(samples) {
    const all = new Set(samples.flatMap(({ labels }) => labels['disk'] ?? []));
    return [...all].map((disk) =>
      judged(
        disk,
        samples.filter(({ labels }) => labels['disk'] === disk),
      ),
    );
  },
};

/** The name of a sample, its words, and from which values on it is a warning or critical. */
const ROWS: readonly Readonly<{ name: string; words: (n: number) => string; of: (n: number) => Verdict }>[] = [
  {
    name: 'disk_failing',
    words: (n) => (n > 0 ? 'says that it fails' : 'reports no fault'),
    of: (n) => (n > 0 ? 'critical' : 'ok'),
  },
  { name: 'disk_critical_warning', words: () => 'warns of its state', of: (n) => (n > 0 ? 'critical' : 'ok') },
  {
    name: 'disk_wear_percent',
    words: (n) => `${n} % worn`,
    of: (n) => (n >= 100 ? 'critical' : n >= 80 ? 'warning' : 'ok'),
  },
  {
    name: 'disk_spare_percent',
    words: (n) => `${n} % spare`,
    of: (n) => (n < 10 ? 'critical' : n < 20 ? 'warning' : 'ok'),
  },
  {
    name: 'disk_reallocated_sectors',
    words: (n) => `${n} sectors replaced`,
    of: (n) => (n >= 100 ? 'critical' : n > 0 ? 'warning' : 'ok'),
  },
  { name: 'disk_pending_sectors', words: (n) => `${n} sectors unreadable`, of: (n) => (n > 0 ? 'critical' : 'ok') },
  { name: 'disk_media_errors', words: (n) => `${n} media errors`, of: (n) => (n > 0 ? 'critical' : 'ok') },
  { name: 'disk_celsius', words: (n) => `${n} °C`, of: (n) => (n >= 70 ? 'warning' : 'ok') },
];

function judged(disk: string, samples: readonly Sample[]): ReturnType<Probe['judge']>[number] {
  const model = named(samples, 'disk_info')[0]?.labels['model'];
  const found = ROWS.flatMap(({ name, words, of }) =>
    named(samples, name)
      .slice(0, 1)
      .map(({ value }) => ({ words: words(value), verdict: of(value), isZero: value === 0, name })),
  );
  // Counters that are zero tell nothing.
  const shown = found.filter(({ isZero, name }) => !isZero || name === 'disk_failing' || name === 'disk_wear_percent');
  const verdict = worst(found.map((one) => one.verdict));
  const hint = 'back its data up, and replace the disk soon';
  const seen = [...(model ? [model] : []), ...shown.map((one) => one.words)].join(', ');
  return { part: disk, seen, verdict, ...(verdict === 'critical' || verdict === 'warning' ? { hint } : {}) };
}
