import { entry } from './entry.ts';

export const trust = {
  E_LOCKED: entry({
    summary: 'another run works on a host',
    meaning: 'An apply locks each of its hosts. This run waited as long as --lock-wait allows.',
    fix: 'Wait until the other run has ended, or end it. --lock-wait sets how long a run waits.',
    example: { host: 'web1', by: 'anna@laptop since 2026-11-28 16:30:01 UTC (apply playbooks/site.yml)', seconds: 600 },
    tell: ({ host, by, seconds }: { host: string; by: string; seconds: number }) => ({
      message: `${host} is locked by ${by}`,
      expected: `the host to be free within ${seconds} s`,
      hint: 'wait until the other run has ended, or end it; --lock-wait sets how long this one waits',
    }),
  }),
  E_TAMPERED: entry({
    summary: "a process on a host wrote into the answers of bringup's shell",
    meaning: 'The answers of the host contain records that bringup did not ask for, so nothing of them can be trusted.',
    fix: 'Look on the host for processes that do not belong there.',
    example: { host: 'web1', why: 'an output that is cut short' },
    tell: ({ host, why }: { host: string; why: string }) => ({
      message: `${host}: a process on the host wrote into the answers of bringup's shell (${why})`,
      expected: 'only the records that the shell itself writes',
      hint: 'look for processes that do not belong on the host: ps aux',
    }),
  }),
};
