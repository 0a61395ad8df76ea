import { setTimeout as sleep } from 'node:timers/promises';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { BoundDriver, PowerScene, PowerState } from './contract.ts';

export type PowerAction = 'on' | 'off' | 'cycle' | 'status';
/** What became of a host: its state now and before, and what was done. */
export type Switched = Readonly<{ state: PowerState; was: PowerState; how: string }>;
export type Outcome = Readonly<{ host: string; ms: number }> &
  (Readonly<{ done: Switched }> | Readonly<{ failed: Diagnostic }>);
export type Switchable = Readonly<{ host: string; power: BoundDriver; scene: Omit<PowerScene, 'patience'> }>;
type Ready = Switchable & Readonly<{ scene: PowerScene }>;

/** `isHard`: the power is cut without a shutdown. `from`: what the firmware boots once, where the driver can tell it. */
export type SwitchOptions = Readonly<{ isHard: boolean; from?: 'network' | undefined }>;

/**
 * Switches hosts, all at the same time, and reads back until each has reached its state. The outcomes are in the order
 * of the hosts. `tell` gets each as soon as it is known.
 */
export async function switchAll(
  hosts: readonly Switchable[],
  action: PowerAction,
  options: SwitchOptions,
  tell: (outcome: Outcome) => void = () => {},
): Promise<readonly Outcome[]> {
  return await Promise.all(
    hosts.map(async (one): Promise<Outcome> => {
      const began = Date.now();
      const outcome = await switchOne(withPatience(one), action, options).then(
        (done) => ({ done }),
        (error: unknown) => {
          if (one.scene.signal.aborted || !(error instanceof Failure)) throw error;
          const [first] = error.diagnostics;
          if (first === undefined) throw error;
          return { failed: first };
        },
      );
      const told = { host: one.host, ms: Date.now() - began, ...outcome };
      tell(told);
      return told;
    }),
  );
}

function withPatience(one: Switchable): Ready {
  return { ...one, scene: { ...one.scene, patience: one.power.times.answer_timeout } };
}

async function switchOne(one: Ready, action: PowerAction, options: SwitchOptions): Promise<Switched> {
  const { power, scene } = one;
  await patiently(scene, () => power.identify(scene));
  const was = await patiently(scene, () => power.status(scene));
  if (action === 'status') return { state: was, was, how: '' };
  const words: string[] = [];
  if (action !== 'on') words.push(was === 'off' ? 'already off' : await switchOff(one, options));
  if (action === 'cycle' && was === 'on') await sleep(power.times.off_time * 1000, undefined, { signal: scene.signal });
  if (action !== 'off') words.push(action === 'on' && was === 'on' ? 'already on' : await switchOn(one, options));
  return { state: action === 'off' ? 'off' : 'on', was, how: words.join(', ') };
}

async function switchOn({ power, scene }: Ready, { from }: SwitchOptions): Promise<string> {
  const { bootFromNetwork } = power;
  if (from === 'network' && bootFromNetwork !== undefined) await patiently(scene, () => bootFromNetwork(scene));
  await patiently(scene, () => power.on(scene));
  await reach(power, scene, 'on', power.times.timeout);
  return 'switched on';
}

/** Shuts the host's system down before its power is cut, because a cut may lose data. */
async function switchOff({ host, power, scene }: Ready, { isHard }: SwitchOptions): Promise<string> {
  const { cut, shutDown, settle, driver, times } = power;
  if (isHard) {
    if (cut === undefined) throw failure('E_POWER_CANNOT', { host, driver, what: 'cut the power' });
    await patiently(scene, () => cut(scene));
    await reach(power, scene, 'off', times.timeout);
    return 'power cut';
  }
  const why = await scene.halt();
  const how = why === undefined ? 'shut down by SSH' : 'shut down by its power button';
  if (why !== undefined) {
    if (shutDown === undefined) throw failure('E_NOT_SHUT_DOWN', { host, why });
    await patiently(scene, () => shutDown(scene));
  }
  if (settle === undefined || cut === undefined) {
    await reach(power, scene, 'off', times.shutdown_timeout).catch((error: unknown) => {
      if (!isOf(error, 'E_POWER_STATE')) throw error;
      throw failure('E_NOT_SHUT_DOWN', { host, why: `still on ${times.shutdown_timeout} s after it was told to` });
    });
    return how;
  }
  for (const until = Date.now() + times.shutdown_timeout * 1000; await scene.answers(); ) {
    if (Date.now() > until)
      throw failure('E_NOT_SHUT_DOWN', {
        host,
        why: `it still answers ${times.shutdown_timeout} s after it was told to`,
      });
    await sleep(PAUSE_MS, undefined, { signal: scene.signal });
  }
  await sleep(settle * 1000, undefined, { signal: scene.signal });
  await patiently(scene, () => cut(scene));
  await reach(power, scene, 'off', times.timeout);
  return `${how}, then switched off`;
}

/** Asks for the state until it is the wanted one. */
async function reach(power: BoundDriver, scene: PowerScene, wanted: PowerState, seconds: number): Promise<void> {
  for (const until = Date.now() + seconds * 1000; ; ) {
    const seen = await patiently(scene, () => power.status(scene));
    if (seen === wanted) return;
    if (Date.now() > until) throw failure('E_POWER_STATE', { host: scene.host, wanted, seen, seconds });
    await sleep(PAUSE_MS, undefined, { signal: scene.signal });
  }
}
const PAUSE_MS = 500;

/** Asks up to three times, because a busy BMC drops requests. What is asked for twice must do no harm. */
async function patiently<T>(scene: PowerScene, ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === TRIES || scene.signal.aborted || !isOf(error, 'E_POWER_SILENT')) throw error;
      await sleep(PAUSE_MS, undefined, { signal: scene.signal });
    }
  }
}
const TRIES = 3;

const isOf = (error: unknown, code: Diagnostic['code']): boolean =>
  error instanceof Failure && error.diagnostics[0]?.code === code;
