import { closeUpload, Lost, NotRun, openUpload, type Piece, type Sending, Stopped } from '../../core/connection.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';
import { tell } from '../../core/errors/index.ts';
import type { Change, Content, Output, Step, Upload } from '../../core/module.ts';
import { isBlocked, touchesOf } from '../../core/module.ts';
import { lines, type Script, sh, verbatim } from '../../core/sh.ts';
import type { After } from '../evaluate/outcome.ts';
import type { Unit } from '../evaluate/resolve.ts';
import type { Probe } from '../host/answers.ts';
import type { Run } from '../host/ports.ts';
import type { Session } from '../host/session.ts';
import { makeAndConfirm } from './confirm.ts';
import { changeFailed, readBack } from './read-back.ts';
import { awaitReboot, bootId, type Rebooting } from './reboot.ts';

/** The result of making a step's changes. */
export type ChangeResult = Readonly<{
  ran: Output;
  failed: Diagnostic | undefined;
  unchanged: boolean;
  /** Warnings about a change that was made. */
  warnings?: readonly string[];
  /** The task's `timeout` in seconds, if it ended the changes. */
  period?: number | undefined;
}>;

/**
 * Extra pieces on the round trip of a task's changes: `before` run ahead of the first change; `after` runs after the
 * last change of an action that did not fail.
 */
export type ExtraPieces = Readonly<{
  before: readonly Piece[];
  after?: After | undefined;
  /** The host whose machine is power-cycled if it does not come back from a reboot. */
  rebooting?: Rebooting | undefined;
}>;

/**
 * Makes the changes and reads them back, in one round trip if the uploads are small. If the connection breaks in
 * between, it connects again and probes the host. Changes that were made stay; changes that were not are made again,
 * unless they are actions.
 */
export async function makeChanges(
  run: Run,
  session: Session,
  unit: Unit & { step: Step },
  changes: readonly Change[],
  probe: Probe | undefined,
  ahead: () => Iterable<Probe>,
  { before, after, rebooting }: ExtraPieces,
  timeout: number | undefined,
): Promise<ChangeResult> {
  const attempt = async (todo: readonly Change[]): Promise<readonly Output[]> => {
    const touches = touchesOf(unit.step, todo);
    const ids = todo.some((c) => c.reboots) ? await bootId(session) : '';
    const sent: Output[] = [];
    let pieces: Piece[] = [];
    for (const change of todo) {
      const { inline, big } = await uploadsOf(run, change);
      if (big.length > 0 && pieces.length > 0) {
        // A big upload goes ahead of its change on its own channel. It may need what earlier changes create, for
        // example its directory, so those run first.
        sent.push(
          ...(await session.change(
            { pieces: [...(sent.length === 0 ? before : []), ...pieces], touches, isPlanned: sent.length === 0 },
            () => [],
            timeout,
          )),
        );
        pieces = [];
        if (sent.at(-1)?.code !== 0) return sent.slice(before.length);
      }
      for (const one of big) await session.put(one, unit.user);
      pieces.push({ script: lines([...inline, unit.environment, change.run]), user: unit.user });
    }
    const own = isAction(changes) ? undefined : probe;
    const risk = todo.find((c) => c.confirm !== undefined)?.confirm;
    if (risk !== undefined) {
      const all = [...(sent.length === 0 ? before : []), ...pieces];
      sent.push(...(await makeAndConfirm(run, session, unit, { pieces: all, own, ahead, risk, timeout })));
      return sent.slice(before.length);
    }
    const last = isAction(changes) && after?.piece !== undefined ? [after.piece] : [];
    const all = [...(sent.length === 0 ? before : []), ...pieces, ...last];
    const closing = closingOf(unit, todo);
    const ended = [
      ...(await session.change({ pieces: all, touches, own, closing, isPlanned: sent.length === 0 }, ahead, timeout)),
    ];
    // `after` is no change, so its output is taken out. It has no output if a change failed.
    const [afterOutput] = last.length > 0 ? ended.splice(all.length - 1, 1) : [];
    if (after !== undefined) after.isDone = afterOutput?.code === 0;
    sent.push(...ended);
    for (const { reboots } of todo) if (reboots !== undefined) await awaitReboot(run, session, ids, reboots, rebooting);
    return sent.slice(before.length);
  };
  let outputs: readonly Output[];
  let made = changes;
  try {
    outputs = await attempt(made);
  } catch (error) {
    if (error instanceof Stopped && error.why === 'timeout') return timedOut(error, changes, timeout);
    if (!(error instanceof Lost) || run.signal.aborted) throw error;
    if (!(error instanceof NotRun) && (isAction(changes) || probe === undefined)) return lostInAction(error, changes);
    const now = probe === undefined ? changes : unit.step.plan((await session.ask(probe, () => [])).stdout, unit.ctx);
    if (isBlocked(now)) throw error;
    if (now.length === 0) return { ran: { code: 0, stdout: '', stderr: '' }, failed: undefined, unchanged: false };
    made = now;
    outputs = await attempt(made);
  }
  const ran = joined(outputs, made);
  const last = outputs.at(-1);
  const reported = failureReported(made, outputs);
  if (last === undefined || last.code !== 0 || reported !== undefined)
    return { ran, failed: reported ?? changeFailed(changes, outputs, unit), unchanged: false };
  const unchanged = isUnaltered(changes, outputs);
  if (isAction(changes) || probe === undefined) return { ran, failed: undefined, unchanged };
  return { ran, unchanged, ...(await readBack({ session, unit, changes, probe, ahead })) };
}

