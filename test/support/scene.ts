import { isBoundDriver, type PowerScene } from '../../src/hardware/contract.ts';
import { drivers } from '../../src/hardware/power/index.ts';
import { type Outcome, type PowerAction, switchAll } from '../../src/hardware/switch.ts';

/** What a driver may use, without a lab, a terminal or a host that SSH reaches. */
export function scene(more: Partial<PowerScene> = {}): Omit<PowerScene, 'patience'> {
  const none = (): never => {
    throw new Error('not in this test');
  };
  return {
    host: 'web1',
    signal: new AbortController().signal,
    lab: { status: none, on: none, shutDown: none, cut: none, bootFromNetwork: none },
    answers: async () => false,
    halt: async () => 'web1 does not answer on 10.0.0.11:22',
    ask: async () => undefined,
    ...more,
  };
}

/** Switches one host by a driver, and tells the outcome in one line. */
export async function switched(
  driver: string,
  args: Readonly<Record<string, unknown>>,
  action: PowerAction,
  { isHard = true, ...more }: Partial<PowerScene> & { isHard?: boolean } = {},
): Promise<string> {
  const power = drivers[driver]?.bind(args);
  if (power === undefined || !isBoundDriver(power)) throw new Error(JSON.stringify(power));
  const [outcome] = await switchAll([{ host: 'web1', power, scene: scene(more) }], action, { isHard });
  return outcome === undefined ? 'nothing' : told(outcome);
}

const told = (outcome: Outcome): string =>
  'failed' in outcome
    ? `${outcome.failed.code}: ${outcome.failed.message}${outcome.failed.detail === undefined ? '' : ` | ${outcome.failed.detail}`}`
    : `${outcome.done.state}${outcome.done.how === '' ? '' : `: ${outcome.done.how}`}`;
