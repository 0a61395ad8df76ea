import { sh } from '../../core/sh.ts';
import { named, type Probe, valueWith } from './contract.ts';

/** Errors among so many packets are worth a look: 1 in 10 000. */
const ERROR_RATE = 1e-4;
/** Fewer errors than this happen when a cable is plugged in. */
const FEW_ERRORS = 100;

/** Interfaces of real devices that have a link. */
export const network: Probe = {
  name: 'network',
  summary: 'Speed, duplex and errors of network interfaces with a link.',
  inContainers: false,
  metrics: {
    nic_speed_mbps: 'Speed of the link.',
    nic_full_duplex: 'Whether the link sends and receives at the same time.',
    nic_packets_total: 'Packets in both directions since the machine booted.',
    nic_errors_total: 'Packets with errors in both directions since the machine booted.',
    nic_carrier_changes_total: 'How often the link came and went.',
  },
  script: sh`
seen=0
for i in "$R"/sys/class/net/*; do
  [ -e "$i/device" ] || continue
  read_ "$i/carrier" && [ "$REPLY" = 1 ] || continue
  nic=\${i##*/}
  sum=0
  for d in rx tx; do read_ "$i/statistics/\${d}_packets" && sum=$((sum + REPLY)); done
  put nic_packets_total $sum nic "$nic"
  sum=0
  for d in rx tx; do read_ "$i/statistics/\${d}_errors" && sum=$((sum + REPLY)); done
  put nic_errors_total $sum nic "$nic"
  # wireless and virtual interfaces have no speed
  read_ "$i/speed" && case $REPLY in -* | 0) ;; *) put nic_speed_mbps "$REPLY" nic "$nic" ;; esac
  read_ "$i/duplex" && case $REPLY in full) put nic_full_duplex 1 nic "$nic" ;; half) put nic_full_duplex 0 nic "$nic" ;; esac
  read_ "$i/carrier_changes" && put nic_carrier_changes_total "$REPLY" nic "$nic"
  seen=1
done
[ "$seen" = 1 ] || why "no interface of a device has a link"`,
  judge: (samples) =>
    named(samples, 'nic_errors_total').map(({ labels, value: errors }) => {
      const { nic = '' } = labels;
      const of = (name: string): number | undefined => valueWith(samples, name, 'nic', nic);
      const speed = of('nic_speed_mbps');
      const packets = of('nic_packets_total') ?? 0;
      const isHalf = of('nic_full_duplex') === 0;
      const isBad = errors > FEW_ERRORS && errors > packets * ERROR_RATE;
      const isSlow = speed !== undefined && speed < 100;
      const words = [
        speed === undefined ? 'link' : `${speed} Mbit/s`,
        ...(isHalf ? ['half duplex'] : []),
        `${errors} errors in ${packets} packets`,
      ];
      const verdict = isHalf || isBad || isSlow ? ('warning' as const) : ('ok' as const);
      const hint = 'replace the cable, then try another port of the switch';
      return { part: nic, seen: words.join(', '), verdict, ...(verdict === 'warning' && { hint }) };
    }),
};
