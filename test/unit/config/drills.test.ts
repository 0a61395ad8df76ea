import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DrillOptions, runDrills } from '../../../src/cli/drill.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import type { DrilledEvent, Event } from '../../../src/core/event.ts';
import { project } from '../support/project.ts';

const HOSTS = (more = '') =>
  `all:\n  vars: {ansible_connection: local, ansible_host: 127.0.0.1${more}}\n  hosts:\n    a:\n    b:\n`;
const LOAD = (url: string) =>
  `  load: {url: '${url}', seconds: 1, rate: 40, clients: 4, requests: [{name: page, contains: [hello]}]}`;
const DRILL = (more: string, url = 'http://127.0.0.1:1') => `- name: one\n${LOAD(url)}\n${more}\n`;

function drill(files: Readonly<Record<string, string>>, more: Partial<DrillOptions> = {}) {
  const p = project({ 'hosts.yml': HOSTS(), ...files });
  const events: Event[] = [];
  const reporter = { emit: (event: Event) => void events.push(event), end: async () => {} };
  const options: DrillOptions = {
    output: 'json',
    verbose: 0,
    diff: false,
    inventory: p.path('hosts.yml'),
    extraVars: [],
    times: 1,
    only: [],
    ...more,
  };
  const run = (signal = new AbortController().signal) =>
    runDrills([p.path('drills.yml')], options, signal, reporter).then((code) => ({
      code,
      events,
      drilled: events.filter((e): e is DrilledEvent => e.type === 'drilled'),
    }));
  const mistakes = async (): Promise<readonly string[]> => {
    try {
      await run();
      return [];
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return error.diagnostics.map((d) => `${d.at?.line}:${d.at?.col} ${d.message}${d.hint ? ` → ${d.hint}` : ''}`);
    }
  };
  return { ...p, run, mistakes, events };
}

describe('mistakes in a drills file are reported with their positions before anything changes', () => {
  it.each<[string, string, string[]]>([
    ['no list', 'name: x\n', ['1:1 a drills file must be a list, not a map']],
    ['parts that are missing', '- name: x\n', ["1:3 a drill needs 'load'", "1:3 a drill needs 'expect'"]],
    [
      'an unknown keyword',
      DRILL('  expects: {failed: 0}\n  expect: {failed: 0}'),
      ["3:3 unknown keyword 'expects' in a drill → write 'expect' instead of 'expects'"],
    ],
    [
      'an unknown step',
      DRILL('  expect: {failed: 0}\n  steps:\n    - servce: {hosts: a}'),
      ["5:7 unknown step 'servce' → write 'service' instead of 'servce'"],
    ],
    [
      'a wrong argument, and a state that there is not',
      DRILL('  expect: {failed: 0}\n  steps:\n    - service: {hosts: a, nme: x, name: y, state: kiled}'),
      [
        "5:27 service: unknown argument 'nme' → write 'name' instead of 'nme'",
        "5:51 service: 'state' is not valid → write 'killed' instead of 'kiled'",
      ],
    ],
    [
      'two things in one step',
      DRILL('  expect: {failed: 0}\n  steps:\n    - {power: {hosts: a, state: cut}, disk: {hosts: a, path: /x}}'),
      ["5:39 the step names two actions: 'power' and 'disk' → split the step into two"],
    ],
    [
      'too much of it',
      DRILL('  expect: {failed: 0}').replace('rate: 40', 'rate: 2001').replace('seconds: 1', 'seconds: 601'),
      ["2:46 load: 'seconds' must be <= 600", "2:57 load: 'rate' must be <= 2000"],
    ],
    [
      'an expectation of a request that there is not',
      DRILL('  expect: {gap: {pag: 1}}'),
      ["3:23 no request of the load is named 'pag' → write 'page' instead of 'pag'"],
    ],
    [
      'a watch that there is not',
      DRILL('  expect: {watch: [{name: w, prints: x, at_most: 1}]}'),
      ["3:27 there is no watch 'w'"],
    ],
    [
      'an address that is not ours',
      DRILL('  expect: {failed: 0}', 'http://192.0.2.1'),
      [
        '2:15 192.0.2.1 is not an address of this inventory, and a load goes to no other → use the name of the site, or the ansible_host of a host; add a shared address to drill_addresses',
      ],
    ],
    [
      'a disk that is freed with what belongs to a small one',
      DRILL(
        '  expect: {failed: 0}\n  steps:\n    - disk: {hosts: a, path: /srv, state: freed, spare: 4}\n    - disk: {hosts: a, path: /srv, units: [x]}',
      ),
      [
        "5:57 disk: 'spare' is for state: full → leave it out",
        "6:36 disk: 'units' are for 'spare' → leave them out, or say how much is to spare",
      ],
    ],
    [
      'a check that there is not',
      DRILL('  expect: {failed: 0}\n  checks:\n    - htp: {}'),
      ["5:7 unknown check 'htp' → write 'http' instead of 'htp'"],
    ],
  ])('%s', async (_, text, expected) => {
    expect(await drill({ 'drills.yml': text }).mistakes()).toEqual(expected);
  });

  it('a host that is not marked for drills', async () => {
    const text = DRILL('  expect: {failed: 0}\n  steps:\n    - command: {hosts: b, script: touch {T}/hurt}');
    const d = drill({ 'drills.yml': text });
    expect(await d.mistakes()).toEqual([
      '1:9 this drill breaks b, which is not marked with drill: true → if b may be broken, set drill: true for it in the inventory',
    ]);
    expect(d.events).toEqual([]);
    expect(() => d.read('hurt')).toThrow();
  });
  it('every host that `find` may find must be marked', async () => {
    const text = DRILL(
      "  expect: {failed: 0}\n  find: [{var: it, hosts: all, command: echo x, prints: x}]\n  steps:\n    - command: {hosts: '{{ it }}', script: 'true'}",
    );
    expect((await drill({ 'drills.yml': text }).mistakes()).join()).toMatch(/breaks a.*breaks b/s);
  });
  it('a host without a power switch or a network link that can be cut', async () => {
    const text = DRILL(
      '  expect: {failed: 0}\n  steps:\n    - power: {hosts: a, state: cut}\n    - network: {hosts: b, state: cut}\n    - reset: {hosts: a}',
    );
    const files = { 'drills.yml': text, 'hosts.yml': HOSTS(', drill: true') };
    expect((await drill(files).mistakes()).map((m) => m.split(' → ')[0])).toEqual([
      '5:7 the inventory has no power for a',
      '6:7 nothing here can cut the wire of b: it is not a lab host',
      '7:7 nothing here can change the disk of a: it is not a lab host',
    ]);
    const named = { ...files, 'hosts.yml': HOSTS(', drill: true, power: shely') };
    expect((await drill(named).mistakes()).join('\n')).toMatch(/shely.*shelly/);
  });
});

