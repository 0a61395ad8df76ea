import { type Script, sh } from '../../core/sh.ts';
import type { Sample } from './contract.ts';
import { probes } from './index.ts';
import { LIBRARY } from './library.ts';

/**
 * Measures everything, and prints Prometheus' text format. After each probe comes the sample `measured` with its name:
 * 1, or 0 with the reason in the label `why`.
 */
export function healthScript(): Script {
  return sh`${LIBRARY}
inside=
read_ "$R/run/systemd/container" && inside=$REPLY
[ -e "$R/.dockerenv" ] && inside=docker
[ -e "$R/run/.containerenv" ] && inside=podman
# told NAME SAMPLES
told() {
  case $2 in
  *bringup_health_*) printf '%s\n' "$2" | grep -v '^!'; put measured 1 probe "$1" ;;
  '!'*) put measured 0 probe "$1" why "\${2#!}" ;;
  *) put measured 0 probe "$1" why "the probe printed nothing" ;;
  esac
}
${probes.map(one)}:
`;
}

const one = ({ name, inContainers, script }: (typeof probes)[number]): Script =>
  sh`${inContainers ? sh`` : sh`if [ -n "$inside" ]; then put measured 0 probe ${name} why "this is a container"; else `}told ${name} "$(
exec 2>/dev/null
${script}
)"${inContainers ? sh`` : sh`; fi`}
`;

/** The samples in what the script printed. Lines of other metrics and comments are left out. */
export function samplesIn(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line): readonly Sample[] => {
    const [, name, labels = '', value = ''] =
      /^bringup_health_(\w+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || Number.isNaN(Number(value))) return [];
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = '', text = '']) => [key, text.replace(/\\(.)/g, '$1')] as const,
    );
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/**
 * The program that hosts keep: without arguments it prints the samples. With two, it writes them to the first file, for
 * the textfile collector of the node exporter, and as facts in JSON to the second.
 */
export function hostProgram(): string {
  return `#!/bin/sh
# Written by \`npm run gen\` from src/hardware/health/: do not edit. It reads sensors, and changes nothing.
# bringup-health [METRICS FACTS]
set -u
measure() (
set +u
${healthScript().text})
samples=$(measure | awk '!had[substr($0, 1, length($0) - length($NF))]++')
if [ $# -lt 2 ]; then printf '%s\\n' "$samples"; exit; fi
put_file() { cat >"$1.new" && chmod 644 "$1.new" && mv "$1.new" "$1"; }
printf '%s\\n' "$samples" | put_file "$1"
printf '%s\\n' "$samples" | awk '
  BEGIN { printf "{\\"samples\\": [" }
  NF {
    name = $0; sub(/[ {].*/, "", name); sub(/^bringup_health_/, "", name)
    labels = match($0, /[{].*[}]/) ? "\\"" substr($0, RSTART + 1, RLENGTH - 2) : ""
    gsub(/="/, "\\":\\"", labels); gsub(/",/, "\\",\\"", labels)
    printf "%s{\\"name\\":\\"%s\\",\\"value\\":%s,\\"labels\\":{%s}}", (n++ ? ",\\n" : "\\n"), name, $NF, labels
  }
  END { print "\\n]}" }' | put_file "$2"
`;
}