/** Whether there is nothing to read back, because the change never converges or alters nothing. */
export function isAction(changes: readonly Change[]): boolean {
  return changes.some((c) => c.action === true || c.harmless === true);
}

/** Whether the scripts reported that they altered nothing. */
export function isUnaltered(changes: readonly Change[], outputs: readonly Output[]): boolean {
  const hasLine = (line: string | undefined, i: number): boolean =>
    line !== undefined && outputs[i]?.stdout.split('\n').includes(line) === true;
  return changes.every((c, i) => c.harmless === true || hasLine(c.unaltered, i) || isKept(c, outputs[i]));
}

function isKept({ verdict }: Change, ran: Output | undefined): boolean {
  const told = ran === undefined ? undefined : verdict?.(ran);
  return told !== undefined && 'changed' in told && !told.changed;
}

/** What the last script that ran reported as its failure. */
function failureReported(changes: readonly Change[], outputs: readonly Output[]): Diagnostic | undefined {
  const ran = outputs.at(-1);
  const told = ran === undefined ? undefined : changes[outputs.length - 1]?.verdict?.(ran);
  return told !== undefined && 'failed' in told ? told.failed : undefined;
}

/** The `closing` scripts of a unit's changes. */
export function closingOf({ user }: Unit, changes: readonly Change[]): readonly Piece[] {
  return changes.flatMap(({ closing }) => (closing === undefined ? [] : [{ script: closing, user }]));
}

function lostInAction(error: Lost, changes: readonly Change[]): ChangeResult {
  const what = changes.map((c) => c.what).join('; ');
  const failed = tell('E_CHANGE_INTERRUPTED', { why: error.message, what });
  return { ran: { code: 255, stdout: '', stderr: error.message }, failed, unchanged: false };
}

function timedOut({ left }: Stopped, changes: readonly Change[], timeout: number | undefined): ChangeResult {
  const what = changes.map((c) => c.what).join('; ');
  const failed = tell('E_TASK_TIMEOUT', { what, seconds: timeout, left });
  return { ran: { code: 124, stdout: '', stderr: failed.message }, failed, unchanged: false, period: timeout };
}

/** The outputs of the changes' scripts as one, with what the changes say and the exit code of the last. */
export function joined(outputs: readonly Output[], changes: readonly Change[]): Output {
  const said = outputs.map(({ code, stdout }, i) => {
    const says = code === 0 ? changes[i]?.says : undefined;
    return says === undefined ? stdout : `${stdout}${says}\n`;
  });
  return {
    code: outputs.at(-1)?.code ?? 255,
    stdout: said.join(''),
    stderr: outputs.map((o) => o.stderr).join(''),
  };
}

/** Size limit in bytes for uploads inside the script. Bigger uploads go ahead on a channel of their own. */
export const INLINE = 96 * 1024;

export async function uploadsOf(
  run: Run,
  change: Change,
): Promise<Readonly<{ inline: readonly Script[]; big: readonly Sending[] }>> {
  const inline: Script[] = [];
  const big: Sending[] = [];
  for (const upload of change.upload ?? []) {
    const content = await contentOf(run, upload);
    if (lengthOf(content) <= INLINE) inline.push(inlineUpload(content, upload));
    else big.push({ content, to: upload.to, isSpooled: upload.isSpooled === true });
  }
  return { inline, big };
}

async function contentOf(run: Run, upload: Upload): Promise<Content> {
  return 'content' in upload ? upload.content : [await run.download(upload.url, upload.headers ?? {}, run.signal)];
}

/** In bytes. */
export function lengthOf(content: Content): number {
  return content.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : part.size), 0);
}

function inlineUpload(content: Content, { to, isSpooled }: Upload): Script {
  const text = Buffer.concat(content.map((part) => (part instanceof Uint8Array ? part : part.read())))
    .toString('base64')
    .replace(/.{1,76}/g, '$&\n');
  return sh`(umask 077; set -C; ${openUpload({ to, isSpooled: isSpooled === true })} || exit; base64 -d >${to} <<'bringup-end'
${verbatim(text)}bringup-end
) || { x=$?; ${closeUpload({ to, isSpooled: isSpooled === true })}; exit $x; }`;
}
