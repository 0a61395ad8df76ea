import type { CheckEvent, CheckedEvent } from '../core/event.ts';
import { STATE_OF } from './service.ts';

/** The last event of a check, and what is known about the hosts behind it. */
export type Judged = Readonly<{
  event: CheckEvent;
  /** The hosts of the inventory that the check's arguments name. */
  hosts: readonly string[];
  /** The hosts to which the last attempt could open no connection, and why. */
  unreachable: ReadonlyMap<string, string>;
}>;
/** The property of a mismatch that says that there was nothing to judge. */
export const NO_ANSWER = 'answer';
type Cause = Readonly<{ what: string; host: string }>;

/**
 * Counts the results and looks for causes that explain several failures, so that a site with one dead host is not
 * explained by every check that the host's death breaks. A host that cannot be reached is a cause, then a unit that does
 * not run. Other failures belong to a cause if they are about its host alone, if what they
 * miss or see names it, or if they name it and got no answer.
 */
export function verdictOn(judged: readonly Judged[]): Omit<CheckedEvent, 'type' | 'ms'> {
  const failures = judged.filter(({ event }) => event.status === 'failed');
  const explained = new Map<Cause, number[]>();
  const causes = [...downHosts(failures), ...brokenUnits(failures)];
  for (const failure of failures) {
    const cause = causes.find(({ host }) => isAbout(failure, host));
    if (cause !== undefined) explained.set(cause, [...(explained.get(cause) ?? []), failure.event.index]);
  }
  return {
    passed: judged.length - failures.length,
    failed: failures.length,
    proofs: proofsOf(judged),
    causes: causes.flatMap((cause) => {
      const checks = explained.get(cause);
      return checks === undefined || checks.length < 2 ? [] : [{ what: cause.what, checks }];
    }),
  };
}

function proofsOf(judged: readonly Judged[]): CheckedEvent['proofs'] {
  const proofs = new Map<string, { passed: number; failed: number }>();
  for (const { event } of judged) {
    const counts = proofs.get(event.proves) ?? { passed: 0, failed: 0 };
    proofs.set(event.proves, counts);
    counts[event.status === 'failed' ? 'failed' : 'passed']++;
  }
  return [...proofs].map(([proves, counts]) => ({ proves, ...counts }));
}

/** Hosts to which no connection could be opened, and hosts that do not answer ping. */
function downHosts(failures: readonly Judged[]): readonly Cause[] {
  const down = new Map<string, string>();
  const put = (host: string, what: string): void => void (down.has(host) || down.set(host, what));
  for (const { unreachable } of failures)
    for (const [host, why] of unreachable) put(host, `${host} is unreachable: ${why}`);
  for (const { event, hosts } of failures)
    if (event.kind === 'ping' && hosts[0] !== undefined) put(hosts[0], `${hosts[0]} does not answer ping`);
  return [...down].map(([host, what]) => ({ host, what }));
}

/** One cause for each host with units that are not in the state they should be in. */
function brokenUnits(failures: readonly Judged[]): readonly Cause[] {
  const units = new Map<string, string[]>();
  for (const { event, hosts } of failures) {
    const [host] = hosts;
    const states = event.mismatches.filter((m) => event.kind === 'service' && m.property.startsWith(STATE_OF));
    if (host === undefined) continue;
    for (const { property, seen } of states)
      units.set(host, [...(units.get(host) ?? []), `${property.slice(STATE_OF.length)} is ${seen}`]);
  }
  return [...units].map(([host, states]) => ({ host, what: `${host}: ${states.join(', ')}` }));
}

function isAbout({ event, hosts, unreachable }: Judged, host: string): boolean {
  if (unreachable.has(host) || (hosts.length === 1 && hosts[0] === host)) return true;
  return event.mismatches.some(
    ({ property, expected, seen }) =>
      property === host ||
      isNamed(host, expected) !== isNamed(host, seen) ||
      (property === NO_ANSWER && hosts.includes(host)),
  );
}

/** Whether the name of a host occurs in a text as a word of its own. */
function isNamed(host: string, text: string): boolean {
  return text.split(/[^\w-]+/).includes(host);
}
