import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

export const drills = {
  E_DRILL_INCOMPLETE: entry({
    summary: 'a drill lacks a required part',
    meaning: 'Each drill has a name, a load and an expectation.',
    fix: 'Add the part that the message names.',
    example: { key: 'load', expected: 'load: {url: …, seconds: …, requests: […]}' },
    tell: ({ key, expected }: { key: string; expected: string | undefined }) => ({
      message: `a drill needs '${key}'`,
      expected,
    }),
  }),
  E_UNKNOWN_STEP: entry({
    summary: 'a step of a drill is not known',
    meaning: 'A step has a key that is neither a keyword nor the name of a step.',
    fix: 'Correct the spelling. docs/drills.md lists the steps.',
    example: { name: 'powr', known: ['power', 'wire'] },
    tell: ({ name, known }: { name: string; known: Iterable<string> }) => ({
      message: `unknown step '${name}'`,
      ...didYouMean(name, known),
    }),
  }),
  E_DRILL_HOST: entry({
    summary: 'a drill would break a host that is not marked for drills',
    meaning:
      'Drills power hosts off, cut their network and fill their disks. They touch only hosts with `drill: true`.',
    fix: 'Set `drill: true` for the host in the inventory, if it may be broken.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `this drill breaks ${host}, which is not marked with drill: true`,
      hint: `if ${host} may be broken, set drill: true for it in the inventory`,
    }),
  }),
  E_DRILL_ADDRESS: entry({
    summary: 'drill_addresses contains a public address',
    meaning: 'A load goes only to private addresses, so that a drill cannot flood a foreign site.',
    fix: 'Use the private addresses of the site.',
    example: { addresses: '8.8.8.8' },
    tell: ({ addresses }: { addresses: string }) => ({
      message: `drill_addresses: ${addresses} is not a private address`,
      expected: 'a list such as [192.168.1.10]',
    }),
  }),
  E_DRILL_TARGET: entry({
    summary: 'the load of a drill goes to an address outside of the inventory',
    meaning: 'A load goes only to hosts of the inventory and to drill_addresses.',
    fix: 'Use the name of the site, or the ansible_host of a host. Add a shared address to drill_addresses.',
    example: { address: '10.0.0.9' },
    tell: ({ address }: { address: string }) => ({
      message: `${address} is not an address of this inventory, and a load goes to no other`,
      hint: 'use the name of the site, or the ansible_host of a host; add a shared address to drill_addresses',
    }),
  }),
  E_DRILL_TIME: entry({
    summary: '`at` or `after` of a step is not a number of seconds',
    meaning: '`at` counts from the start of the load, `after` from the end of the step before.',
    fix: 'Write a number of seconds.',
    example: { found: "'soon'" },
    tell: ({ found }: { found: string }) => ({
      message: `'at' and 'after' take seconds, not ${found}`,
      expected: 'a number',
    }),
  }),
  E_UNKNOWN_REQUEST: entry({
    summary: 'an expectation names a request that the load does not send',
    meaning: 'The expectation could never be judged.',
    fix: 'Correct the name.',
    example: { name: 'wirte', known: ['all', 'write'] },
    tell: ({ name, known }: { name: string; known: readonly string[] }) => ({
      message: `no request of the load is named '${name}'`,
      ...didYouMean(name, known),
    }),
  }),
  E_UNKNOWN_WATCH: entry({
    summary: 'an expectation names a watch that does not exist',
    meaning: 'The expectation could never be judged.',
    fix: 'Correct the name, or add the watch.',
    example: { name: 'primray', known: ['primary'] },
    tell: ({ name, known }: { name: string; known: readonly string[] }) => ({
      message: `there is no watch '${name}'`,
      ...didYouMean(name, known),
      expected: known.length > 0 ? `one of ${known.join(', ')}` : 'a watch: …',
    }),
  }),
  E_NO_DRILL_SELECTED: entry({
    summary: '--only selects no drill',
    meaning: 'No drill has the given text in its name.',
    fix: 'Correct the text after --only.',
    example: { names: ['A web server loses power'] },
    tell: ({ names }: { names: readonly string[] }) => ({
      message: 'no drill is selected',
      expected: `--only with a part of one of these names: ${names.join('; ')}`,
    }),
  }),
  E_NO_DRILLS: entry({
    summary: 'there are no drills in the project',
    meaning: 'Without a file, bringup runs the drills of playbooks/drills/.',
    fix: 'Name a file: bringup drill FILE.',
    example: { folder: 'playbooks/drills' },
    tell: ({ folder }: { folder: string }) => ({
      message: `there are no drills in ${folder}`,
      hint: 'name a file: bringup drill FILE',
    }),
  }),
};

