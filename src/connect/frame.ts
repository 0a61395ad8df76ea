import { type Group, inGroups, type Piece } from '../core/connection.ts';
import { quote, setLibraries } from '../core/sh.ts';
import { noting } from './claim.ts';
import { collect, outputFiles, userFolder } from './output-files.ts';
import { askOnce, forgetAnswers } from './questions.ts';

/** One program for a shell: its pieces, which of the first belong together, and who the shell runs as. */
export type Trip = Readonly<{
  pieces: readonly Piece[];
  /** Which of the first pieces belong together: a failure stops the rest of its group, and later tasks' groups. */
  groups?: readonly Group[];
  /** A piece for somebody else goes through su, its text on stdin (never argv). */
  shellUser: string;
  /** The shell has claimed the host for its run, or does so with `opening`: unless that sets `_go`, nothing else runs. */
  isClaimed?: boolean;
  opening?: string;
  /** The libraries that the shell has of earlier trips, by their variables. */
  has?: ReadonlySet<string>;
}>;

/**
 * Many scripts in one program for a `sh` that reads it from stdin, which is why their own stdin is /dev/null: a command
 * that read it would eat the rest.
 *
 * The answer on stdout is a series of records. Each begins with a line of `mark`, a random word that no script ever sees:
 *
 *     MARK PID                 the shell's process id; the first line
 *     MARK CODE I f            piece I ended with this exit code
 *     MARK CODE I q            the same of a probe: what it printed stands before the line
 *     MARK = I.o SIZE SENT     so many bytes follow: the output of piece I (I.e: its error output), of SIZE in all
 *     MARK . I.o               they were all: whoever still holds the file has not cut it short
 *     MARK end                 the last line, also on stderr
 *
 * Nobody can write into another piece's output: a piece writes into two files of its own, in a folder that only the shell's
 * user can enter, and never holds the shell's own streams. So a process that a task leaves behind has nothing to speak
 * through. Probes of ours, which leave no process behind, share one subshell and its pipe: of what a look at a converged host costs that host, the most
 * is forks.
 *
 * A script runs by `eval` in a subshell of its own: neither its exit, its `set -e` nor a syntax error in it reaches the next
 * one. What follows the groups runs unless all of them failed.
 */
export function encode(
  { pieces, groups = [], shellUser, isClaimed = false, opening, has = new Set() }: Trip,
  mark: string,
): string {
  const all: readonly Numbered[] = pieces.map((piece, i) => ({ ...piece, i }));
  const isOwn = ({ user }: Piece): boolean => (user ?? shellUser) === shellUser;
  const single = (p: Numbered): string => `${isOwn(p) ? alone(p) : asAnother(p, mark)}\n_end ${p.i}`;
  const step = (p: Numbered): string => `if [ $_ok = 1 ]; then\n${single(p)}; [ $_r = 0 ] || _ok=0; fi`;
  const changes = inGroups(all, groups).map((of, i) => {
    const { task } = groups[i] ?? { task: 0 };
    return `if [ $_bad -ge ${task} ]; then _ok=1
${of.map(step).join('\n')}
if [ $_ok = 1 ]; then _any=1; else _bad=${task}; fi; fi`;
  });
  const rest = all.slice(groups.reduce((sum, { size }) => sum + size, 0));
  // Nothing changes between the probes of a trip: what many of them ask is asked once, before the first of them.
  const scripts = rest.filter(isOwn).map((p) => p.script);
  const isPlain = (p: Numbered): boolean => p.isProbe === true && isOwn(p) && p.script.tame;
  const tame = rest.filter(isPlain);
  const looks = [...(tame.length > 0 ? [together(tame)] : []), ...rest.filter((p) => !isPlain(p)).map(single)];
  const stages = pieces.flatMap(({ script }) => script.stages);
  const own = pieces.filter(isOwn).map((p) => p.script);
  const hasFiles = tame.length < all.length;
  const body = `_any=${groups.length === 0 ? 1 : 0} _bad=${Math.max(0, ...groups.map(({ task }) => task))}
_end() { _r=$?; printf '\\n%s %d %s %s\\n' ${mark} $_r $1 "\${2-f}"; [ "\${2-}$_r" = q0 ] || printf '\\n%s %s\\n' ${mark} $1 >&2; }
${isClaimed ? `_state busy; ${noting(stages, shellUser === 'root')}` : ':'}
${
  hasFiles
    ? `${opening === undefined ? userFolder(shellUser === 'root') : ':'}
${outputFiles}`
    : ':'
}
${[setLibraries(own, has), forgetAnswers(scripts), ...changes].join('\n')}
if [ $_any = 1 ]; then :
${[askOnce(scripts, mark), ...looks].join('\n')}
fi
${hasFiles ? collect(mark) : ':'}
${isClaimed ? '_state idle' : ':'}`;
  return `${begin(mark)}${opening === undefined ? body : `${opening}\nif [ -n "$_go" ]; then\n${body}\nfi`}
${end(mark)}`;
}

/** The libraries that a shell has after it has run the trip. */
export function librariesOf({ pieces, shellUser }: Trip): readonly string[] {
  const own = pieces.filter(({ user }) => (user ?? shellUser) === shellUser);
  return own.flatMap(({ script }) => script.libraries).map(({ variable }) => variable);
}
type Numbered = Piece & Readonly<{ i: number }>;

/** How a program begins: the shell tells its pid. Who stands in for a shell knows by these two when all of one has come. */
export const begin = (mark: string): string => `printf '${mark} %d\\n' $$; `;
export const end = (mark: string): string => `printf '\\n%s end\\n' ${mark}; printf '\\n%s end\\n' ${mark} >&2\n`;

/** Where a piece's output and error output go: see output-files.ts. Appended: a script may open /dev/stderr anew. */
const toFiles = (i: number): string => `>>"$_p.${i}.o" 2>>"$_p.${i}.e"`;

function alone({ script, i }: Numbered): string {
  return `( set -u; eval ${quote(script.text)} ) </dev/null ${toFiles(i)}`;
}

function asAnother({ script, user = '', i }: Numbered, mark: string): string {
  const inner = quote('s=$(cat); set -u; eval "$s" </dev/null');
  return `su -s /bin/sh -c ${inner} -- ${quote(user)} ${toFiles(i)} <<'${mark}'\n${setLibraries([script])}${script.text}\n${mark}`;
}

/**
 * One that ends the subshell all the same takes those after it along; the last mark keeps its words from what follows.
 * What they print leaves the host in one go: of hundreds of small writes sshd makes as many packets. For the same reason
 * stderr is marked (`q`) only where one fails: what those before it said there may stand before its words.
 */
function together(pieces: readonly Numbered[]): string {
  const all = pieces.map(({ script, i }) => `{ ${script.text}\n}; _end ${i} q`).join('\n');
  return `_o=$( set -u\n${all}\n) </dev/null; _r=$?; printf '%s\\n' "$_o"; (exit $_r); _end -`;
}
