import type { Piece } from '../core/connection.ts';
import type { Output } from '../core/module.ts';
import { quote } from '../core/sh.ts';

/**
 * Many scripts in one program for a `sh` that reads it from stdin. Each runs by `eval` in a subshell, so that neither
 * its exit, its `set -e` nor a syntax error in it reaches the next one; its stdin is /dev/null because the shell reads
 * this very program from stdin and a command that read it would eat the rest. `mark`, a random word, ends each piece's
 * part of both streams.
 *
 * @param steps how many of the first pieces stop everything after them when they fail
 * @param shellUser who the shell runs as; a piece for somebody else goes through su, its text on stdin (never argv)
 */
export function encode(pieces: readonly Piece[], mark: string, shellUser: string, steps: number): string {
  const parts = pieces.map(({ script, user }, i) => {
    const run =
      user === undefined || user === shellUser
        ? `( set -u; eval ${quote(script.text)} ) </dev/null`
        : `su -s /bin/sh ${quote(user)} -c 's=$(cat); set -u; eval "$s" </dev/null' <<'${mark}'\n${script.text}\n${mark}`;
    const end = `_r=$?; printf '\\n%s %d\\n' ${mark} $_r; printf '\\n%s\\n' ${mark} >&2`;
    if (steps === 0) return `${run}\n${end}`;
    return `if [ $_ok = 1 ]; then\n${run}\n${end}${i < steps ? '; [ $_r = 0 ] || _ok=0' : ''}; fi`;
  });
  return `printf '${mark} %d\\n' $$; _ok=1\n${parts.join('\n')}\nprintf '\\n%s end\\n' ${mark}; printf '\\n%s end\\n' ${mark} >&2\n`;
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
  const errors = stderr.split(`\n${mark}\n`);
  const body = stdout.slice(stdout.indexOf('\n') + 1); // without the line that told the pid
  const found = body.split(new RegExp(`\\n${mark} (\\d+)\\n`));
  const outputs: Output[] = [];
  for (let i = 0; i + 1 < found.length; i += 2) {
    outputs.push({ code: Number(found[i + 1]), stdout: found[i] ?? '', stderr: errors[i / 2] ?? '' });
  }
  return outputs;
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
