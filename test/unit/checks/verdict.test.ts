import { describe, expect, it } from 'vitest';
import { type Judged, verdictOn } from '../../../src/checks/verdict.ts';
import type { Mismatch } from '../../../src/core/check.ts';
import type { CheckEvent } from '../../../src/core/event.ts';
import { checksText } from '../../../src/report/checks.ts';
import { plain } from '../support/command.ts';

type Given = Partial<Pick<CheckEvent, 'check' | 'kind' | 'proves' | 'detail'>> &
  Readonly<{ line?: number; wrong?: readonly Mismatch[]; hosts?: readonly string[]; down?: string }>;

function judged(all: readonly Given[]): readonly Judged[] {
  return all.map(({ wrong = [], hosts = [], down, line = 1, ...given }, index) => ({
    event: {
      type: 'check',
      check: 'a check',
      kind: 'http',
      proves: '',
      seen: 'seen',
      ...given,
      at: { file: 'checks.yml', line, col: 3 },
      index,
      status: wrong.length === 0 ? 'passed' : 'failed',
      mismatches: wrong,
      tries: 1,
      ms: 10,
    },
    hosts,
    unreachable: new Map(down === undefined ? [] : [[down, 'connection timed out']]),
  }));
}
const text = (all: readonly Given[]): string => {
  const results = judged(all);
  const events = results.map((r) => r.event).reverse(); // they end in any order
  return plain(checksText(events, { type: 'checked', ...verdictOn(results), ms: 1000 }));
};
const wrong = (property: string, expected: string, seen: string): readonly Mismatch[] => [{ property, expected, seen }];

describe('causes', () => {
  it('a host that is unreachable explains what is about it alone, and what misses or sees its name', () => {
    const { causes, failed, passed } = verdictOn(
      judged([
        { hosts: ['web1'], down: 'web1', wrong: wrong('answer', 'an answer', 'timed out') },
        { hosts: ['web1'], kind: 'ping', wrong: wrong('reply', 'an echo reply', 'nothing') },
        { hosts: ['web1', 'web2'], kind: 'balance', wrong: wrong('web1', '50 % ± 10', '0 %') },
        { hosts: ['mon1'], wrong: wrong('data.result', '[]', '[{"host":"web1"}]') },
        { hosts: ['web1', 'web2'], wrong: wrong('status', '200', '404') },
        { hosts: ['web10'], wrong: wrong('seen', '[]', 'web10') },
        { hosts: ['web2'] },
      ]),
    );
    expect({ passed, failed }).toEqual({ passed: 1, failed: 6 });
    expect(causes).toEqual([{ what: 'web1 is unreachable: connection timed out', checks: [0, 1, 2, 3] }]);
  });
  it('a host that answers SSH, but no ping, is not called unreachable', () => {
    const { causes } = verdictOn(
      judged([
        { hosts: ['web1'], kind: 'ping', wrong: wrong('reply', 'an echo reply', 'nothing') },
        { hosts: ['lb1', 'web1'], wrong: wrong('hosts', 'web1', 'none') },
      ]),
    );
    expect(causes).toEqual([{ what: 'web1 does not answer ping', checks: [0, 1] }]);
  });
  it('units in a wrong state explain what misses their host', () => {
    const { causes } = verdictOn(
      judged([
        { hosts: ['web1'], kind: 'service', wrong: wrong('state of nginx', 'active', 'failed') },
        { hosts: ['web1'], kind: 'service', wrong: wrong('state of app', 'active', 'inactive') },
        { hosts: ['web1', 'web2'], kind: 'balance', wrong: wrong('web1', '50 %', '0 %') },
        { hosts: ['web2'], kind: 'service', wrong: wrong('enabled', 'true', 'disabled') },
      ]),
    );
    expect(causes).toEqual([{ what: 'web1: nginx is failed, app is inactive', checks: [0, 1, 2] }]);
  });
  it('one failure needs no cause', () =>
    expect(verdictOn(judged([{ hosts: ['a'], down: 'a', wrong: wrong('x', 'y', 'z') }])).causes).toEqual([]));
});

describe('the text', () => {
  const pings = ['dns1', 'web1', 'web2'].map((h) => ({ check: `${h} answers ping`, proves: 'hosts' }));
  it('joins checks of one entry that differ in a word, in the order of the file', () => {
    const units = ['nginx on web1', 'nginx on web2', 'app on web1', 'app on web2', 'haproxy on lb1'];
    expect(text([...pings, ...units.map((check) => ({ check, line: 9 }))])).toBe(`hosts
✓ dns1, web1, web2 answers ping  (3 checks, 10 ms)

✓ nginx on web1, web2  (2 checks, 10 ms)
✓ app on web1, web2  (2 checks, 10 ms)
✓ haproxy on lb1  seen (10 ms)

✓  hosts         ok  3 checks
✓  other checks  ok  5 checks

8 checks passed in 1.0 s
`);
  });
  it('ends with causes, failures with their details, and the verdict', () => {
    const lost = { hosts: ['web1'], down: 'web1', wrong: wrong('answer', 'an answer', 'timed out') };
    const unit = { kind: 'service', hosts: ['db1'], wrong: wrong('state of mysql', 'active', 'failed') };
    expect(
      text([
        { check: 'the site answers', proves: 'site', line: 4 },
        { check: 'nginx on web1', proves: 'hosts', ...lost },
        { check: 'app on web1', proves: 'hosts', ...lost },
        { check: 'mysql on db1', proves: 'hosts', line: 7, ...unit, detail: 'mysqld: no space\nmysqld: \u001b[2Jexit' },
      ]),
    ).toBe(`site
✓ the site answers  seen (10 ms)

web1 is unreachable: connection timed out
    ✗ nginx, app on web1
✗ mysql on db1  (10 ms)
    state of mysql: expected active, seen failed
    │ mysqld: no space
    │ mysqld: \\x1b[2Jexit
    checks.yml:7

✓  site   ok      1 check
✗  hosts  failed  3 of 3 checks

3 of 4 checks failed in 1.0 s; 1 cause explains 2 of them
`);
  });
});
