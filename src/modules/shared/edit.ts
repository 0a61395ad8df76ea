import { type Blocked, blocked, type Context, isBlocked, type Steps } from '../../core/module.ts';
import { parentsOf, type Resource } from '../../core/resource.ts';
import type { Script } from '../../core/sh.ts';
import { encodeBase64 } from './bytes.ts';
import { fields } from './fields.ts';
import { look, type Seen, seen, textOf } from './look.ts';
import { type Placing, place } from './place.ts';

/** The largest file whose lines are edited, in bytes: the text travels to the controller and back. */
const EDITABLE = 8_388_608;

type EditArgs = Placing & Readonly<{ path: string; create?: boolean }>;

export function probeText(args: EditArgs): Script {
  return look(args.path, args, { content: 'always', limit: EDITABLE });
}

export function parseText(stdout: string, args: EditArgs): Seen {
  return seen(fields(stdout), args.path, args);
}

/** What such a module touches: where it may make the file, the directories above it too. */
export function editTouches({ path, create }: Pick<EditArgs, 'path' | 'create'>): readonly Resource[] {
  return [`path:${path}`, ...(create === true ? parentsOf(path) : [])];
}

type Whose = Pick<EditArgs, 'path' | 'owner' | 'group' | 'mode'>;

/** Edits of a file by modules whose probe is `look` with the content. */
export const fileEdits = {
  of: ({ path, owner, group, mode }: Whose): string => JSON.stringify([path, owner, group, mode]),
  seeing(stdout: string, text: string, { mode }: Pick<Whose, 'path' | 'mode'>): string | undefined {
    if (/^stat /m.test(stdout)) return withField(stdout, 'content', text);
    // The edit before makes the file. All but a mode that builds on the present one goes by its content then.
    if (mode !== undefined && !/^\d+$/.test(String(mode))) return undefined;
    return `${stdout}\nstat ${NEW_FILE}\ncontent ${encodeBase64(text)}\n`;
  },
};
/** A file of root's, as STAT_FORMAT has it. */
const NEW_FILE = '81a4/0/0/0/0/0/0/1/0/0/root/root';

/** What a probe printed, with another text in the place of one that it sent through base64; undefined where it sent none. */
export function withField(stdout: string, key: string, text: string): string | undefined {
  const line = new RegExp(`^${key} .*$`, 'm');
  return line.test(stdout) ? stdout.replace(line, () => `${key} ${encodeBase64(text)}`) : undefined;
}

/** The steps that give a text file the content that `edit` makes of its present one. */
export function planEdit(
  now: Seen,
  args: EditArgs,
  ctx: Context,
  edit: (text: string) => string | Blocked,
  missingIsFine: boolean,
): Steps {
  const { path } = args;
  if (now.stat === undefined) {
    if (missingIsFine) return [];
    if (args.create !== true) {
      return blocked('E_PATH_MISSING', { path: path, hint: 'set `create: true`, or make the file in an earlier task' });
    }
  }
  if (now.stat?.kind === 'directory')
    return blocked('E_PATH_KIND', { path: path, is: 'a directory', hint: 'name the file in it' });
  const before = textOf(now);
  if (before === undefined) {
    const large = now.stat !== undefined && now.stat.size > EDITABLE;
    return blocked('E_NOT_TEXT', { path, ...(large && { problem: 'is too large to be edited line by line' }) });
  }
  const after = edit(before);
  if (typeof after !== 'string') return after;
  const same = after === before;
  const wanted = { path, source: { text: after }, same, isEdit: true as const, parents: args.create === true };
  const steps = place(now, wanted, args, ctx);
  if (isBlocked(steps) || !now.parent || now.link !== undefined) return steps;
  // Nothing above it is made: what is beside it stays as it was seen.
  return steps.map((step) => ({ ...step, touches: [`path:${path}`] }));
}

/** A text's lines, each without its line end, and how they end. A CRLF file stays one. */
export type Lines = Readonly<{ list: readonly string[]; eol: '\n' | '\r\n'; final: boolean }>;

export function splitLines(text: string): Lines {
  const eol = /\r\n/.test(text) && !/[^\r]\n/.test(text) ? '\r\n' : '\n';
  if (text === '') return { list: [], eol, final: true };
  const final = text.endsWith('\n');
  const body = final ? text.slice(0, eol === '\r\n' ? -2 : -1) : text;
  return { list: body.split(eol), eol, final };
}

/** `final` false: the last line has no line end, as before. */
export function joinLines(list: readonly string[], { eol, final }: Pick<Lines, 'eol' | 'final'>): string {
  if (list.length === 0) return '';
  return list.join(eol) + (final ? eol : '');
}

/** The index at which a new line is to be put. */
export function insertionPoint(
  list: readonly string[],
  where: Readonly<{
    after?: RegExp | 'EOF' | 'BOF' | undefined;
    before?: RegExp | 'EOF' | 'BOF' | undefined;
    first?: boolean;
  }>,
): number {
  const target = where.before ?? where.after ?? 'EOF';
  if (target === 'BOF') return 0;
  if (target === 'EOF') return list.length;
  const at = where.first === true ? list.findIndex((l) => target.test(l)) : list.findLastIndex((l) => target.test(l));
  return at < 0 ? list.length : where.before === undefined ? at + 1 : at;
}