describe('a drill', { timeout: 60_000 }, () => {
  let server: Server;
  let url = '';
  let broken = false;
  beforeAll(async () => {
    server = createServer((_, response) => {
      response.statusCode = broken ? 500 : 200;
      response.end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it('passes with exit code 0, figures in its event and lines in JUnit', async () => {
    const more = `  expect: {failed: 0, gap: {page: 5}}\n  checks:\n    - {name: it answers, http: {url: '${url}'}}`;
    const files = { 'drills.yml': DRILL(more, url) };
    const p = project({});
    const { code, drilled } = await drill(files, { times: 2, junit: p.path('j.xml') }).run();
    expect(code).toBe(0);
    expect(drilled.map((d) => [d.passed, d.run, d.of, d.figures?.all.sent])).toEqual([
      [true, 1, 2, 40],
      [true, 2, 2, 40],
    ]);
    expect(p.read('j.xml')).toContain('tests="6" failures="0"');
    expect(p.read('j.xml')).toContain('classname="one (2 of 2)"');
  });
  it('does not start if `find` finds no host or too many', async () => {
    const find = "  find: [{var: it, hosts: all, command: echo yes, prints: '^yes$'}]\n  expect: {failed: 0}";
    const { code, drilled } = await drill({ 'drills.yml': DRILL(find, url) }).run();
    expect(code).toBe(1);
    expect(drilled[0]?.verdicts.map((v) => v.seen.split(':')[0])).toEqual(["'it' must be 1 of a, b, and is a, b"]);
    expect(drilled[0]?.figures).toBeUndefined();
  });
  it('does not start if the site is already down', async () => {
    broken = true;
    const { code, drilled } = await drill({ 'drills.yml': DRILL('  expect: {failed: 0}', url) }).run();
    broken = false;
    expect(code).toBe(1);
    expect(drilled[0]?.verdicts[0]?.seen).toMatch(/before the drill breaks anything: page: status 500/);
  });
  it('repairs what a failed step broke, and runs no step after it', async () => {
    const more = `  expect: {failed: 100}
  steps:
    - command: {hosts: a, script: 'touch {T}/broken; exit 3', undo: 'rm {T}/broken; touch {T}/right'}
    - command: {hosts: a, script: 'touch {T}/later'}
  cleanup:
    - command: {hosts: a, script: 'touch {T}/clean'}`;
    const d = drill({ 'drills.yml': DRILL(more, url), 'hosts.yml': HOSTS(', drill: true') });
    const { code, drilled } = await d.run();
    expect(code).toBe(1);
    expect(drilled[0]?.verdicts.filter((v) => !v.passed).map((v) => v.seen)).toEqual(['failed: a: exit code 3: ']);
    expect(() => d.read('broken')).toThrow();
    expect(() => d.read('later')).toThrow();
    expect([d.read('right'), d.read('clean')]).toEqual(['', '']);
  });
  it('repairs what it broke when it is interrupted, and exits with 130', async () => {
    const more = `  expect: {failed: 0}
  steps:
    - command: {hosts: a, script: 'touch {T}/broken', undo: 'rm {T}/broken; touch {T}/right'}
    - {after: 60, command: {hosts: a, script: 'touch {T}/later'}}`;
    const text = DRILL(more, url).replace('seconds: 1', 'seconds: 60');
    const d = drill({ 'drills.yml': text, 'hosts.yml': HOSTS(', drill: true') });
    const stop = new AbortController();
    const running = d.run(stop.signal);
    while (!d.events.some((e) => e.type === 'drill-step' && e.status === 'done'))
      await new Promise((r) => setTimeout(r, 50));
    stop.abort(new Error('interrupted'));
    const { code, drilled } = await running;
    expect(code).toBe(130);
    expect(drilled[0]).toMatchObject({ passed: false, interrupted: true });
    expect(d.read('right')).toBe('');
    expect(() => d.read('later')).toThrow();
  });
});
