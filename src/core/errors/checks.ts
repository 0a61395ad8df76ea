import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

export const checks = {
  E_UNKNOWN_CHECK: entry({
    summary: 'a check is not known',
    meaning: 'An entry of a checks file has a key that is neither a keyword nor the name of a check.',
    fix: 'Correct the spelling.',
    example: { name: 'htpp', known: ['http', 'dns'] },
    tell: ({ name, known }: { name: string; known: Iterable<string> }) => ({
      message: `unknown check '${name}'`,
      ...didYouMean(name, known),
    }),
  }),
};

/** Errors of `bringup doc`. */
export const pages = {
  E_UNKNOWN_PAGE: entry({
    summary: 'nothing with a page has this name',
    meaning: '`bringup doc` has a page for each module, check, step of a drill, driver of a machine and boot way.',
    fix: 'Correct the spelling. `bringup doc` lists all names.',
    example: { name: 'htpp', known: ['http', 'dns'] },
    tell: ({ name, known }: { name: string; known: Iterable<string> }) => ({
      message: `no module, check, step, driver or boot way has the name '${name}'`,
      ...didYouMean(name, known),
    }),
  }),
};

/** Errors while a check runs. */
export const checkRuns = {
  E_PING: entry({
    summary: 'ping cannot be run on this machine',
    meaning: 'The check `ping` runs the program ping on the controller.',
    fix: 'Install iputils-ping. A user other than root needs the sysctl net.ipv4.ping_group_range.',
    example: { why: 'spawn ping ENOENT' },
    tell: ({ why }: { why: string }) => ({
      message: `ping cannot be run: ${why}`,
      hint: 'install iputils-ping on this machine; a user other than root needs net.ipv4.ping_group_range',
    }),
  }),
  E_WAIT_FOR: entry({
    summary: 'a check that a drill waits for did not pass in time',
    meaning: 'The step `wait_for` of a drill tries a check until it passes.',
    fix: 'Raise `within`, or find out why the check fails: bringup check.',
    example: { check: 'web1 answers', seen: 'status: expected 200, seen 503' },
    tell: ({ check, seen }: { check: string; seen: string }) => ({
      message: `${check}: ${seen}`,
      hint: 'raise `within`, or run: bringup check',
    }),
  }),
};
