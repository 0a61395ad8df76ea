import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { edit as block } from '../../../src/modules/blockinfile.ts';
import { edit as crontab } from '../../../src/modules/cron.ts';
import { edit as ini, ini_file } from '../../../src/modules/ini_file.ts';
import { edit as known } from '../../../src/modules/known_hosts.ts';
import { edit as line } from '../../../src/modules/lineinfile.ts';
import { edit as replaced } from '../../../src/modules/replace.ts';
import { edit as sysctl } from '../../../src/modules/sysctl.ts';
import { refusal } from './harness.ts';

const LINE = { state: 'present', backrefs: false, firstmatch: false } as const;

describe('lineinfile', () => {
  test.each([
    ['the last match is replaced', 'a=1\nb\na=2\n', { regexp: '^a=', line: 'a=3' }, 'a=1\nb\na=3\n'],
    ['the first, with firstmatch', 'a=1\nb\na=2\n', { regexp: '^a=', line: 'a=3', firstmatch: true }, 'a=3\nb\na=2\n'],
    ['no match, but the line is there', 'x\ny\n', { regexp: '^z', line: 'x' }, 'x\ny\n'],
    ['appended', 'x\n', { line: 'y' }, 'x\ny\n'],
    ['a missing last newline is added first', 'x', { line: 'y' }, 'x\ny\n'],
    ['an empty file', '', { line: 'y' }, 'y\n'],
    ['after the last match', 'a\nb\na\nc\n', { line: 'n', insertafter: '^a' }, 'a\nb\na\nn\nc\n'],
    ['before the last match', 'a\nb\na\nc\n', { line: 'n', insertbefore: '^a' }, 'a\nb\nn\na\nc\n'],
    ['at the beginning', 'a\n', { line: 'n', insertbefore: 'BOF' }, 'n\na\n'],
    ['where nothing matches: at the end', 'a\n', { line: 'n', insertbefore: '^q' }, 'a\nn\n'],
    ['regexp wins over insertafter', 'k=1\nz\n', { regexp: '^k=', line: 'k=2', insertafter: '^z' }, 'k=2\nz\n'],
    [
      'backrefs',
      'Listen 80 # x\n',
      { regexp: '^Listen \\d+(?P<rest>.*)$', line: 'Listen 81\\g<rest>', backrefs: true },
      'Listen 81 # x\n',
    ],
    ['backrefs without a match', 'q\n', { regexp: '^Listen', line: 'Listen 81', backrefs: true }, 'q\n'],
    ['plain text', 'a.b\naxb\n', { search_string: 'a.b', line: 'c' }, 'c\naxb\n'],
    ['absent: all matches go', 'a\nb\na\n', { regexp: '^a', state: 'absent' }, 'b\n'],
    ['CRLF stays CRLF', 'a\r\nb\r\n', { regexp: '^a$', line: 'c' }, 'c\r\nb\r\n'],
    ['case, as Python says it', 'PORT=1\n', { regexp: '(?i)^port=', line: 'port=2' }, 'port=2\n'],
  ] as const)('%s', (_, before, args, after) => {
    expect(line(before, { ...LINE, ...args })).toBe(after);
    expect(line(after, { ...LINE, ...args })).toBe(after);
  });

  test('is idempotent and changes at most one line', () => {
    const text = fc
      .array(fc.stringMatching(/^[abk=1]{0,4}$/), { maxLength: 8 })
      .map((lines) => lines.map((l) => `${l}\n`).join(''));
    fc.assert(
      fc.property(
        text,
        // a line that its own regexp does not match is added again for each remaining match, as in Ansible
        fc.constantFrom(['k=1', '^k='], ['k=2', '^k='], ['k=1', undefined], ['zz', undefined]),
        (before, [wanted = '', regexp]) => {
          const args = { ...LINE, line: wanted, ...(regexp !== undefined && { regexp }) };
          const after = line(before, args);
          expect(line(after, args)).toBe(after);
          expect(after.split('\n')).toContain(wanted);
          const [old, now] = [before.split('\n'), after.split('\n')];
          const changed = now.filter((l, at) => l !== old[at]);
          expect(now.length - old.length === 1 || changed.length <= 1).toBe(true);
        },
      ),
    );
  });
});

const BLOCK = {
  state: 'present',
  marker: '# {mark} X',
  marker_begin: 'BEGIN',
  marker_end: 'END',
  append_newline: false,
  prepend_newline: false,
  backup: false,
  unsafe_writes: false,
} as const;

