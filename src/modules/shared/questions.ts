// Questions that the probes of many tasks share: one process answers for all tasks of a round trip (see Question in
// core/sh.ts).
import { answer, answerVariable, lines, type Question, type Script, sh, verbatim } from '../../core/sh.ts';
import { ancestors, dirname } from './paths.ts';

/** The format of stat that `statOf` parses. */
export const STAT_FORMAT = '%f/%u/%g/%s/%Y/%X/%Z/%h/%i/%d/%U/%G';

/** By path: the stat of the file that the path leads to. */
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

/**
 * By path: a file's content in base64, up to 8 MiB. A path that is long, or whose STAT was not asked before, gets no
 * answer.
 */
export const CONTENT: Question = {
  name: 'content',
  ask: (paths) => sh`for _f in ${paths.filter((path) => path.length < 100)}; do ${sizeOf(paths)}
if [ "\${_z:-8388609}" -le 8388608 ] && [ -f "$_f" ] && [ -r "$_f" ]; then set -- "$@" "$_f"; fi; done`,
  item: sh`$1`,
  areFiles: true,
};
/** Sets _z to the size of $_f, from STAT's answers. */
function sizeOf(paths: readonly string[]): Script {
  const cases = paths.map((path) => sh`${path}) _z=${answer(STAT, path)} ;;`);
  return sh`case $_f in ${cases} esac; _z=\${_z#*/*/*/}; _z=\${_z%%/*}`;
}

/**
 * By directory: `!` if only root and the acting user can change what the path leads to. This requires that no directory
 * on the way is a link or writable by anybody else, and that nobody else can create the missing ones.
 */
export const CHAIN: Question = {
  name: 'way',
  reads: (folder) => ancestors(folder).map((item) => ({ question: STAT, item })),
  setsAnswers: true,
  ask: (
    folders,
  ) => sh`_way() { case $2 in ${CLOSED}/0/*) ;; ${CLOSED}/*) [ -O "$1" ] || return 1 ;; '') [ ! -e "$1" ] || return 1 ;; *) return 1 ;; esac; [ ! -L "$1" ]; }
${nested('/', byParent(folders), new Set(folders))}
unset -f _way`,
};

/** These directories and all directories above them, grouped by their parent. */
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
/** stat's %f of a directory that is writable neither by its group nor by others. */
const CLOSED = verbatim('4?[02468ace][014589cd]');

/**
 * Tests a directory. If only root and the acting user can change it, answers for it and tests the directories below it
 * that are asked for.
 */
function nested(folder: string, parents: ReadonlyMap<string, readonly string[]>, asked: ReadonlySet<string>): Script {
  const within = parents.get(folder) ?? [];
  const closed = asked.has(folder) ? [sh`${answerVariable(CHAIN, folder)}=!`] : [];
  const then = [...closed, ...within.map((one) => nested(one, parents, asked))];
  return sh`if _way ${folder} ${answer(STAT, folder)}; then ${lines(then)}; fi`;
}

/** By name: the line of the passwd database. Parse it with `entry`. */
export const PASSWD: Question = database('passwd');
/** By name: the line of the group database. Parse it with `entry`. */
export const GROUP: Question = database('group');

/** getent's exit code 2 means that the database does not contain a key: getent(1). */
function database(name: 'passwd' | 'group'): Question {
  return { name, ask: (keys) => sh`getent ${name} ${keys}`, missing: 2, ...byFirstField() };
}

/**
 * Sets a variable to a name's entry in PASSWD or GROUP, or to nothing if the name does not exist. `isLocal`: only the
 * files in /etc count, no directory service.
 */
export function entry(variable: Script, of: Question, name: string, isLocal = false): Script {
  if (isLocal) return sh`${variable}=$(getent -s files ${of.name} ${name})`;
  return sh`${variable}=${answer(of, name)}; case $${variable} in '') ${variable}=$(getent ${of.name} ${name}) ;; -) ${variable}= ;; esac`;
}

/** By name: the line of /etc/shadow. Only root can ask this. */
export const SHADOW: Question = {
  name: 'shadow',
  ask: (names) => sh`sed -nE ${`/^(${names.map((n) => n.replace(/[.+]/g, '\\$&')).join('|')}):/p`} /etc/shadow`,
  ...byFirstField(),
};

/** For a database whose fields are separated by colons. The first field is the key. */
function byFirstField() {
  return { item: sh`\${1%%:*}`, answer: sh`$1` };
}

/** By user: the names of the user's groups, the primary one first. */
export const GROUPS_OF: Question = {
  name: 'groups',
  ask: (names) => sh`groups -- ${names}`,
  item: sh`\${1%% : *}`,
  answer: sh`\${1#* : }`,
};

/** By user: the user's crontab in base64. */
export const CRONTAB: Question = {
  name: 'crontab',
  ask: (users) => sh`for u in ${users}; do printf '%s ' "$u"; crontab -u "$u" -l | base64 -w0; echo; done`,
};

/** By file under /proc/sys: its first line. The shell's own `read` gets only the first byte of these files. */
export const KERNEL: Question = {
  name: 'kernel',
  ask: (paths) => sh`grep -sHm1 '' -- ${paths}`,
  item: sh`\${1%%:*}`,
  answer: sh`\${1#*:}`,
};

/** The properties of systemd that `parseUnit` reads. */
export const UNIT_PROPERTIES =
  'Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,SourcePath,Description,MainPID,ExecMainStartTimestamp,NRestarts,Type,CanReload,Result,ConditionResult';

/**
 * By unit: its properties, separated by \x1f. Either all units get an answer or none: the answers come in the order of
 * the names, and some units have other names.
 */
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

/** The format of dpkg-query that `parseApt` reads. */
export const PACKAGE_FORMAT = 'is ${db:Status-Abbrev}/${binary:Package}/${Architecture}/${Version}\n';

/** By name: what dpkg knows about a package. A package that is installed for several architectures gets no answer. */
export const PACKAGE: Question = {
  name: 'package',
  ask: (names) =>
    sh`l=$(dpkg-query -W -f ${PACKAGE_FORMAT} -- ${names}); s=' '; set -f; IFS='
'
for l in $l; do n=\${l#*/}; n=\${n%%/*}; n=\${n%%:*}; case $s in *" $n "*) l= ;; esac; s="$s$n "; printf '%s %s\n' "$n" "$l"; done`,
};

/** The only item of a question that is the same for many tasks. */
export const IT = 'it';

/** The host's time, as `date` prints it. The seventh word is seconds since 1970. */
export const NOW: Question = { name: 'now', ask: () => sh`date ${`+${IT} ${TIME_FORMAT}`}` };
export const TIME_FORMAT = '%Y %m %d %H %M %S %s %N %Z %z %A %w %W';
