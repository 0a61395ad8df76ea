import { type Group, inGroups, type Piece } from '../core/connection.ts';
import { quote, type Script, setLibraries } from '../core/sh.ts';
import { noting } from './claim.ts';
import { collect, outputFiles, userFolder } from './output-files.ts';
import { askOnce, forgetAnswers } from './questions.ts';

/** One program for a shell: its pieces, their groups, and the user that the shell runs as. */
export type Trip = Readonly<{
  pieces: readonly Piece[];
  /** Groups of the first pieces. A failure skips the rest of its group and the groups of later tasks. */
  groups?: readonly Group[];
  /** A piece for another user goes through su, with its text on stdin (never in argv). */
  shellUser: string;
  /**
   * The shell has locked the host for its run, or does so with `opening`. Unless `opening` sets `_go`, nothing else
   * runs.
   */
  isClaimed?: boolean;
  opening?: string;
  /** The variables of the libraries that the shell already has from earlier round trips. */
  has?: ReadonlySet<string>;
}>;

/**
 * Joins many scripts to one program for a `sh` that reads it from stdin. The scripts' own stdin is /dev/null, because a
 * command that read stdin would consume the rest of the program.
 *
 * The answer on stdout is a series of records. Each begins with a line of `mark`, a random word that no script ever
 * sees:
 *
 *     MARK PID                 the shell's process id; the first line
 *     MARK CODE I f            piece I ended with this exit code
 *     MARK CODE I q            the same for a probe, whose output precedes the line
 *     MARK = I.o SIZE SENT     SENT bytes follow: the output of piece I (I.e: its error output), of SIZE in all
 *     MARK . I.o               all bytes were sent, so nobody has truncated the file meanwhile
 *     MARK end                 the last line, also on stderr
 *
 * No piece can write into the output of another one. Each piece writes to two files of its own, in a directory that
 * only the shell's user can enter, and never holds the shell's own streams. A background process of a task therefore
 * cannot forge output. Our own probes leave no background process, so they share one subshell and its pipe: forks are
 * the largest cost of probing a converged host.
 *
 * A script runs by `eval` in a subshell of its own, so its exit, its `set -e` or a syntax error in it does not affect
 * the next one. Pieces after the groups run unless all groups failed.
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
  // Nothing changes between the probes of a round trip, so shared questions are asked once, before the first probe.
  const scripts = rest.filter(isOwn).map((p) => p.script);
  const isPlain = (p: Numbered): boolean => p.isProbe === true && isOwn(p);
  const isTame = ({ script }: Numbered): boolean => script.tame;
  // Those that cannot end the subshell come first.
  const plain = [...rest.filter((p) => isPlain(p) && !isTame(p)), ...rest.filter((p) => isPlain(p) && isTame(p))];
  const looks = [...(plain.length > 0 ? [together(plain)] : []), ...rest.filter((p) => !isPlain(p)).map(single)];
  const stages = pieces.flatMap(({ script }) => script.stages);
  const own = pieces.filter(isOwn).map((p) => p.script);
  const hasFiles = plain.length < all.length;
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

/** The libraries that a shell has after it has run the round trip. */
export function librariesOf({ pieces, shellUser }: Trip): readonly string[] {
  const own = pieces.filter(({ user }) => (user ?? shellUser) === shellUser);
  return own.flatMap(({ script }) => script.libraries).map(({ variable }) => variable);
}
type Numbered = Piece & Readonly<{ i: number }>;

/**
 * The beginning and end of a program. The shell prints its pid first. A simulated shell recognises a complete program
 * by these two.
 */
export const begin = (mark: string): string => `printf '${mark} %d\\n' $$; `;
export const end = (mark: string): string => `printf '\\n%s end\\n' ${mark}; printf '\\n%s end\\n' ${mark} >&2\n`;

/**
 * Redirects a piece's output and error output to its files (see output-files.ts). It appends, because a script may open
 * /dev/stderr again.
 */
const toFiles = (i: number): string => `>>"$_p.${i}.o" 2>>"$_p.${i}.e"`;

function alone({ script, i }: Numbered): string {
  return `( set -u; eval ${quote(script.text)} ) </dev/null ${toFiles(i)}`;
}

function asAnother({ script, user = '', i }: Numbered, mark: string): string {
  const inner = quote('s=$(cat); set -u; eval "$s" </dev/null');
  return `su -s /bin/sh -c ${inner} -- ${quote(user)} ${toFiles(i)} <<'${mark}'\n${setLibraries([script])}${script.text}\n${mark}`;
}

/**
 * Runs probes in one subshell. A probe that is not tame gets a subshell inside of it. A tame probe that still ends the
 * subshell skips those after it, and the last mark separates its output from what follows. Their output leaves the host in one write, because sshd sends as many packets
 * as there are small writes. For the same reason, stderr gets a mark (`q`) only if a probe fails; error output of
 * earlier probes may then precede its own.
 */
function together(pieces: readonly Numbered[]): string {
  const all = pieces.map(({ script, i }) => `${inside(script)}; _end ${i} q`).join('\n');
  return `_o=$( set -u\n${all}\n) </dev/null; _r=$?; printf '%s\\n' "$_o"; (exit $_r); _end -`;
}

function inside({ tame, text }: Script): string {
  return tame ? `{ ${text}\n}` : `( eval ${quote(text)} )`;
}
