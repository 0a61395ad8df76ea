import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Event, HostRecap, TaskEvent } from '../../../src/core/event.ts';
import { duration, size } from '../../../src/core/units.ts';
import { diffText } from '../../../src/report/diff.ts';
import { jsonReporter } from '../../../src/report/json.ts';
import { junitXml } from '../../../src/report/junit.ts';
import { finalText, plainReporter } from '../../../src/report/plain.ts';
import { changesText, recapText, table } from '../../../src/report/summary.ts';
import { diagnosticText, printable } from '../../../src/report/words.ts';

const plain = stripVTControlCharacters;
const at = { file: 'site.yml', line: 2, col: 5, length: 4 };
const task = (more: Partial<TaskEvent>): TaskEvent => ({
  type: 'task',
  host: 'a',
  play: 'p',
  task: 't',
  module: 'm',
  at,
  role: undefined,
  isHandler: false,
  status: 'changed',
  changes: [{ what: 'do it' }],
  ms: 1,
  ...more,
});
const recap = (more: Partial<HostRecap>): HostRecap => ({
  host: 'a',
  ok: 1,
  changed: 0,
  unknown: 0,
  skipped: 0,
  failed: 0,
  rescued: 0,
  ignored: 0,
  unreachable: false,
  trips: 1,
  ...more,
});
const options = { source: () => 'first\n    mtch: x\n', verbose: 0, diff: false };

describe('a diagnostic', () => {
  it('shows its position, line, caret and hint', () => {
    const text = plain(
      diagnosticText(
        { code: 'E_UNKNOWN_ARGUMENT', message: "unknown argument 'mtch'", at, expected: 'match', hint: 'write match' },
        options.source,
      ),
    );
    expect(text.split('\n')).toEqual([
      "site.yml:2:5: error E_UNKNOWN_ARGUMENT: unknown argument 'mtch'",
      '  2 │     mtch: x',
      '    │     ^^^^',
      '  expected: match',
      '  hint: write match',
    ]);
  });

  it('works without a source, and escapes control characters', () => {
    const text = plain(
      diagnosticText({ code: 'E_CHANGE_FAILED', message: 'a\u001b[2Jb', detail: 'x\u0007y\nz' }, () => undefined),
    );
    expect(text).toBe('error E_CHANGE_FAILED: a\\x1b[2Jb\n  │ x\\x07y\n  │ z');
  });
});

describe('a change', () => {
  it('is listed once for hosts that are alike', () => {
    const text = plain(
      changesText(
        [
          task({}),
          task({ host: 'b' }),
          task({ host: 'c', changes: [{ what: 'other' }] }),
          task({ host: 'd', status: 'ok' }),
        ],
        'apply',
        options,
      ),
    );
    expect(text).toBe('~ a b  t\n    do it\n~ c  t\n    other');
  });

  it('that is known after apply names the change it depends on, and what it would do now', () => {
    const text = plain(changesText([task({ status: 'unknown', because: "depends on 'install it'" })], 'plan', options));
    expect(text).toContain("? a  t\n    known after apply (depends on 'install it')\n    would now: do it");
  });

  it('is shown as a diff of limited length', () => {
    const lines = plain(diffText({ of: '/f', before: 'a\nb\n', after: 'a\nc\n' }, '', 200)).split('\n');
    expect(lines).toEqual(expect.arrayContaining(['--- /f', '+++ /f', '-b', '+c']));
    const long = Array.from({ length: 500 }, (_, i) => `${i}\n`).join('');
    expect(plain(diffText({ of: '/f', before: null, after: long }, '', 50)).split('\n')).toHaveLength(51);
  });
});

describe('a recap', () => {
  it('has one line for each host, in columns', () => {
    const lines = plain(
      recapText([recap({}), recap({ host: 'longer', changed: 12, failed: 1, trips: 3 })], 'apply'),
    ).split('\n');
    expect(lines[0]).toBe('a       1 ok  0 changed   0 skipped  0 failed  1 trip');
    expect(lines[1]).toBe('longer  1 ok  12 changed  0 skipped  1 failed  3 trips');
  });
  it('aligns its columns in spite of colours', () =>
    expect(
      table([
        ['\u001b[31mab\u001b[0m', 'x'],
        ['abc', 'y'],
      ]),
    ).toBe('\u001b[31mab\u001b[0m   x\nabc  y'));
});

