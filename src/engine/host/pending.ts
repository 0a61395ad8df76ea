import { relative, resolve } from 'node:path';
import type { Play, Task } from '../../core/playbook.ts';
import { type Script, sh } from '../../core/sh.ts';
import { TemplateText } from '../../core/value.ts';
import type { Probe } from './answers.ts';
import type { Run } from './ports.ts';

/**
 * Notified handlers wait in a file on the host, from before the change that notifies them until they have run. Neither
 * a failed play nor a controller that dies loses a handler. Each inventory name has a file of its own, because several
 * names may be one machine. A handler is one line, with fields separated by tabs.
 */
export type Note = Readonly<{
  /** Playbook, play and handler, by names that stay the same if the file is edited or the project moves. */
  key: string;
  /** The section of the play in which the handler was notified. */
  section: string;
  /** The task that notified the handler. */
  by: string;
}>;
/** Whose file holds a note: root's or, if undefined, the login user's. */
export type Owner = 'root' | undefined;

const ROOTS = '/var/lib/bringup';
const LOGINS = sh`"$HOME/.local/state/bringup"`;
/** Separates root's notes from the login user's. */
const BREAK = '\t';

/** Sets $d to the directory of notes and $f to this host's file in it. */
function placeOf(host: string, owner: Owner): Script {
  const name = fileName(host);
  if (owner === 'root') return sh`b=${ROOTS}; d=$b/handlers; f=$d/${name}`;
  return sh`if [ "$(id -u)" = 0 ]; then b=${ROOTS}; else b=${LOGINS}; fi; d=$b/handlers; f=$d/${name}`;
}

function fileName(host: string): string {
  return encodeURIComponent(host).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}

/**
 * Prints the notes of a host. The login user can read root's notes too. Root does not read the login user's home
 * directory.
 */
export function pendingProbe(host: string, reader: Owner): Probe {
  const name = fileName(host);
  const roots = sh`f=${ROOTS}/handlers/${name}; [ ! -s "$f" ] || cat "$f"`;
  if (reader === 'root') return { script: roots, user: 'root', needs: [] };
  const own = sh`f=${LOGINS}/handlers/${name}; [ ! -s "$f" ] || { printf '%s\n' ${BREAK}; cat "$f"; }`;
  return { script: sh`${roots}; ${own}`, user: undefined, needs: [] };
}

/** Parses the output of a pending probe. */
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

/** Adds notes. A handler that is already waiting keeps its first note. */
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

/** Removes the notes of these handlers, or all notes of the host if no keys are given. */
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

/** Identifies a play by its file in the project and its name. Plays of one name in a file are numbered. */
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

/**
 * Identifies a handler within its play by role and name. A handler without a name is identified by its topics and its
 * module.
 */
export function pendingKey(run: Run, play: Play, handler: Task, all: readonly Task[]): string {
  return `${playKey(run, play)}\t${handlerWord(handler, all)}`;
}

function handlerWord(handler: Task, all: readonly Task[]): string {
  if (handler.name !== undefined) return taskWord(handler);
  const word = (task: Task): string => `${roleOf(task)}(${field(task.listen.join(','))}) ${task.module}`;
  const nth = all.filter((one) => one.name === undefined && word(one) === word(handler)).indexOf(handler);
  return nth > 0 ? `${word(handler)} #${nth + 1}` : word(handler);
}

/** Identifies a task by its role and its name as written. */
export function taskWord(task: Task): string {
  const { name } = task;
  const own = name instanceof TemplateText ? name.text : typeof name === 'string' ? name : task.module;
  return `${roleOf(task)}${field(own)}`;
}

function roleOf({ role }: Task): string {
  return role === undefined ? '' : `${field(role.name)} : `;
}

/** A field of a line. It must not contain a tab, a line break or a NUL byte. */
function field(text: string): string {
  return text.replace(/[\x00-\x1f]+/g, ' ');
}
