import type { CheckEvent, DrilledEvent, Event } from '../core/event.ts';

/** The results of checks as JUnit XML for CI systems: one testcase for each check, times in seconds. */
export function junitXml(events: readonly Event[], suite: string): string {
  const ended = events.filter((e): e is CheckEvent => e.type === 'check' && e.status !== 'trying');
  return suiteXml(
    ended.sort((a, b) => a.index - b.index),
    suite,
  );
}

/** The results of drills: one testcase for each expectation, in the drill's name. */
export function drillsXml(events: readonly Event[], suite: string): string {
  const cases = events.flatMap((e) => (e.type === 'drilled' ? casesOf(e) : []));
  return suiteXml(cases, suite);
}

function casesOf({ drill, at, run, of, verdicts, interrupted, ms }: DrilledEvent): readonly Case[] {
  const kind = of > 1 ? `${drill} (${run} of ${of})` : drill;
  const cut = interrupted ? [{ what: 'the drill', expected: 'to be run', seen: 'interrupted', passed: false }] : [];
  return [...verdicts, ...cut].map(({ what, expected, seen, passed }, i) => ({
    check: what,
    kind,
    at,
    status: passed ? 'passed' : 'failed',
    mismatches: [{ property: what, expected, seen }],
    ms: i === 0 ? ms : 0,
  }));
}

type Case = Pick<CheckEvent, 'check' | 'kind' | 'at' | 'status' | 'mismatches' | 'ms'>;

function suiteXml(checks: readonly Case[], suite: string): string {
  const failures = checks.filter((c) => c.status === 'failed').length;
  const seconds = (ms: number): string => (ms / 1000).toFixed(3);
  const total = seconds(checks.reduce((n, c) => n + c.ms, 0));
  const cases = checks.map((c) => {
    const open = `    <testcase name="${xml(c.check)}" classname="${xml(c.kind)}" file="${xml(c.at.file)}" line="${c.at.line}" time="${seconds(c.ms)}"`;
    if (c.status === 'passed') return `${open}/>`;
    const text = c.mismatches.map((m) => `${m.property}: expected ${m.expected}, seen ${m.seen}`).join('\n');
    return `${open}>\n      <failure message="${xml(text.split('\n')[0] ?? '')}">${xml(text)}</failure>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${checks.length}" failures="${failures}" time="${total}">`,
    `  <testsuite name="${xml(suite)}" tests="${checks.length}" failures="${failures}" time="${total}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function xml(text: string): string {
  const escaped = text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  return escaped.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd').replaceAll('\n', '&#10;');
}
