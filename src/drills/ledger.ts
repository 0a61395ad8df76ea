import { setTimeout as sleep } from 'node:timers/promises';
import type { Figures } from '../core/drill.ts';
import { failure } from '../core/errors/index.ts';
import { verbatim } from '../core/sh.ts';
import type { Act, Bound, DrillRun, LedgerSpec } from './contract.ts';

export const verifies = (bound: Bound): boolean =>
  bound.ledger !== undefined || bound.load.requests.some((r) => r.verify !== undefined);

/** Looks up every acknowledged write. */
export async function lookAgain(act: Act): Promise<Figures | undefined> {
  const { bound, load } = act;
  if (bound === undefined || load === undefined || act.from === 0) return undefined;
  const { acknowledged } = await load.done;
  const writes = bound.load.requests.some((r) => r.read_back !== undefined) || verifies(bound);
  if (!writes) return load.figures();
  const asked = bound.load.requests.some((r) => r.verify !== undefined);
  const { lost, unknown } = asked ? await load.verify() : { lost: [], unknown: 0 };
  const missing = bound.ledger === undefined ? [] : await missingIn(act, bound.ledger, acknowledged);
  return load.figures({ lost: [...lost, ...missing], unknown });
}

/** The tokens that a host does not show. It tries again while replication may still be running. */
async function missingIn(
  act: Act,
  { hosts, command, within }: LedgerSpec,
  tokens: readonly string[],
): Promise<readonly string[]> {
  const { hands, signal } = act.given;
  const script = verbatim(command.replaceAll('{prefix}', `${prefixOf(act.given)}-`));
  const until = Date.now() + within * 1000;
  const missing = async (host: string): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await hands.root(host, script, signal, 60);
    if (code !== 0) throw failure('E_LEDGER', { host, why: stderr.trim().split('\n').at(-1) ?? '' });
    const found = new Set(stdout.split('\n').map((l) => l.trim()));
    return tokens.filter((t) => !found.has(t)).map((t) => `${t} on ${host}`);
  };
  for (;;) {
    const lost = (await Promise.all(hosts.map(missing))).flat();
    if (lost.length === 0 || Date.now() > until || signal.aborted) return lost;
    await sleep(1000);
  }
}

/** The prefix of all tokens of this run. */
export const prefixOf = ({ nonce, run }: DrillRun): string => `${nonce}${run}`;
