import { relative, resolve } from 'node:path';
import type { Play, Task } from '../core/playbook.ts';
import { type Script, sh } from '../core/sh.ts';
import { TemplateText } from '../core/value.ts';
import type { Probe } from './answers.ts';
import type { Run } from './ports.ts';

/**
 * Notified handlers wait on the host, in a file, from before the change that notifies them until they have run: neither a
 * failed play nor a lost laptop loses one. Each name of the inventory has a file of its own, since several may be one
 * machine. One line for each handler, its fields separated by tabs.
 */
export type Note = Readonly<{
  /** Playbook, play and handler, by names that survive edits of the file, another folder and another checkout. */
  key: string;
  /** The section of the play in which the handler was notified. */
  section: string;
  /** The task that notified it. */
  by: string;
}>;
/** Whose file holds a note: root's, or undefined for the login user's. */
export type Owner = 'root' | undefined;

const ROOTS = '/var/lib/bringup';
const LOGINS = sh`"$HOME/.local/state/bringup"`;
/** Between root's notes and the login user's. */
const BREAK = '\t';

/** The folder of notes ($d) and this host's file in it ($f). */
function placeOf(host: string, owner: Owner): Script {
  const name = fileName(host);
  if (owner === 'root') return sh`b=${ROOTS}; d=$b/handlers; f=$d/${name}`;
  return sh`if [ "$(id -u)" = 0 ]; then b=${ROOTS}; else b=${LOGINS}; fi; d=$b/handlers; f=$d/${name}`;
}

function fileName(host: string): string {
  return encodeURIComponent(host).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}

/** Prints the notes of a host. The login user can read root's notes, too; root does not look into a login user's home. */
export function pendingProbe(host: string, reader: Owner): Probe {
  const name = fileName(host);
  const roots = sh`f=${ROOTS}/handlers/${name}; [ ! -s "$f" ] || cat "$f"`;
  if (reader === 'root') return { script: roots, user: 'root', needs: [] };
  const own = sh`f=${LOGINS}/handlers/${name}; [ ! -s "$f" ] || { printf '%s\n' ${BREAK}; cat "$f"; }`;
  return { script: sh`${roots}; ${own}`, user: undefined, needs: [] };
}

/** What a pending probe printed. */
export function notesIn(stdout: string, reader: Owner): readonly Readonly<{ note: Note; owner: Owner }>[] {
  if (stdout === '') return [];
  let owner: Owner = 'root';
  return stdout.split('\n').flatMap((line) => {
    if (line === BREAK) owner = reader;
    const [file, play, handler, section = '', by = '', ...more] = line.split('\t');
    if (file === undefined || play === undefined || handler === undefined || more.length > 0 || line === BREAK)
      return [];
    return [{ note: { key: `${file}\t${play}\t${handler}`, section, by }, owner }];
  });
}

/** Keeps notes. A handler that waits already keeps its first note. */
export function rememberPending(host: string, notes: readonly Note[], owner: Owner): Script {
  const add = notes.map(
    ({
      key,
      section,
      by,
    }) => sh`keep ${key} ${`${key}\t${section}\t${by}`} || { mkdir -p "$d" && keep ${key} ${`${key}\t${section}\t${by}`}; }
`,
  );
  return sh`umask 022; ${placeOf(host, owner)}; [ -d "$d" ] || mkdir -p "$d"
keep() {
  if [ -e "$f" ]; then while IFS= read -r l; do case $l in "$1	"*) return 0 ;; esac; done <"$f"; fi
  printf '%s\n' "$2" >>"$f"
}
${add}`;
}

/** Removes the notes of these handlers; without keys all of the host. */
export function forgetPending(host: string, keys: readonly string[] | undefined, owner: Owner): Script {
  const tidy = sh`rm -f -- "$f"; rmdir "$d" "$b" 2>/dev/null || :`;
  if (keys === undefined) return sh`${placeOf(host, owner)}; [ -e "$f" ] || exit 0; ${tidy}`;
  return sh`umask 022; ${placeOf(host, owner)}; [ -e "$f" ] || exit 0
left=
while IFS= read -r l; do
  for k in ${keys}; do case $l in "$k	"*) continue 2 ;; esac; done
  left="$left$l
"
done <"$f"
if [ -n "$left" ]; then printf %s "$left" >"$f.new" && mv -- "$f.new" "$f"; else ${tidy}; fi`;
}

/** The play by its file in the project, and its name; plays of one name in a file are counted. */
export function playKey(run: Run, play: Play): string {
  const known = playKeys.get(play);
  if (known !== undefined) return known;
  const alike = run.playbook.plays.filter((p) => p.at.file === play.at.file && p.name === play.name);
  const nth = alike.indexOf(play);
  const key = `${projectFile(run, play.at.file)}\t${field(play.name)}${nth > 0 ? ` #${nth + 1}` : ''}`;
  playKeys.set(play, key);
  return key;
}
const playKeys = new WeakMap<Play, string>();

export function projectFile(run: Run, file: string): string {
  return field(relative(run.projectDir, resolve(file)));
}

/** A handler among all of its play: by its role and name; one without a name by what it listens to and its module. */
export function pendingKey(run: Run, play: Play, handler: Task, all: readonly Task[]): string {
  return `${playKey(run, play)}\t${handlerWord(handler, all)}`;
}

function handlerWord(handler: Task, all: readonly Task[]): string {
  if (handler.name !== undefined) return taskWord(handler);
  const word = (task: Task): string => `${roleOf(task)}(${field(task.listen.join(','))}) ${task.module}`;
  const nth = all.filter((one) => one.name === undefined && word(one) === word(handler)).indexOf(handler);
  return nth > 0 ? `${word(handler)} #${nth + 1}` : word(handler);
}

/** A task by its role and name, as written. */
export function taskWord(task: Task): string {
  const { name } = task;
  const own = name instanceof TemplateText ? name.text : typeof name === 'string' ? name : task.module;
  return `${roleOf(task)}${field(own)}`;
}

function roleOf({ role }: Task): string {
  return role === undefined ? '' : `${field(role.name)} : `;
}

/** A field of a line: no tab, line break or NUL can stand in it. */
function field(text: string): string {
  return text.replace(/[\x00-\x1f]+/g, ' ');
}
