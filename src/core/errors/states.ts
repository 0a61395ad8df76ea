import { entry } from './entry.ts';

/** What keeps hosts from a state. */
export const stateRuns = {
  E_HOST_MARKED: entry({
    summary: 'a host is marked, because it failed on its way to a state',
    meaning: 'bringup marks a host that did not reach a state, so that the next command does not make it worse.',
    fix: 'Look at the host, repair it, and clear the mark: bringup host clear HOST.',
    example: { host: 'web1', doing: 'to reachable', since: '2026-01-01T10:00:00.000Z', why: 'no answer within 600 s' },
    tell: ({ host, doing, since, why }: { host: string; doing: string; since: string; why: string }) => ({
      message: `${host} is marked since ${since} (${doing}): ${why}`,
      hint: `look at it: bringup host status ${host}; then clear the mark: bringup host clear ${host}`,
    }),
  }),
  E_HOST_STUCK: entry({
    summary: 'a host did not reach a state',
    meaning: 'The host stopped before the wanted state, and was marked.',
    fix: 'Read the reason and the end of its console, repair the host, and clear the mark.',
    example: { host: 'web1', wanted: 'reachable', state: 'firmware', why: 'connection refused' },
    tell: ({ host, wanted, state, why }: { host: string; wanted: string; state: string; why: string }) => ({
      message: `${host} is ${state}, not ${wanted}: ${why}`,
      hint: `repair it, then: bringup host clear ${host} && bringup host to ${wanted} ${host}`,
    }),
  }),
};