describe('reporters', () => {
  const events: readonly Event[] = [
    { type: 'run', mode: 'apply', playbook: 'site.yml', hosts: ['a'] },
    task({}),
    task({ status: 'failed', task: 'breaks', diagnostic: { code: 'E_CHANGE_FAILED', message: 'no' } }),
    { type: 'done', mode: 'apply', hosts: [recap({ changed: 1, failed: 1 })], ms: 61_000, interrupted: false },
  ];
  const toldPlain = (all: readonly Event[]) => {
    const said = { out: '', err: '' };
    const { emit } = plainReporter(
      {
        out: (t) => {
          said.out += t;
        },
        err: (t) => {
          said.err += t;
        },
      },
      options,
    );
    for (const event of all) emit(event);
    return { out: plain(said.out), err: plain(said.err) };
  };
  it('plain: progress and failures on stderr, the result on stdout', () => {
    const { out, err } = toldPlain(events);
    expect(err).toContain('~ a  t: do it');
    expect(err).toContain('✗ a  breaks\n    error E_CHANGE_FAILED: no');
    expect(out).toContain('failed: apply on 1 host in 1m 01s: 1 changed, 1 failed');
    expect(out).not.toContain('breaks');
  });
  it('plain: a failure that other lines followed is repeated at the end, once for hosts that are alike', () => {
    const done: Extract<Event, { type: 'done' }> = {
      type: 'done',
      mode: 'apply',
      hosts: [recap({ failed: 1 }), recap({ host: 'b', failed: 1 }), recap({ host: 'c', changed: 1 })],
      ms: 1,
      interrupted: false,
    };
    const breaks = (host: string) =>
      task({ host, status: 'failed', task: 'breaks', diagnostic: { code: 'E_CHANGE_FAILED', message: 'no' } });
    const { out } = toldPlain([breaks('a'), breaks('b'), task({ host: 'c', task: 'last' }), done]);
    expect(out).toMatch(/^✗ a b {2}breaks\n {4}error E_CHANGE_FAILED: no\n\na {2}1 ok/);
    const rescued: typeof done = { ...done, hosts: [recap({ rescued: 1 })] };
    expect(toldPlain([breaks('a'), task({ task: 'last' }), rescued]).out).not.toContain('breaks');
    // A failure that was not shown during the run is shown at the end.
    expect(plain(finalText(rescued, [], [breaks('a')], options, true))).toContain('✗ a  breaks');
  });
  it('JSON: one event a line, and nothing else', () => {
    let out = '';
    const { emit } = jsonReporter((t) => {
      out += t;
    });
    for (const event of events) emit(event);
    expect(
      out
        .trim()
        .split('\n')
        .map((l) => JSON.parse(l)),
    ).toEqual(JSON.parse(JSON.stringify(events)));
  });
  it('JUnit: escaped, counted', () => {
    const check = { type: 'check', kind: 'http', at, seen: '', tries: 1, ms: 1500, index: 0, proves: '' } as const;
    const xml = junitXml(
      [
        { ...check, check: 'a "<good>" & one', status: 'passed', mismatches: [] },
        { ...check, check: 'tries', status: 'trying', mismatches: [] },
        {
          ...check,
          check: 'bad',
          status: 'failed',
          mismatches: [{ property: 'status', expected: '200', seen: '5\u000003' }],
        },
      ],
      'suite',
    );
    expect(xml).toContain('tests="2" failures="1" time="3.000"');
    expect(xml).toContain('name="a &quot;&lt;good&gt;&quot; &amp; one"');
    expect(xml).toContain('status: expected 200, seen 5\ufffd03');
  });
});

it('durations have one form', () => {
  const all = [12, 999.4, 1000, 1234, 59_940, 59_960, 65_000, 119_600];
  expect(all.map((ms) => duration(ms))).toEqual([
    '12 ms',
    '999 ms',
    '1.0 s',
    '1.2 s',
    '59.9 s',
    '1m 00s',
    '1m 05s',
    '2m 00s',
  ]);
  expect([90, 5496, 59_996].map((ms) => duration(ms, 2))).toEqual(['90 ms', '5.50 s', '1m 00s']);
});
it('sizes have one form', () =>
  expect([0, 512, 1024, 1_572_864, 3 * 1024 ** 3].map(size)).toEqual(['0 B', '512 B', '1 KiB', '1.5 MiB', '3 GiB']));
it('only control characters are escaped', () => expect(printable('ä\t\n\u009b')).toBe('ä\t\n\\x9b'));
