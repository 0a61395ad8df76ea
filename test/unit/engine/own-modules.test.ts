import { describe, expect, it } from 'vitest';
import { bringup, plain } from '../support/command.ts';
import { ONE_HOST, play, project } from '../support/project.ts';

const SAY = '#!/bin/sh\nset -e\n. "$1"\n';
/** Writes what it is asked to, if the file holds something else. It supports check mode. */
const PUT = `#!/bin/sh
# Puts a text into a file.
# supports_check_mode: true
set -e
. "$1"
if [ "$(cat "$path" 2>/dev/null)" = "$text" ]; then echo '{"changed": false}'; exit; fi
[ "$_ansible_check_mode" = True ] || printf %s "$text" >"$path"
printf '%s\\n' '{"changed": true, "msg": "put", "diff": {"before": "old\\n", "after": "new\\n", "after_header": "/x"}}'
`;

describe("a project's own module", () => {
  it('gets its arguments as variables and as JSON, and its result is registered', async () => {
    const p = project({
      'library/mine.sh': `${SAY}printf '%s/%s/%s\\n' "$word" "$on" "$list" >>{T}/vars
printf '{"changed": true, "stdin": %s}' "$(cat)"
`,
      'site.yml': play(
        `- mine: {word: "it's a \\"b\\"", on: true, list: [1, x], none: null}
  register: r
- debug: {msg: "{{ r.stdin.word }} {{ r.stdin.on }} {{ r.stdin.list }} {{ r.stdin._ansible_check_mode }} {{ r.changed }}"}
- mine: word=one list={{ [2] }}`,
      ),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual([`a: it's a "b" True [1, 'x'] False True`]);
    expect(p.read('vars')).toBe('it\'s a "b"/True/[1,"x"]\none//[2]\n');
    expect(ran.tasks.map((t) => t.status)).toEqual(['changed', 'ok', 'changed']);
  });

  it('gets JSON as its file if it says WANT_JSON, and other lines around the result do not matter', async () => {
    const p = project({
      'library/mine.sh': `# WANT_JSON\necho noise; printf '{"changed": false,\\n"file": %s\\n}' "$(cat "$1")"; echo; echo noise\n`,
      'site.yml': play('- mine: {a: 1}\n  register: r\n- debug: {msg: "{{ r.file.a + 1 }}"}'),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: 2']);
    expect(ran.tasks[0]?.status).toBe('ok');
  });

  it('without check mode, it runs in apply only, and what depends on it is known after apply', async () => {
    const p = project({
      'library/mine.sh': `echo ran >>{T}/ran\necho '{"changed": true, "is": 1}'\n`,
      'site.yml': play(
        '- mine:\n  register: r\n  notify: h\n- debug: {msg: "{{ r.is }}"}\n- mine:\n  check_mode: true',
        'handlers: [{name: h, debug: {msg: handled}}]',
      ),
    });
    const planned = await p.plan();
    expect(planned.tasks.map((t) => [t.task, t.status, t.because])).toEqual([
      ['mine', 'unknown', 'only apply runs the task'],
      [expect.stringContaining('debug'), 'unknown', 'only apply runs the task'],
      ['mine', 'unknown', 'only apply runs the task'],
      ['h', 'unknown', expect.any(String)],
    ]);
    expect(() => p.read('ran')).toThrow();
    const ran = await p.apply();
    expect(ran.tasks.map((t) => t.status)).toEqual(['changed', 'ok', 'skipped', 'ok']);
    expect(p.read('ran')).toBe('ran\n');
  });

  it('with check mode, a plan asks it, and a converged host runs it in check mode only', async () => {
    const p = project({
      'library/put.sh': PUT,
      'site.yml': play('- put: {path: "{T}/x", text: new}\n  register: r\n- debug: {msg: "{{ r.msg | default(0) }}"}'),
    });
    const planned = await p.plan();
    expect(planned.tasks[0]).toMatchObject({ status: 'changed' });
    expect(planned.tasks[0]?.changes[0]).toMatchObject({
      what: 'run the module put',
      diff: { of: '/x', before: 'old\n', after: 'new\n' },
    });
    expect(() => p.read('x')).toThrow();
    expect((await p.apply()).said).toEqual(['a: put']);
    expect(p.read('x')).toBe('new');
    const again = await p.apply();
    expect([again.tasks[0]?.status, again.said]).toEqual(['ok', ['a: 0']]);
  });

  it.each([
    [
      'says so',
      'echo \'{"failed": true, "msg": "no luck"}\'; echo why >&2',
      'E_MODULE_FAILED',
      /'mine' failed: no luck/,
      /^why$/,
    ],
    ['ends with an error', 'echo \'{"changed": true}\'; exit 3', 'E_MODULE_FAILED', /failed: exit code 3/, /^$/],
    ['returns an rc', 'echo \'{"rc": 4}\'', 'E_MODULE_FAILED', /failed: exit code 4/, /^$/],
    ['prints no JSON', 'echo nothing; jqq', 'E_MODULE_OUTPUT', /no JSON object \(exit code 127\)/, /jqq[\s\S]*nothing/],
    ['prints a list', 'echo "[1]"', 'E_MODULE_OUTPUT', /no JSON object/, /\[1\]/],
  ] as const)('fails if it %s, and no later task runs', async (_, text, code, message, detail) => {
    for (const header of ['', '# supports_check_mode: true\n']) {
      const p = project({
        'library/mine.sh': `#!/bin/sh\n${header}${text}\n`,
        'site.yml': play('- mine:\n  register: r\n- copy: {dest: "{T}/after", content: x}'),
      });
      const ran = await p.apply();
      expect(ran.tasks.map((t) => t.status)).toEqual(['failed']);
      const found = ran.tasks[0]?.diagnostic;
      expect([found?.code, found?.message, found?.detail ?? '']).toEqual([
        code,
        expect.stringMatching(message),
        expect.stringMatching(detail),
      ]);
    }
  });

  it('a failure can be rescued and judged', async () => {
    const p = project({
      'library/mine.sh': 'echo \'{"failed": true, "msg": "no", "n": 5}\'\n',
      'site.yml': play(
        '- mine:\n  register: r\n  ignore_errors: true\n- debug: {msg: "{{ r.n }} {{ r.failed }} {{ r.msg }}"}\n- mine:\n  register: s\n  failed_when: s.n > 5\n- debug: {msg: "{{ s.failed }}"}',
      ),
    });
    expect((await p.apply()).said).toEqual(['a: 5 True no', 'a: False']);
  });

  it('sets facts', async () => {
    const p = project({
      'library/facts.sh': `echo '{"changed": false, "ansible_facts": {"colour": "blue"}}'\n`,
      'library/facts.yml': 'short_description: Tells the colour.\noptions: {}\nfacts: [colour]\n',
      'site.yml': play('- facts:\n- debug: {msg: "{{ colour }}"}'),
    });
    expect((await p.apply()).said).toEqual(['a: blue']);
    expect((await p.plan()).tasks.map((t) => t.status)).toEqual(['unknown', 'unknown']);
  });

  it('the arguments are in no argument list and in no environment', async () => {
    const p = project({
      'library/mine.sh': `${SAY}printf '{"args": "%s", "env": "%s"}' "$(tr '\\0' ' ' </proc/$$/cmdline)" "$(tr '\\0' ' ' </proc/$$/environ | base64 -w0)"\n`,
      'site.yml': play(
        '- mine: {password: hunter2}\n  register: r\n- debug: {msg: "{{ r.args }}"}\n- debug: {msg: "{{ \'hunter2\' in (r.env | b64decode) }}"}',
      ),
    });
    expect((await p.apply()).said).toEqual(['a: /bin/sh /dev/fd/3 /dev/fd/4 ', 'a: False']);
  });

  it('runs in the shell that its first line names', async () => {
    const p = project({
      'library/mine.sh': '#!/usr/bin/env bash\nx=(a b)\necho "{\\"second\\": \\"${x[1]}\\"}"\n',
      'site.yml': play('- mine:\n  register: r\n- debug: {msg: "{{ r.second }}"}'),
    });
    expect((await p.apply()).said).toEqual(['a: b']);
  });
});

describe('which file is the module', () => {
  const from = (where: string): string => `echo '{"from": "${where}"}'\n`;

  it("the playbook's comes before the role's, which later roles use too", async () => {
    const p = project({
      'library/both.sh': from('playbook'),
      'roles/one/library/both.sh': from('role'),
      'roles/one/library/only.sh': from('role'),
      'roles/one/tasks/main.yml': '- both:\n  register: r\n- debug: {msg: "{{ r.from }}"}\n',
      'roles/two/tasks/main.yml': '- only:\n  register: r\n- debug: {msg: "{{ r.from }}"}\n',
      'site.yml': '- hosts: all\n  gather_facts: false\n  roles: [one, two]\n',
    });
    expect((await p.apply()).said).toEqual(['a: playbook', 'a: role']);
  });

  it('wins over a module of bringup, unless the task names a collection', async () => {
    const p = project({
      'library/ping.sh': from('library'),
      'site.yml': play(
        '- ping:\n  register: r\n- ansible.builtin.ping:\n  register: s\n- ansible.legacy.ping:\n  register: t\n- action: ping\n  register: u\n- debug: {msg: "{{ r.from }} {{ s.from | default(s.ping) }} {{ t.from }} {{ u.from }}"}',
      ),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: library pong library library']);
    const notes = ran.events.flatMap((e) => (e.type === 'note' ? [e.diagnostic.message] : []));
    expect(notes).toEqual([expect.stringMatching(/library\/ping\.sh replaces bringup's module 'ping'/)]);
  });

  it('is named by -v if it replaces a module of bringup', async () => {
    const p = project({ 'library/ping.sh': from('library'), 'site.yml': play('- ping:') });
    const { err } = await bringup('plan', p.path('site.yml'), '-i', p.path('hosts.yml'), '-v');
    expect(plain(err)).toMatch(/^note E_MODULE_REPLACED: .*library\/ping\.sh replaces bringup's module 'ping'$/m);
    const quiet = await bringup('plan', p.path('site.yml'), '-i', p.path('hosts.yml'));
    expect(quiet.err).not.toContain('E_MODULE_REPLACED');
  });

  it('is found in the directories of the setting, and gets module_defaults', async () => {
    const p = project({
      'more/mine.sh': `${SAY}echo "{\\"a\\": \\"$a\\"}"\n`,
      'site.yml': play('- mine:\n  register: r\n- debug: {msg: "{{ r.a }}"}', 'module_defaults: {mine: {a: preset}}'),
    });
    const { readSettings } = await import('../../../src/config/settings.ts');
    const settings = readSettings(undefined, { ANSIBLE_LIBRARY: p.path('more') }, []);
    expect((await p.apply({ settings })).said).toEqual(['a: preset']);
  });

  it('of another language is refused only if a host reaches the task', async () => {
    const p = project({
      'library/mine.py': '#!/usr/bin/python3\n',
      'library/copy.py': '#!/usr/bin/python3\n',
      'site.yml': play('- mine: {a: 1}\n  when: inventory_hostname == "b"\n- debug: {msg: went}'),
    });
    expect((await p.apply()).said).toEqual(['a: went']);
    p.write({ 'site.yml': play('- mine: {a: 1}\n- copy: {dest: /x, content: x}') });
    expect((await p.mistakes()).map((d) => [d.code, d.at?.line, d.message, d.hint])).toEqual([
      ['E_FOREIGN_MODULE', 4, expect.stringContaining('library/mine.py'), expect.stringContaining('mine.sh')],
      [
        'E_FOREIGN_MODULE',
        5,
        expect.stringContaining('library/copy.py'),
        expect.stringContaining('ansible.builtin.copy'),
      ],
    ]);
  });
});

describe('declared arguments', () => {
  const DECLARED = `options:
  path: {type: path, required: true, aliases: [dest]}
  mode: {choices: [fast, slow], default: slow}
  tries: {type: int}
  flag: {type: bool, default: false}
  words: {type: list, elements: str}
  deep:
    type: dict
    options: {size: {type: int, required: true}}
  key: {no_log: true}
  any: {type: raw}
  share: {type: float, choices: [0.5, 1]}
`;
  const files = (task: string) => ({
    'library/mine.sh': `${SAY}printf '{"all": %s, "flag": "%s"}' "$(cat)" "$flag"\n`,
    'library/mine.yml': DECLARED,
    'site.yml': play(
      `${task}\n  register: r\n- debug: {msg: "{{ r.all | dict2items | rejectattr('key', 'match', '_') | map(attribute='value') | list }} {{ r.flag }}"}`,
    ),
  });

  it('are converted, and defaults are filled in', async () => {
    const p = project(
      files('- mine: {dest: /x, tries: "3", flag: "yes", words: "a,b", deep: {size: "1"}, any: [1], share: "0.5"}'),
    );
    expect((await p.apply()).said).toEqual([`a: ['/x', 3, True, ['a', 'b'], {'size': 1}, [1], 0.5, 'slow'] True`]);
  });

  it('no_log is never shown', async () => {
    const p = project(files('- mine: {path: /x, key: hunter2}'));
    const ran = await p.apply();
    expect(JSON.stringify(ran.events)).not.toContain('hunter2');
    expect(ran.said[0]).toContain('[REDACTED]');
  });

  it.each([
    ['- mine: {}', 'E_MISSING_ARGUMENT', '4:7', /'path' is missing/],
    ['- mine: {dest: /x, mode: fats}', 'E_ARGUMENT_VALUE', '4:30', /'mode' is not valid/],
    ['- mine: {dest: /x, tries: many}', 'E_ARGUMENT_VALUE', '4:31', /'tries'/],
    ['- mine: {dest: /x, wrds: a}', 'E_UNKNOWN_ARGUMENT', '4:24', /'wrds'/],
    ['- mine: {dest: /x, deep: {}}', 'E_MISSING_ARGUMENT', '4:24', /'size' is missing/],
    ['- mine: {dest: /x, share: 0.7}', 'E_ARGUMENT_VALUE', '4:31', /'share'/],
  ] as const)('%s is refused before any host is touched', async (task, code, at, message) => {
    const [found] = await project(files(task)).mistakes();
    expect([found?.code, `${found?.at?.line}:${found?.at?.col}`, found?.message]).toEqual([
      code,
      at,
      expect.stringMatching(message),
    ]);
  });

  it('a name that no variable can have is refused', async () => {
    const p = project({ 'library/mine.sh': 'echo {}\n', 'site.yml': play('- mine: {a-b: 1}') });
    expect((await p.mistakes()).map((d) => d.message)).toEqual(["mine: 'a-b' cannot name a shell variable"]);
  });

  it.each([
    ['options: {a: {type: string}}', '1:15', /'a' has an unknown type 'string'/, /str, int/],
    ['options: {a: {requird: true}}', '1:15', /unknown key 'requird'/, /required/],
    ['options: {a: 1}', '1:11', /'a' is no map/, /type: str/],
    ['options: [a]', '1:10', /'options' is no map/, /options:/],
    ['option: {}', '1:1', /unknown key 'option'/, /options/],
    ['options: {a-b: {}}', '1:11', /'a-b' cannot name/, /letters/],
    [
      'options: {a: {type: bool, choices: [1]}}',
      '1:27',
      /'choices' has no effect on the option 'a' of type bool/,
      /^$/,
    ],
    ['options: {a: {elements: str}}', '1:15', /'elements' has no effect/, /^$/],
    ['options: {a: {type: dict, options: {b: {aliases: [c]}}}}', '1:41', /'b' is inside/, /^$/],
    ['options: {a: {aliases: b}}', '1:15', /aliases of 'a'/, /one, two/],
    ['options: {a: {choices: b}}', '1:15', /choices of 'a'/, /one, two/],
    ['facts: a', '1:8', /'facts' is no list/, /one, two/],
    ['- a', '1:1', /./, /./],
  ] as const)('a wrong declaration: %s', async (declaration, at, message, expected) => {
    const p = project({ 'library/mine.sh': 'echo {}\n', 'library/mine.yml': declaration, 'site.yml': play('- mine:') });
    const [found] = await p.mistakes();
    expect(found?.at?.file).toMatch(/library\/mine\.yml$/);
    expect([`${found?.at?.line}:${found?.at?.col}`, found?.message, found?.expected ?? '']).toEqual([
      at,
      expect.stringMatching(message),
      expect.stringMatching(expected),
    ]);
  });

  it('a file that is no shell script is refused', async () => {
    const p = project({ 'library/mine.sh': '#!/usr/bin/perl\n', 'site.yml': play('- mine:') });
    expect((await p.mistakes()).map((d) => [d.code, d.message])).toEqual([
      ['E_OWN_MODULE', expect.stringMatching(/mine\.sh cannot be used: its #! line names no shell/)],
    ]);
  });

  it('cannot run in the background, because nobody would read its result', async () => {
    const p = project({ 'library/mine.sh': 'echo {}\n', 'site.yml': play('- mine:\n  async: 10\n  poll: 0') });
    const ran = await p.apply();
    expect(ran.tasks[0]?.diagnostic?.code ?? JSON.stringify(ran.events)).toContain('E_ASYNC');
  });
});

describe('a module in TypeScript', () => {
  const TOUCH = `import { type Static, absolutePath, args, defineModule, sh } from 'bringup';
import { messageFor } from './shared/message.ts';

const Args = args({ path: absolutePath('The file.') });
type Given = Static<typeof Args>;

export const touch = defineModule<typeof Args, boolean>({
  name: 'touch',
  summary: 'A file exists.',
  args: Args,
  examples: [],
  needs: ({ path }: Given) => [\`path:\${path}\`],
  touches: ({ path }: Given) => [\`path:\${path}\`],
  probe: ({ path }: Given) => sh\`if [ -e \${path} ]; then echo there; fi\`,
  parse: (stdout: string) => stdout.trim() === 'there',
  plan: (isThere: boolean, { path }: Given) => (isThere ? [] : [{ what: messageFor(path), run: sh\`: >\${path}\` }]),
});
`;
  const files = {
    'library/touch.ts': TOUCH,
    'library/shared/message.ts': 'export const messageFor = (path: string): string => `create ${path}`;\n',
    'site.yml': play('- touch: {path: "{T}/made"}'),
  };

  it('has probes, plans and verified changes', async () => {
    const p = project(files);
    expect((await p.plan()).tasks[0]?.changes[0]?.what).toBe(`create ${p.path('made')}`);
    expect((await p.apply()).tasks[0]?.status).toBe('changed');
    expect(p.read('made')).toBe('');
    expect((await p.apply()).tasks[0]?.status).toBe('ok');
  });

  it('arguments are checked before any host is touched', async () => {
    const p = project({ ...files, 'site.yml': play('- touch: {pth: /x}') });
    expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_MISSING_ARGUMENT', 'E_UNKNOWN_ARGUMENT']);
  });

  it.each([
    ['const x = ;', /cannot be loaded/],
    ["throw new Error('early');", /cannot be loaded/],
    ['export const x = 1;', /exports 0 modules/],
    [TOUCH.replace("name: 'touch'", "name: 'other'"), /has the name 'other'/],
    [`${TOUCH}export const two = { ...touch };`, /exports 2 modules/],
    ["import { x } from 'node:fs';\nx();", /imports 'node:fs'/],
  ])('is refused: %s', async (text, message) => {
    const p = project({ ...files, 'library/touch.ts': text });
    const [found] = await p.mistakes();
    expect([found?.code, found?.message, found?.at?.line]).toEqual(['E_OWN_MODULE', expect.stringMatching(message), 4]);
  });
});

it('a playbook without a library reads no directory', async () => {
  const p = project({ 'hosts.yml': ONE_HOST, 'site.yml': play('- mine:') });
  expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_UNKNOWN_MODULE']);
});