/** Errors while a drill is prepared on the hosts, or runs. */
export const drillRuns = {
  E_DRIVER: entry({
    summary: 'nothing here can cut the network or change the disk of a host',
    meaning: 'A step cuts the network or changes the disk of a host from outside. Only the lab can do that.',
    fix: 'Use a host with lab_image, or leave the host out of the step.',
    example: { host: 'web1', what: 'cut the wire' },
    tell: ({ host, what }: { host: string; what: string }) => ({
      message: `nothing here can ${what} of ${host}: it is not a lab host`,
      expected: 'a host with lab_image',
      hint: `leave ${host} out of this step`,
    }),
  }),
  E_SITE_DOWN: entry({
    summary: 'the site does not answer before the drill breaks anything',
    meaning: 'A drill starts only on a site that works.',
    fix: 'Repair the site first: bringup check.',
    example: { why: 'write: no connection within 2.0 s' },
    tell: ({ why }: { why: string }) => ({
      message: `the site does not answer before the drill breaks anything: ${why}`,
      hint: 'repair the site first: bringup check',
    }),
  }),
  E_LEDGER: entry({
    summary: 'the record of acknowledged writes cannot be read from a host',
    meaning: 'At its end a drill looks up every acknowledged write on the hosts, and the command failed.',
    fix: 'Run the command of `ledger` on the host.',
    example: { host: 'db1', why: "ERROR 1146: Table 'shop.orders' doesn't exist" },
    tell: ({ host, why }: { host: string; why: string }) => ({
      message: `the ledger cannot be read on ${host}: ${why}`,
    }),
  }),
  E_WATCH_START: entry({
    summary: 'a watch of a drill does not start',
    meaning: 'A watch records the output of a command on its hosts, and its script failed.',
    fix: 'Run the command of the watch on the host.',
    example: { host: 'db1', watch: 'primary', why: 'sh: 1: mysql: not found' },
    tell: ({ host, watch, why }: { host: string; watch: string; why: string }) => ({
      message: `${host}: the watch '${watch}' does not start: ${why}`,
    }),
  }),
  E_FIND: entry({
    summary: 'a drill does not find the hosts that it looks for',
    meaning:
      '`find` runs a command on hosts and selects those whose output matches. Their number is not the expected one.',
    fix: 'Run the command on the hosts, and check the site: bringup check.',
    example: { variable: 'primary', count: 1, hosts: ['db1', 'db2'], found: [] },
    tell: (of: { variable: string; count: number; hosts: readonly string[]; found: readonly string[] }) => ({
      message: `'${of.variable}' must be ${of.count} of ${of.hosts.join(', ')}, and is ${of.found.length === 0 ? 'none' : of.found.join(', ')}`,
      hint: 'check what the command prints there, and whether the site is healthy: bringup check',
    }),
  }),
  E_STEP_FAILED: entry({
    summary: 'a command of a drill step failed on a host',
    meaning: 'A step of a drill runs commands on hosts as root, and one of them ended with an error.',
    fix: 'Read the output at the end of the message.',
    example: { host: 'web1', exit: 5, why: 'Failed to stop nginx.service: Unit nginx.service not loaded' },
    tell: ({ host, exit, why }: { host: string; exit: number; why: string }) => ({
      message: `${host}: exit code ${exit}: ${why}`,
    }),
  }),
};
