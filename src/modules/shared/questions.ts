// What the probes of many tasks ask alike: one process answers for all tasks of a trip (Question in core/sh.ts says how).
import { answer, lines, type Question, type Script, sh, verbatim } from '../../core/sh.ts';
import { ancestors, dirname } from './paths.ts';

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
[ $# = 0 ] || sha256sum -- "$@"`,
  item: sh`\${1#*  }`,
  answer: sh`\${1%% *}`,
};

/** By path: a file's content in base64, up to 8 MiB. Whose STAT was not asked before, or whose path is long, is not answered. */
export const CONTENT: Question = {
  name: 'content',
  ask: (paths) => sh`for f in ${paths.filter((path) => path.length < 100)}; do ${sizeOf(paths)}
if [ "\${z:-8388609}" -le 8388608 ] && [ -f "$f" ] && [ -r "$f" ]; then printf '%s\n' "$f"; fi; done`,
  item: sh`$1`,
  areFiles: true,
};
/** Sets z to the size of $f, from STAT's answers. */
function sizeOf(paths: readonly string[]): Script {
  const cases = paths.map((path) => sh`${path}) z=${answer(STAT, path)} ;;`);
  return sh`case $f in ${cases} esac; z=\${z#*/*/*/}; z=\${z%%/*}`;
}

/**
 * By directory: `!` where only root and the acting user can change what the path leads to. No directory on the way is a
 * link or writable by anybody else; those that are missing can be made by nobody else.
 */
export const CHAIN: Question = {
  name: 'way',
  reads: (folder) => ancestors(folder).map((item) => ({ question: STAT, item })),
  ask: (
    folders,
  ) => sh`t() { case $2 in ${CLOSED}/0/*) ;; ${CLOSED}/*) [ -O "$1" ] || return 1 ;; '') [ ! -e "$1" ] || return 1 ;; *) return 1 ;; esac; [ ! -L "$1" ] && { [ -z "\${3-}" ] || echo "$1 !"; }; }
${nested('/', byParent(folders), new Set(folders))}`,
};

/** Directories and all above them, by the directory that they are in. */
function byParent(folders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const parents = new Map<string, string[]>();
  for (const folder of new Set(folders.flatMap(ancestors))) {
    if (folder === '/') continue;
    const parent = dirname(folder);
    const siblings = parents.get(parent);
    if (siblings === undefined) parents.set(parent, [folder]);
    else siblings.push(folder);
  }
  return parents;
}
/** stat's %f of a directory that neither its group nor others can write. */
const CLOSED = verbatim('4?[02468ace][014589cd]');

/** Tests a directory and, where only root and the acting user can change it, those below it that are asked about. */
function nested(folder: string, parents: ReadonlyMap<string, readonly string[]>, asked: ReadonlySet<string>): Script {
  const within = parents.get(folder) ?? [];
  const test = sh`t ${folder} ${answer(STAT, folder)} ${asked.has(folder) ? sh`y` : sh``}`;
  return within.length === 0
    ? test
    : sh`if ${test}; then ${lines(within.map((one) => nested(one, parents, asked)))}; fi`;
}

/** By name: the line of the passwd database. Read it with `entry`. */
export const PASSWD: Question = database('passwd');
/** By name: the line of the group database. Read it with `entry`. */
export const GROUP: Question = database('group');

/** getent's exit code 2 says that a key is not in the database: getent(1). */
function database(name: 'passwd' | 'group'): Question {
  return { name, ask: (keys) => sh`getent ${name} ${keys}`, missing: 2, ...byFirstField() };
}

/** Sets a variable to a name's entry in PASSWD or GROUP; to nothing where there is none. */
export function entry(variable: Script, of: Question, name: string): Script {
  return sh`${variable}=${answer(of, name)}; case $${variable} in '') ${variable}=$(getent ${of.name} ${name}) ;; -) ${variable}= ;; esac`;
}

/** By name: the line of /etc/shadow; for root only. */
export const SHADOW: Question = {
  name: 'shadow',
  ask: (names) => sh`sed -nE ${`/^(${names.map((n) => n.replace(/[.+]/g, '\\$&')).join('|')}):/p`} /etc/shadow`,
  ...byFirstField(),
};

/** A line of a database whose fields are parted by colons; the first is its key. */
function byFirstField() {
  return { item: sh`\${1%%:*}`, answer: sh`$1` };
}

/** By user: the names of his groups, his primary one first. */
export const GROUPS_OF: Question = {
  name: 'groups',
  ask: (names) => sh`groups -- ${names}`,
  item: sh`\${1%% : *}`,
  answer: sh`\${1#* : }`,
};

/** By user: his crontab in base64. */
export const CRONTAB: Question = {
  name: 'crontab',
  ask: (users) => sh`for u in ${users}; do printf '%s ' "$u"; crontab -u "$u" -l | base64 -w0; echo; done`,
};

/** By file under /proc/sys: its first line. The shell's own read, byte by byte, gets no more than the first byte of these. */
export const KERNEL: Question = {
  name: 'kernel',
  ask: (paths) => sh`grep -sHm1 '' -- ${paths}`,
  item: sh`\${1%%:*}`,
  answer: sh`\${1#*:}`,
};

/** systemd's properties that `parseUnit` reads. */
export const UNIT_PROPERTIES =
  'Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,SourcePath,Description,MainPID,ExecMainStartTimestamp,NRestarts,Type,CanReload,Result,ConditionResult';

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

/** The one item of a question that is the same for many tasks. */
export const IT = 'it';

/** The host's time, as `date` tells it; the seventh word is seconds since 1970. */
export const NOW: Question = { name: 'now', ask: () => sh`date ${`+${IT} ${TIME_FORMAT}`}` };
export const TIME_FORMAT = '%Y %m %d %H %M %S %s %N %Z %z %A %w %W';