describe('blockinfile', () => {
  test.each([
    ['appended', 'a', { block: 'x\ny' }, 'a\n# BEGIN X\nx\ny\n# END X\n'],
    [
      'replaced where it is',
      '# BEGIN X\nold\n# END X\nb\n',
      { block: 'new\n', insertafter: 'EOF' },
      '# BEGIN X\nnew\n# END X\nb\n',
    ],
    ['after a line', 'a\nb\n', { block: 'x', insertafter: '^a' }, 'a\n# BEGIN X\nx\n# END X\nb\n'],
    ['removed', 'a\n# BEGIN X\nx\n# END X\nb\n', { block: '' }, 'a\nb\n'],
    ['absent', 'a\n# BEGIN X\nx\n# END X\n', { block: 'x', state: 'absent' }, 'a\n'],
    ['nothing to remove', 'a', { block: '' }, 'a'],
    [
      'with empty lines around it',
      'a\nb\n',
      { block: 'x', insertafter: '^a', append_newline: true, prepend_newline: true },
      'a\n\n# BEGIN X\nx\n# END X\n\nb\n',
    ],
  ] as const)('%s', (_, before, args, after) => {
    expect(block(before, { ...BLOCK, ...args })).toBe(after);
    expect(block(after, { ...BLOCK, ...args })).toBe(after);
  });

  test('reports a lone marker as damage, and never adds a second block', () => {
    expect(block('# BEGIN X\nx\n', { ...BLOCK, block: 'y' })).toMatchObject({
      blocked: expect.objectContaining({ message: expect.stringContaining('damaged block') }),
    });
    expect(block('# END X\n# BEGIN X\n', { ...BLOCK, block: 'y' })).toMatchObject({
      blocked: expect.objectContaining({ message: expect.stringContaining('damaged block') }),
    });
  });

  test('is idempotent, and keeps all other lines', () => {
    const lines = fc.array(fc.stringMatching(/^[ab ]{0,3}$/), { maxLength: 6 });
    fc.assert(
      fc.property(lines, lines, (around, inner) => {
        const before = around.map((l) => `${l}\n`).join('');
        const args = { ...BLOCK, block: inner.join('\n') };
        const after = block(before, args);
        if (typeof after !== 'string') throw new Error(after.blocked.message);
        expect(block(after, args)).toBe(after);
        expect(block(after, { ...BLOCK, block: '' })).toBe(before);
      }),
    );
  });
});

test.each([
  ['everywhere', 'a1\na2\n', { regexp: 'a(\\d)', replace: 'b\\1' }, 'b1\nb2\n'],
  ['line by line', 'x=1\ny=1\n', { regexp: '^y=.*$', replace: '' }, 'x=1\n\n'],
  [
    'between two marks',
    '[a]\np=1\n[b]\np=1\n[c]\np=1\n',
    { regexp: '^p=1$', replace: 'p=2', after: '\\[b\\]', before: '\\[c' },
    '[a]\np=1\n[b]\np=2\n[c]\np=1\n',
  ],
  ['a mark that is not there', 'p=1\n', { regexp: 'p', replace: 'q', after: 'zzz' }, 'p=1\n'],
])('replace: %s', (_, before, args, after) => {
  expect(replaced(before, args)).toBe(after);
});

const INI = {
  state: 'present',
  exclusive: true,
  ignore_spaces: false,
  no_extra_spaces: false,
  allow_no_value: false,
  modify_inactive_option: true,
} as const;
test.each([
  ['a new file', '', { section: 'a', option: 'b', value: '1' }, '[a]\nb = 1\n'],
  [
    'a new section',
    '[x]\ny=1\n',
    { section: 'a', option: 'b', value: '1', no_extra_spaces: true },
    '[x]\ny=1\n[a]\nb=1\n',
  ],
  [
    'a new value',
    '[a]\nb=1\nc=2\n[d]\nb=1\n',
    { section: 'a', option: 'b', value: '2' },
    '[a]\nb = 2\nc=2\n[d]\nb=1\n',
  ],
  ['equal but for blanks', '[a]\nb=1\n', { section: 'a', option: 'b', value: '1' }, '[a]\nb = 1\n'],
  [
    'equal but for blanks, which do not matter',
    '[a]\nb=1\n',
    { section: 'a', option: 'b', value: '1', ignore_spaces: true },
    '[a]\nb=1\n',
  ],
  [
    'the section that has a value',
    '[a]\nk=1\n[a]\nk=2\n[a]\nk=2\n',
    { section: 'a', section_has_values: [{ option: 'k', value: '2' }], option: 'b', value: '1' },
    '[a]\nk=1\n[a]\nk=2\nb = 1\n[a]\nk=2\n',
  ],
  [
    'the section that has one of several values, and an option',
    '[a]\nk=1\n[a]\nk=3\nl=0\n',
    {
      section: 'a',
      section_has_values: [{ option: 'k', values: ['2', '3'] }, { option: 'l' }],
      option: 'l',
      state: 'absent',
    },
    '[a]\nk=1\n[a]\nk=3\n',
  ],
  [
    'a section with a value, which is added',
    '[a]\nk=1\n',
    { section: 'a', section_has_values: [{ option: 'k', values: ['2', '3'] }], option: 'b', value: '1' },
    '[a]\nk=1\n[a]\nk = 2\nk = 3\nb = 1\n',
  ],
  [
    'a section with the value that is set',
    '[a]\nk=1\n',
    { section: 'a', section_has_values: [{ option: 'k', value: '2' }], option: 'k', value: '2' },
    '[a]\nk=1\n[a]\nk = 2\n',
  ],
  [
    'one of two sections is removed',
    '[a]\nk=1\n[a]\nk=2\n',
    { section: 'a', section_has_values: [{ option: 'k', value: '2' }], state: 'absent' },
    '[a]\nk=1\n',
  ],
  [
    'at the end of its section',
    '[a]\nc=2\n\n[d]\n',
    { section: 'a', option: 'b', value: '1' },
    '[a]\nc=2\nb = 1\n\n[d]\n',
  ],
  [
    'one in a comment is made active',
    '[a]\n#b=7\nc=2\n',
    { section: 'a', option: 'b', value: '1' },
    '[a]\nb = 1\nc=2\n',
  ],
  ['several', '[a]\nb=1\n', { section: 'a', option: 'b', values: ['1', '2'] }, '[a]\nb = 1\nb = 2\n'],
  ['absent', '[a]\nb=1\nc=2\n', { section: 'a', option: 'b', state: 'absent' }, '[a]\nc=2\n'],
  ['no section', '[a]\nb=1\n[c]\nd=1\n', { section: 'a', state: 'absent' }, '[c]\nd=1\n'],
  ['above all sections', 'x=1\n[a]\n', { option: 'x', value: '2' }, 'x = 2\n[a]\n'],
  ['without a value', '[a]\n', { section: 'a', option: 'skip', allow_no_value: true }, '[a]\nskip\n'],
] as const)('ini_file: %s', (_, before, args, after) => {
  const given = { ...INI, ...args } as unknown as Parameters<typeof ini>[1];
  expect(ini(before, given)).toBe(after);
  expect(ini(after, given)).toBe(after);
});

