// Builds the report on a change after it was made: the result of the read-back, or why the change failed.
import type { Diagnostic } from '../core/diagnostic.ts';
import { type Change, type Diff, isBlocked, type Output, type Step } from '../core/module.ts';
import type { Probe } from './answers.ts';
import type { Unit } from './resolve.ts';
import type { Session } from './session.ts';

export type ReadBack = Readonly<{ failed: Diagnostic | undefined; warnings: readonly string[] }>;
type Given = Readonly<{
  session: Pick<Session, 'look' | 'forget'>;
  unit: Unit & { step: Step };
  /** The changes that were made. */
  changes: readonly Change[];
  probe: Probe;
  ahead: () => Iterable<Probe>;
}>;

/** Runs the task's probe again. Its plan must be empty, except for changes of which the host shows no sign. */
export async function readBack({ session, unit, changes, probe, ahead }: Given): Promise<ReadBack> {
  const output = await session.look(probe, ahead);
  if (output.code !== 0) {
    const message = `the change ran, but the probe that reads it back failed (exit code ${output.code})`;
    return { failed: { code: 'E_DIVERGED', message, detail: tail(output.stderr) }, warnings: [] };
  }
  const left = unit.step.plan(output.stdout, unit.ctx);
  if (isBlocked(left)) {
    const message = `the change ran, but the host still differs: ${left.blocked}`;
    return { failed: { code: 'E_DIVERGED', message, hint: left.hint, detail: left.detail }, warnings: [] };
  }
  const explained = async ({ explain }: Change): Promise<string> => {
    if (explain === undefined) return '';
    const why: Probe = { script: explain, user: unit.user, needs: ['*'] };
    session.forget(why);
    return (await session.look(why, () => [])).stdout.trim();
  };
  const warnings: string[] = [];
  const open: Change[] = [];
  for (const one of left) {
    const why = typeof one.excused === 'string' ? await explained(one) : '';
    if (why !== '') warnings.push(`${one.excused}: ${why}`);
    else if (one.excused !== true && !isAsLeft(one, changes)) open.push(one);
  }
  if (open.length === 0) return { failed: undefined, warnings };
  const message = `the change ran, but the host still differs: ${open.map(difference).join('; ')}`;
  const details = await Promise.all(open.map(explained));
  const detail = tail(details.filter((text) => text !== '').join('\n'));
  const hint = open.some((one) => isOfAnother(one, changes)) ? ANOTHER : undefined;
  return { failed: { code: 'E_DIVERGED', message, hint, ...(detail !== '' && { detail }) }, warnings: [] };
}
const ANOTHER = 'something else writes this file too: its content is neither the old one nor the one of this task';

/** An edit that would change its own result counts as done if the file holds the text that the edit left. */
function isAsLeft({ diff, leaves }: Change, made: readonly Change[]): boolean {
  return (
    leaves !== undefined &&
    made.some((one) => one.leaves !== undefined && one.diff?.of === diff?.of && one.leaves === diff?.before)
  );
}

/**
 * Whether somebody else changed the file too. The file's content is then neither the one before our change nor the one
 * after it.
 */
function isOfAnother({ diff }: Change, made: readonly Change[]): boolean {
  if (diff?.of.startsWith('/') !== true || diff.before === null) return false;
  const own = made.find((one) => one.diff?.of === diff.of)?.diff;
  return own !== undefined && diff.before !== own.before && diff.before !== own.after;
}

const SHOWN = 3;

/** The wanted state, and the state that the host has instead. */
function difference({ what, diff }: Change): string {
  if (diff === undefined) return what;
  const side = (text: Diff['after'], other: Diff['after']): string => {
    if (text === null) return 'nothing';
    const others = new Set(other?.split('\n') ?? []);
    const own = text.split('\n').filter((line) => line !== '' && !others.has(line));
    if (own.length === 0) return text === '' ? 'nothing' : 'no such line';
    const more = own.length > SHOWN ? ` and ${own.length - SHOWN} more lines` : '';
    return `${own
      .slice(0, SHOWN)
      .map((line) => `'${line.length > 120 ? `${line.slice(0, 117)}...` : line}'`)
      .join(', ')}${more}`;
  };
  return `${diff.of}: wanted ${side(diff.after, diff.before)}, seen ${side(diff.before, diff.after)}`;
}

/** The error of a failed change. The last output belongs to the change that failed. */
export function changeFailed(
  changes: readonly Change[],
  outputs: readonly Output[],
  { ctx: { user } }: Pick<Unit, 'ctx'>,
): Diagnostic {
  const last = outputs.at(-1);
  const what = changes[Math.max(0, Math.min(outputs.length, changes.length) - 1)]?.what ?? 'the change';
  const stderr = last?.stderr.trim() ?? '';
  const detail = tail(stderr === '' ? (last?.stdout ?? '') : stderr);
  const code = `exit code ${last?.code ?? 'unknown'}`;
  // dash's own messages about a full disk say less than cat's.
  if (/No space left on device|printf: I\/O error/.test(stderr)) {
    const hint = 'is the disk full? make room (df -h); the old state was kept';
    return { code: 'E_APPLY', message: `${what}: ${code}`, detail, hint };
  }
  if (/Read-only file system/.test(stderr)) {
    const hint = 'find out why the file system is read-only (dmesg, mount), and remount it; the old state was kept';
    return { code: 'E_APPLY', message: `${what}: ${code}`, detail, hint };
  }
  if (user !== 'root' && DENIED.test(stderr)) {
    const hint = 'add `become: true` to the task or the play';
    return { code: 'E_APPLY', message: `${what}: permission denied for user '${user}' (${code})`, detail, hint };
  }
  return { code: 'E_APPLY', message: `${what}: ${code}`, detail };
}
/** Messages of the kernel, systemd and apt. Messages of network servers (ssh, MySQL) do not count. */
const DENIED =
  /permission denied(?! \(publickey)|operation not permitted|access denied$|interactive authentication required|are you root\?/im;

/** The last 20 lines. */
export function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-20).join('\n');
}
