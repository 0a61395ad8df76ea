import type { Output } from '../core/module.ts';
import { size as sizeOf } from '../core/units.ts';
import { KEPT } from './output-files.ts';
import { filesIn, withFiles } from './questions.ts';

/** Reads the two streams of one round trip, in chunks, until both contain the end mark. */
export type Decoder = Readonly<{
  stdout: (chunk: Buffer) => void;
  stderr: (chunk: Buffer) => void;
  isDone: () => boolean;
  /** The shell's process id, known once it has answered. It serves to stop what runs in the shell. */
  pid: () => number | undefined;
  /** Parses the records; see encode in frame.ts. Throws Tampered if they do not have the form that our shell writes. */
  outputs: () => readonly Output[];
  /** The rest of the lines `MARK WORD …` that the opening of a round trip printed: `held …`, `took …`. */
  notes: (word: string) => readonly string[];
  /** stderr so far, for the message if a shell dies before the round trip ends. */
  trouble: () => string;
}>;

/** A program other than our shell wrote into the answers of a host. */
export class Tampered extends Error {}

/** The most bytes that one round trip may return. No honest one comes near, because outputs are cut on the host. */
const MOST = 512 * 1024 * 1024;

export function decoder(mark: string): Decoder {
  const out = stream(`\n${mark} end\n`);
  const err = stream(`\n${mark} end\n`);
  return {
    stdout: out.push,
    stderr: err.push,
    isDone: () => out.isDone() && err.isDone(),
    pid: () => {
      const pid = new RegExp(`^${mark} (\\d+)\\n`).exec(out.head())?.[1];
      return pid === undefined ? undefined : Number(pid);
    },
    outputs: () => outputsOf(out.bytes(), err.bytes().toString('utf8'), mark),
    notes: (word) =>
      [...records(out.bytes(), mark)].flatMap(({ words }) => (words[0] === word ? [words.slice(1).join(' ')] : [])),
    trouble: () => err.bytes().toString('utf8').trim(),
  };
}

function outputsOf(bytes: Buffer, stderr: string, mark: string): readonly Output[] {
  const all = new Map<number, { code: number; stdout: string; stderr: string }>();
  const errors = errorsOf(stderr, mark);
  let files: ReadonlyMap<string, Uint8Array> = new Map();
  let open: string | undefined;
  for (const { before, words, body } of records(bytes, mark)) {
    const [first = '', second = '', third = ''] = words;
    if (open !== undefined && (first !== '.' || second !== open || before.length > 0))
      throw new Tampered(`an output that is cut short: ${open}`);
    open = first === '=' ? second : undefined;
    if (second === '@') files = filesIn(before.toString('latin1', before.indexOf(mark) + mark.length));
    else if (third === 'q' && isNumber(second) && !all.has(Number(second))) {
      const stdout = withFiles(before.toString('utf8'), files, mark);
      all.set(Number(second), { code: Number(first), stdout, stderr: errors.get(second) ?? '' });
    } else if (second === '-') continue;
    else if (before.length > 0) throw new Tampered('words that no script of ours printed');
    else if (first === '=') {
      const [number, which] = second.split('.');
      const output = all.get(Number(number));
      const key = which === 'o' ? 'stdout' : 'stderr';
      if (output === undefined || output[key] !== '') throw new Tampered(`an output of no script: ${second}`);
      output[key] = textOf(body, Number(third));
    } else if (first === '.') continue;
    else if (third === 'f' && isNumber(second) && !all.has(Number(second)))
      all.set(Number(second), { code: Number(first), stdout: '', stderr: '' });
    else if (isNumber(first) || isNumber(second))
      throw new Tampered(`a record that no shell of ours writes: ${words.join(' ')}`);
  }
  const last = Math.max(-1, ...all.keys());
  return Array.from(
    { length: last + 1 },
    (_, i) => all.get(i) ?? { code: 255, stdout: '', stderr: 'it ended its shell' },
  );
}

function isNumber(word: string): boolean {
  return /^\d+$/.test(word);
}

/** A long output is cut to its beginning and its end. */
function textOf(body: Buffer, size: number): string {
  if (size === body.length) return body.toString('utf8');
  const left = sizeOf(size - body.length);
  return `${body.toString('utf8', 0, KEPT)}\n[… ${left} left out …]\n${body.toString('utf8', KEPT)}`;
}

/** stderr of scripts that share a shell, by number: the text before each line of the mark. */
function errorsOf(stderr: string, mark: string): ReadonlyMap<string, string> {
  const errors = new Map<string, string>();
  const sign = `\n${mark} `;
  for (let at = 0; ; ) {
    const found = stderr.indexOf(sign, at);
    const end = stderr.indexOf('\n', found + sign.length);
    if (found < 0 || end < 0) return errors;
    errors.set(stderr.slice(found + sign.length, end), stderr.slice(at, found));
    at = end + 1;
  }
}

/**
 * `before` is the text between the previous record and this one's line. `body` holds the bytes that the line announces.
 */
type Record = Readonly<{ before: Buffer; words: readonly string[]; body: Buffer }>;

function* records(bytes: Buffer, mark: string): Iterable<Record> {
  const sign = Buffer.from(`\n${mark} `);
  for (let at = bytes.indexOf(10) + 1; ; ) {
    const found = bytes.indexOf(sign, at);
    const end = found < 0 ? -1 : bytes.indexOf(10, found + sign.length);
    if (end < 0) return;
    const words = bytes.toString('utf8', found + sign.length, end).split(' ');
    const size = words[0] === '=' ? Number(words[3]) : 0;
    const next = end + 1 + size;
    if (!Number.isSafeInteger(size) || next > bytes.length) throw new Tampered('an output that is cut short');
    yield { before: bytes.subarray(at, found), words, body: bytes.subarray(end + 1, next) };
    at = next;
  }
}

/** Collects bytes and notices when `end` has arrived. It searches only the new bytes. */
function stream(end: string) {
  const chunks: Buffer[] = [];
  const wanted = Buffer.from(end);
  let tail: Buffer = Buffer.alloc(0);
  let size = 0;
  let head = '';
  let done = false;
  const bytes = (): Buffer => {
    if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks));
    return chunks[0] ?? Buffer.alloc(0);
  };
  return {
    push(chunk: Buffer): void {
      size += chunk.length;
      if (size > MOST) throw new Tampered(`more than ${sizeOf(MOST)}`);
      chunks.push(chunk);
      if (head.length < 100) head += chunk.toString('latin1', 0, 100);
      if (done) return;
      const seen = Buffer.concat([tail, chunk]);
      done = seen.includes(wanted);
      tail = seen.subarray(Math.max(0, seen.length - wanted.length));
    },
    isDone: () => done,
    bytes,
    head: () => head,
  };
}
