import { type Group, inGroups, type Piece } from '../core/connection.ts';
import type { Output } from '../core/module.ts';
import { quote } from '../core/sh.ts';
import { askOnce, filesIn, forgetAnswers, withFiles } from './questions.ts';

/**
 * Many scripts in one program for a `sh` that reads it from stdin, which is why their own stdin is /dev/null: a command
 * that read it would eat the rest. `mark`, a random word, and the piece's number end each piece's part of both streams.
 *
 * A script runs by `eval` in a subshell of its own: neither its exit, its `set -e` nor a syntax error in it reaches the next
 * one. Probes of ours that do nothing of the kind share one subshell: of what a look at a converged host costs that host,
 * the most is forks.
 *
 * @param groups which of the first pieces belong together: a failure stops the rest of its group, and later tasks' groups.
 * What follows the groups runs unless all of them failed
 * @param shellUser who the shell runs as; a piece for somebody else goes through su, its text on stdin (never argv)
 */
export function encode(pieces: readonly Piece[], mark: string, shellUser: string, groups: readonly Group[]): string {
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
  return `${begin(mark)}_any=${groups.length === 0 ? 1 : 0} _bad=${Math.max(0, ...groups.map(({ task }) => task))}
_end() { _r=$?; printf '\\n%s %d %s\\n' ${mark} $_r $1; [ "\${2-}$_r" = q0 ] || printf '\\n%s %s\\n' ${mark} $1 >&2; }
${[forgetAnswers(scripts), ...changes].join('\n')}
if [ $_any = 1 ]; then :
${[askOnce(scripts, mark), ...looks].join('\n')}
fi
${end(mark)}`;
}
type Numbered = Piece & Readonly<{ i: number }>;

/** How a program begins: the shell tells its pid. Who stands in for a shell knows by these two when all of one has come. */
export const begin = (mark: string): string => `printf '${mark} %d\\n' $$; `;
export const end = (mark: string): string => `printf '\\n%s end\\n' ${mark}; printf '\\n%s end\\n' ${mark} >&2\n`;

function alone({ script }: Piece): string {
  return `( set -u; eval ${quote(script.text)} ) </dev/null`;
}

function asAnother({ script, user = '' }: Piece, mark: string): string {
  return `su -s /bin/sh ${quote(user)} -c 's=$(cat); set -u; eval "$s" </dev/null' <<'${mark}'\n${script.text}\n${mark}`;
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

/** Takes the two streams of one trip, in chunks, until both hold the trip's end. */
export type Decoder = Readonly<{
  stdout: (chunk: Buffer) => void;
  stderr: (chunk: Buffer) => void;
  isDone: () => boolean;
  /** The shell's process id, once it has answered: for stopping what runs in it. */
  pid: () => number | undefined;
  outputs: () => readonly Output[];
  /** What came on stderr so far, for the message when a shell dies before the trip's end. */
  trouble: () => string;
}>;

export function decoder(mark: string): Decoder {
  const out = stream(`\n${mark} end\n`);
  const err = stream(`\n${mark} end\n`);
  return {
    stdout: out.push,
    stderr: err.push,
    isDone: () => out.isDone() && err.isDone(),
    pid: () => {
      const pid = new RegExp(`^${mark} (\\d+)\\n`).exec(out.text())?.[1];
      return pid === undefined ? undefined : Number(pid);
    },
    outputs: () => pieces(out.text(), err.text(), mark),
    trouble: () => err.text().trim(),
  };
}

function pieces(stdout: string, stderr: string, mark: string): readonly Output[] {
  const errors = new Map<string, string>();
  for (const { text, words } of marked(stderr, mark)) errors.set(words[0] ?? '', text);
  const body = stdout.slice(stdout.indexOf('\n') + 1); // without the line that told the pid
  const outputs: Output[] = [];
  let files: ReadonlyMap<string, Uint8Array> = new Map();
  for (const { text, words } of marked(body, mark)) {
    const [code, i = '-'] = words;
    if (i === '@') files = filesIn(text.slice(text.indexOf(mark) + mark.length));
    else if (i !== '-')
      outputs[Number(i)] = { code: Number(code), stdout: withFiles(text, files, mark), stderr: errors.get(i) ?? '' };
  }
  return Array.from(outputs, (output) => output ?? { code: 255, stdout: '', stderr: 'it ended its shell' });
}

/** What stands before each line of the mark, and the words after it; up to the trip's end. */
function* marked(text: string, mark: string): Iterable<Readonly<{ text: string; words: readonly string[] }>> {
  const sign = `\n${mark} `;
  for (let at = 0; ; ) {
    const found = text.indexOf(sign, at);
    const end = text.indexOf('\n', found + sign.length);
    const word = text.slice(found + sign.length, end);
    if (found < 0 || end < 0 || word === 'end') return;
    yield { text: text.slice(at, found), words: word.split(' ') };
    at = end + 1;
  }
}

/** Collects bytes and notices when `end` has come, looking only at what is new. */
function stream(end: string) {
  const chunks: Buffer[] = [];
  const wanted = Buffer.from(end);
  let tail: Buffer = Buffer.alloc(0);
  let done = false;
  return {
    push(chunk: Buffer): void {
      chunks.push(chunk);
      if (done) return;
      const seen = Buffer.concat([tail, chunk]);
      done = seen.includes(wanted);
      tail = seen.subarray(Math.max(0, seen.length - wanted.length));
    },
    isDone: () => done,
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}
