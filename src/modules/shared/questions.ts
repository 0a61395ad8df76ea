// What the probes of many tasks ask alike: one process answers for all tasks of a trip (Question in core/sh.ts says how).
import { type Question, type Script, sh } from '../../core/sh.ts';

/** stat's format of `statOf`. */
export const STAT_FORMAT = '%f/%u/%g/%s/%Y/%X/%Z/%h/%i/%d/%U/%G';

/** By path: stat of what it leads to. */
export const STAT: Question = {
  name: 'stat',
  ask: (paths) => sh`stat -L -c ${`%n ${STAT_FORMAT}`} -- ${paths}`,
};

/** By path: a file's sha256. */
export const SUM: Question = {
  name: 'sum',
  ask: (paths) => sh`set --; for f in ${paths}; do if [ -f "$f" ]; then set -- "$@" "$f"; fi; done
[ $# = 0 ] || sha256sum -- "$@" | while read -r s f; do printf '%s %s\n' "$f" "$s"; done`,
};

/** By path: a file's content in base64, up to 8 MiB. */
export const CONTENT: Question = {
  name: 'content',
  ask: (paths) =>
    sh`for f in $(find -L ${paths} -maxdepth 0 -type f -size -8193k); do printf '%s ' "$f"; base64 -w0 <"$f"; echo; done`,
};

/** By name: the line of the passwd database. */
export const PASSWD: Question = { name: 'passwd', ask: (names) => getent('passwd', names) };
/** By name: the line of the group database. */
export const GROUP: Question = { name: 'group', ask: (names) => getent('group', names) };

function getent(database: string, names: readonly string[]): Script {
  return sh`getent ${database} ${names} | while IFS= read -r l; do printf '%s %s\n' "\${l%%:*}" "$l"; done`;
}

/** By name: the line of /etc/shadow; for root only. */
export const SHADOW: Question = {
  name: 'shadow',
  ask: (names) =>
    sh`sed -nE ${`s/^(${names.map((n) => n.replace(/[.+]/g, '\\$&')).join('|')}):.*/\\1 &/p`} /etc/shadow`,
};

/** By user: the names of his groups, his primary one first. */
export const GROUPS_OF: Question = {
  name: 'groups',
  ask: (names) => sh`groups -- ${names} | while IFS= read -r l; do printf '%s %s\n' "\${l%% : *}" "\${l#* : }"; done`,
};

/** By user: his crontab in base64. */
export const CRONTAB: Question = {
  name: 'crontab',
  ask: (users) => sh`for u in ${users}; do printf '%s ' "$u"; crontab -u "$u" -l | base64 -w0; echo; done`,
};

/** By file under /proc/sys: its first line. The shell's own read, byte by byte, gets no more than the first byte of these. */
export const KERNEL: Question = {
  name: 'kernel',
  ask: (paths) =>
    sh`grep -sHm1 '' -- ${paths} | while IFS= read -r l; do printf '%s %s\n' "\${l%%:*}" "\${l#*:}"; done`,
};

/** systemd's properties that `parseUnit` reads. */
export const UNIT_PROPERTIES =
  'Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,SourcePath,Description,MainPID,ExecMainStartTimestamp,NRestarts,Type,CanReload,Result';

/** By unit: its properties, parted by \x1f. All or none: they come in the order of the names, some under other names. */
export const UNIT: Question = {
  name: 'unit',
  ask: (units) =>
    sh`l=$(systemctl show ${`--property=${UNIT_PROPERTIES}`} -- ${units}); set --; set -f; IFS='
'
while [ -n "$l" ]; do b=\${l%%"$IFS$IFS"*}; set -- "$@" "$b"; l=\${l#"$b"}; l=\${l#"$IFS$IFS"}; done
[ $# = ${units.length} ] || set --
n=${units.join('\n')}
for b; do printf '%s' "\${n%%"$IFS"*} "; n=\${n#*"$IFS"}; printf '%s\037' $b; echo; done`,
};

/** By unit: the word of is-enabled. All or none, as UNIT. */
export const ENABLED: Question = {
  name: 'enabled',
  ask: (units) => sh`set -- ${units}; e=$(systemctl is-enabled -- "$@"); n=0; for l in $e; do n=$((n + 1)); done
if [ "$n" = $# ]; then for l in $e; do printf '%s %s\n' "$1" "$l"; shift; done; fi`,
};

/** dpkg-query's format of a package that `parseApt` reads. */
export const PACKAGE_FORMAT = 'is ${db:Status-Abbrev}/${binary:Package}/${Architecture}/${Version}\n';

/** By name: what dpkg knows of a package. Not of one that is there for several architectures. */
export const PACKAGE: Question = {
  name: 'package',
  ask: (names) =>
    sh`l=$(dpkg-query -W -f ${PACKAGE_FORMAT} -- ${names}); s=' '; set -f; IFS='
'
for l in $l; do n=\${l#*/}; n=\${n%%/*}; n=\${n%%:*}; case $s in *" $n "*) l= ;; esac; s="$s$n "; printf '%s %s\n' "$n" "$l"; done`,
};

/** A look that is the same for many tasks: taken once a trip, its lines parted by \x1f (which \`fields\` reads as line ends). */
export function once(name: string, look: Script): Question {
  return {
    name,
    ask: () => sh`l=$( { ${look}
} ); set -f; IFS='
'; set -- $l; IFS=$(printf '\037'); printf 'it %s\n' "$*"`,
  };
}