test.each([
  [{ section: 'a', section_has_values: [{ option: 'k', value: '1', values: ['2'] }] }, 'exclude each other'],
  [{ option: 'k', value: '1', section_has_values: [{ option: 'k' }] }, "'section_has_values' needs 'section'"],
  [{ section: 'a', section_has_values: [{ key: 'k' }] }, "unknown argument 'key'"],
])('ini_file refuses %j', (args, problem) => {
  expect(refusal(ini_file, { path: '/etc/f', ...args })).toContain(problem);
});

test('sysctl', () => {
  expect(sysctl('# c\nvm.swappiness = 10\n', { name: 'vm.swappiness', value: '10', state: 'present' })).toBe(
    '# c\nvm.swappiness = 10\n',
  );
  expect(sysctl('a=1\na=2\n', { name: 'a', value: '3', state: 'present' })).toBe('a=3\n');
  expect(sysctl('a=1\nb=1\n', { name: 'a', state: 'absent' })).toBe('b=1\n');
});

test('known_hosts', () => {
  const key = 'h ssh-ed25519 AAAA';
  expect(known('h ssh-ed25519 OLD\nh ssh-rsa R\nx ssh-rsa R\n', { name: 'h', key, state: 'present' })).toBe(
    `h ssh-rsa R\nx ssh-rsa R\n${key}\n`,
  );
  expect(known(`${key}\n`, { name: 'h', key, state: 'present' })).toBe(`${key}\n`);
  expect(known('h,i ssh-rsa R\nx ssh-rsa R\n', { name: 'h', state: 'absent' })).toBe('x ssh-rsa R\n');
});

const CRON = {
  state: 'present',
  minute: '*',
  hour: '*',
  day: '*',
  month: '*',
  weekday: '*',
  disabled: false,
  env: false,
} as const;
test.each([
  ['a job', 'MAILTO=x\n', { name: 'n', job: 'j', minute: '5' }, 'MAILTO=x\n#Ansible: n\n5 * * * * j\n'],
  [
    'a changed job',
    '#Ansible: n\n* * * * * old\n#Ansible: m\n* * * * * m\n',
    { name: 'n', job: 'j' },
    '#Ansible: n\n* * * * * j\n#Ansible: m\n* * * * * m\n',
  ],
  ['disabled', '', { name: 'n', job: 'j', special_time: 'daily', disabled: true }, '#Ansible: n\n#@daily j\n'],
  ['in a file', '', { name: 'n', job: 'j', cron_file: 'f', user: 'root' }, '#Ansible: n\n* * * * * root j\n'],
  ['dropped', '#Ansible: n\n* * * * * old\nrest\n', { name: 'n', state: 'absent' }, 'rest\n'],
  ['a variable', '* * * * * j\n', { name: 'A', job: 'b', env: true }, 'A="b"\n* * * * * j\n'],
] as const)('cron: %s', (_, before, args, after) => {
  expect(crontab(before, { ...CRON, ...args })).toBe(after);
  expect(crontab(after, { ...CRON, ...args })).toBe(after);
});
