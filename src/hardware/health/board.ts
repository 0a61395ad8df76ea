import { sh } from '../../core/sh.ts';
import { named, type Probe } from './contract.ts';

/** What machine it is: from the device tree of ARM boards, or from the DMI tables of PCs and servers. */
export const board: Probe = {
  name: 'board',
  summary: 'Model, revision, serial number and firmware.',
  inContainers: false,
  metrics: { board_info: 'Model, revision, serial number and firmware of the machine, as labels.' },
  script: sh`
model= revision= serial= firmware=
d=$R/sys/firmware/devicetree/base
if text "$d/model"; then
  model=$REPLY
  text "$d/serial-number" && serial=$REPLY
  while IFS=: read -r key value; do
    case $key in Revision*) revision=\${value# } ;; esac
  done <"$R/proc/cpuinfo"
  if has vcgencmd; then firmware=$(vcgencmd bootloader_version 2>/dev/null | head -n 1); fi
  case $firmware in '' | *rror*) text "$d/chosen/bootloader/version" && firmware=$REPLY ;; esac
elif read_ "$R/sys/class/dmi/id/product_name"; then
  model=$REPLY
  read_ "$R/sys/class/dmi/id/sys_vendor" && model="$REPLY $model"
  read_ "$R/sys/class/dmi/id/product_version" && revision=$REPLY
  read_ "$R/sys/class/dmi/id/product_serial" && serial=$REPLY
  read_ "$R/sys/class/dmi/id/bios_version" && firmware=$REPLY
  read_ "$R/sys/class/dmi/id/bios_date" && firmware="$firmware $REPLY"
fi
for name in revision serial; do
  eval "one=\$$name"
  case $one in *O.E.M.* | *[Nn]ot\ [Ss]pecified* | *System\ [SV]er* | Default* | None | N/A) eval "$name=" ;; esac
done
if [ -n "$model" ]; then
  put board_info 1 model "$model" revision "$revision" serial "$serial" firmware "$firmware"
else why "neither a device tree nor DMI tables name the machine"; fi`,
  judge: (samples) =>
    named(samples, 'board_info').map(({ labels }) => {
      const more = ['revision', 'serial', 'firmware'].flatMap((key) => (labels[key] ? [`${key} ${labels[key]}`] : []));
      return { part: 'board', seen: [labels['model'], ...more].join(', '), verdict: 'ok' as const };
    }),
};
