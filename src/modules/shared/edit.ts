import {
  type Blocked,
  blocked,
  type Change,
  type Context,
  isBlocked,
  type Output,
  type Steps,
} from '../../core/module.ts';
import { parentsOf, type Resource } from '../../core/resource.ts';
import type { Script } from '../../core/sh.ts';
import type { Ownership } from './args.ts';
import { fixAttributes } from './attributes.ts';
import { encodeBase64 } from './bytes.ts';
import { fields } from './fields.ts';
import { hasLabels, labelsOf } from './labels.ts';
import { probePath, type Seen, seen, textOf } from './path-state.ts';
import { type Placing, place } from './place.ts';

/** The largest file that can be edited, in bytes. The text travels to the controller and back. */
const EDITABLE = 8_388_608;

type EditArgs = Placing & Readonly<{ path: string; create?: boolean }>;

export function probeText(args: EditArgs): Script {
  return probePath(args.path, args, { content: 'always', limit: EDITABLE });
}

export function parseText(stdout: string, args: EditArgs): Seen {
  return seen(fields(stdout), args.path, args);
}

/** What an editing module touches: the file, and the directories above it if it may create them. */
export function editTouches({ path, create }: Pick<EditArgs, 'path' | 'create'>): readonly Resource[] {
  return [`path:${path}`, ...(create === true ? parentsOf(path) : [])];
}

type Whose = Pick<EditArgs, 'path' | keyof Ownership>;

/** The `edits` of modules whose probe is `look` with the file's content. */
export const fileEdits = {
  of: ({ path, owner, group, mode, ...how }: Whose): string =>
    JSON.stringify([path, owner, group, mode, labelsOf(how)]),
  seeing(stdout: string, text: string, { mode, ...how }: Whose): string | undefined {
    // The new file has lost its attributes, and what context it gets only the host knows.
    if (hasLabels(how)) return undefined;
    if (/^stat /m.test(stdout)) return withField(stdout, 'content', text);
    // The edit before this one creates the file. Its content is then known, and so is everything else unless the mode
    // is relative to the present one.
    if (mode !== undefined && !/^\d+$/.test(String(mode))) return undefined;
    return `${stdout}\nstat ${NEW_FILE}\ncontent ${encodeBase64(text)}\n`;
  },
};
/** A file of root in STAT_FORMAT. */
const NEW_FILE = '81a4/0/0/0/0/0/0/1/0/0/root/root';

/** A probe's output with another text in a field that was sent through base64. undefined if the field is missing. */
export function withField(stdout: string, key: string, text: string): string | undefined {
  const line = new RegExp(`^${key} .*$`, 'm');
  return line.test(stdout) ? stdout.replace(line, () => `${key} ${encodeBase64(text)}`) : undefined;
}

/** The changes that turn a text file's present content into the result of `edit`. */
export function planEdit(
  now: Seen,
  args: EditArgs,
  ctx: Context,
  edit: (text: string) => string | Blocked,
  missingIsFine: boolean,
  /** What Ansible says about the change of the content. */
  message?: (before: string, after: string) => string,
): Steps {
  const { path } = args;
  if (now.stat === undefined) {
    if (missingIsFine) return [];
    if (args.create !== true) {
      return blocked('E_PATH_MISSING', { path, hint: 'set `create: true`, or make the file in an earlier task' });
    }
  }
  if (now.stat?.kind === 'directory')
    return blocked('E_PATH_KIND', { path, is: 'a directory', hint: 'name the file in it' });
  const before = textOf(now);
  if (before === undefined) {
    const large = now.stat !== undefined && now.stat.size > EDITABLE;
    return blocked('E_NOT_TEXT', { path, ...(large && { problem: 'is too large to be edited line by line' }) });
  }
  const after = edit(before);
  if (typeof after !== 'string') return after;
  const same = after === before;
  const wanted = { path, source: { text: after }, same, isEdit: true as const, parents: args.create === true };
  const placed = place(now, wanted, args, ctx);
  if (isBlocked(placed)) return placed;
  const attributes = now.stat !== undefined && attributesDiffer(now, path, args, ctx);
  const steps = message === undefined ? placed : telling(placed, same ? '' : message(before, after), attributes);
  if (!now.parent || now.link !== undefined) return steps;
  // No parent directory is created, so files beside this one are unaffected.
  return steps.map((step) => ({ ...step, touches: [`path:${path}`] }));
}

/** The steps, the last of which says the message. A change of attributes alone or besides is part of it. */
function telling(steps: readonly Change[], content: string, hasNewAttributes: boolean): readonly Change[] {
  const attributes = hasNewAttributes ? 'ownership, perms or SE linux context changed' : '';
  const message = [content, attributes].filter((part) => part !== '').join(' and ');
  return steps.map((step, i) => (i === steps.length - 1 ? { ...step, says: `msg ${message}` } : step));
}

function attributesDiffer(now: Seen, path: string, args: EditArgs, ctx: Context): boolean {
  const steps = fixAttributes(now, path, args, ctx);
  return !isBlocked(steps) && steps.length > 0;
}

/** `msg` as the change of `planEdit` said it. */
export function messageData(ran: Output | undefined): Readonly<{ msg?: string }> {
  if (ran !== undefined && ran.code !== 0) return {}; // the message says why the change failed
  return { msg: ran?.stdout.match(/^msg (.*)$/m)?.[1] ?? '' };
}

/** A text's lines without line ends, and how the lines end. A CRLF file keeps CRLF. */
export type Lines = Readonly<{ list: readonly string[]; eol: '\n' | '\r\n'; final: boolean }>;

export function splitLines(text: string): Lines {
  const eol = /\r\n/.test(text) && !/[^\r]\n/.test(text) ? '\r\n' : '\n';
  if (text === '') return { list: [], eol, final: true };
  const final = text.endsWith('\n');
  const body = final ? text.slice(0, eol === '\r\n' ? -2 : -1) : text;
  return { list: body.split(eol), eol, final };
}

/** If `final` is false, the last line has no line end, as before. */
export function joinLines(list: readonly string[], { eol, final }: Pick<Lines, 'eol' | 'final'>): string {
  if (list.length === 0) return '';
  return list.join(eol) + (final ? eol : '');
}

/** The index at which a new line is inserted. */
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
