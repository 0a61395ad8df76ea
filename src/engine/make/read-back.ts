// Builds the report on a change after it was made: the result of the read-back, or why the change failed.

import type { Diagnostic } from '../../core/diagnostic.ts';
import { tell } from '../../core/errors/index.ts';
import { type Change, type Diff, isBlocked, type Output, type Step } from '../../core/module.ts';
import type { Unit } from '../evaluate/resolve.ts';
import type { Probe } from '../host/answers.ts';
import type { Session } from '../host/session.ts';

export type ReadBack = Readonly<{ failed: Diagnostic | undefined; warnings: readonly string[] }>;
type ReadBackInput = Readonly<{
  session: Pick<Session, 'ask' | 'forget'>;
  unit: Unit & { step: Step };
  /** The changes that were made. */
  changes: readonly Change[];
  probe: Probe;
  ahead: () => Iterable<Probe>;
}>;

/** Runs the task's probe again. Its plan must be empty, except for changes of which the host shows no sign. */
export async function readBack({ session, unit, changes, probe, ahead }: ReadBackInput): Promise<ReadBack> {
  const output = await session.ask(probe, ahead);
  if (output.code !== 0) {
    const problem = `the probe that verifies it failed (exit code ${output.code})`;
    return { failed: tell('E_DIVERGED', { problem, detail: tail(output.stderr) }), warnings: [] };
  }
  const left = unit.step.plan(output.stdout, unit.ctx);
  if (isBlocked(left)) {
    const { message, hint, detail } = left.blocked;
    return { failed: tell('E_DIVERGED', { problem: `${DIFFERS}: ${message}`, hint, detail }), warnings: [] };
  }
  const explained = async ({ explain }: Change): Promise<string> => {
    if (explain === undefined) return '';
    const why: Probe = { script: explain, user: unit.user, needs: ['*'] };
    session.forget(why);
    return (await session.ask(why, () => [])).stdout.trim();
  };
  const warnings: string[] = [];
  const open: Change[] = [];
  for (const one of left) {
    const why = typeof one.excused === 'string' ? await explained(one) : '';
    if (why !== '') warnings.push(`${one.excused}: ${why}`);
    else if (one.excused !== true && !isAsLeft(one, changes)) open.push(one);
  }
  if (open.length === 0) return { failed: undefined, warnings };
  const problem = `${DIFFERS}: ${open.map(difference).join('; ')}`;
  const details = await Promise.all(open.map(explained));
  const detail = tail(details.filter((text) => text !== '').join('\n'));
  const hint = open.some((one) => isOfAnother(one, changes)) ? ANOTHER : undefined;
  return { failed: tell('E_DIVERGED', { problem, hint, ...(detail !== '' && { detail }) }), warnings: [] };
}
const DIFFERS = 'the host still differs';
const ANOTHER =
  'find the other program that writes this file: its content is neither the old one nor the one of this task';

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
  const exit = `exit code ${last?.code ?? 'unknown'}`;
  const failed = { what, exit, detail };
  // dash's own messages about a full disk say less than cat's.
  if (/No space left on device|printf: I\/O error/.test(stderr)) return tell('E_DISK_FULL', failed);
  if (/Read-only file system/.test(stderr)) return tell('E_READ_ONLY', failed);
  const [, pid, name = ''] = LOCKED_BY.exec(stderr) ?? APT_LOCK.exec(stderr) ?? [];
  if (pid !== undefined) return tell('E_DPKG_LOCKED', { ...failed, by: `process ${pid}, ${name.trim()}` });
  if (user !== 'root' && DENIED.test(stderr)) return tell('E_PERMISSION', { ...failed, user });
  return tell('E_CHANGE_FAILED', failed);
}
/** apt's message about a lock that another process holds. */
const APT_LOCK = /Could not get lock \S+ It is held by process (\d+) \(([^)]*)\)/;
/** The message of our own script for apt, which names the whole command. */
const LOCKED_BY = /^(?:apt|dpkg) is locked by process (\d+), (.*)\(\/[^()]*\)$/m;
/** Messages of the kernel, systemd and apt. Messages of network servers (ssh, MySQL) do not count. */
const DENIED =
  /permission denied(?! \(publickey)|operation not permitted|access denied$|interactive authentication required|are you root\?/im;

/** The last 20 lines. */
export function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-20).join('\n');
}
