import { createCipheriv, createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passwordOf } from '../../src/cli/vault-passwords.ts';
import { bringup } from './support/command.ts';
import { makeLab } from './support/rack.ts';

// Secrets enter in every possible way and are searched for in every output, on both ends.
const NET = '10.83.132';
const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24}
  hosts:
    d13: {ansible_host: ${NET}.13, lab_image: debian-13}
`,
  NET,
);

/** Encrypts as ansible-vault does (format 1.1). */
function vault(text: string, password: string): string {
  const salt = randomBytes(32);
  const keys = pbkdf2Sync(password, salt, 10_000, 80, 'sha256');
  const pad = 16 - (Buffer.byteLength(text) % 16);
  const cipher = createCipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64, 80));
  const closed = Buffer.concat([cipher.update(text + String.fromCharCode(pad).repeat(pad)), cipher.final()]);
  const mac = createHmac('sha256', keys.subarray(32, 64)).update(closed).digest('hex');
  const body = Buffer.from(`${salt.toString('hex')}\n${mac}\n${closed.toString('hex')}`).toString('hex');
  return `$ANSIBLE_VAULT;1.1;AES256\n${body.match(/.{1,80}/g)?.join('\n')}\n`;
}
const inline = (name: string, text: string): string =>
  `${name}: !vault |\n${vault(text, 'sesame').replace(/^(?=.)/gm, '  ')}`;

const word = (i: number): string => `Zeta${i}${randomBytes(6).toString('hex')}`;
const S = Array.from({ length: 14 }, (_, i) => word(i));
const PIN = 70_000_000 + Math.floor(Math.random() * 9_999_999);
const hash = (kind: string, text: string): string => createHash(kind).update(text).digest('hex');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const at = (i: number): string => S[i] ?? '';

/** The secrets that must not appear anywhere, by what they are. */
const SECRETS: Readonly<Record<string, string>> = {
  'a value of a vault file': at(0),
  'a nested value of a vault file': at(1),
  'an item of a list of a vault file': at(2),
  'a number of a vault file': String(PIN),
  'a template in a vault file': `user-${at(0)}`,
  'an inline value': at(3),
  'a value of group_vars in a vault file': at(4),
  'a value that include_vars brought': at(5),
  'a value of -e @FILE': at(6),
  'a stored password': '(read from the file)',
  'the output of a no_log task': at(7),
  'base64 of a value': base64(at(0)),
  'base64 of an inline value': base64(at(3)),
  'upper case': at(1).toUpperCase(),
  'lower case': at(3).toLowerCase(),
  reversed: [...at(2)].reverse().join(''),
  'a hash': hash('sha1', at(0)),
  'another hash': hash('sha256', at(3)),
  'a checksum': hash('sha1', at(4)),
  'a part': at(1).slice(2, 14),
  'a replaced part': at(3).replace('Zeta', 'Eta-'),
  'a concatenation': `${at(0)}::${at(3)}`,
  'base64 of a concatenation': base64(`${at(0)}:${at(3)}`),
  'as a word of a URL': encodeURIComponent(`${at(5)}&${at(5)}`),
  'in JSON': `{"key": "${at(2)}"}`,
  'in YAML': `deep: ${at(4)}`,
  'an item of a loop': `item-${at(2)}`,
  'a fact that was set': `fact-${at(6)}`,
  'a fact of a fact': base64(`fact-${at(6)}`),
  'the argument of a macro': `<<${at(5)}>>`,
};

const CONTENT = `
- {name: Facts, set_fact: {fact: "fact-{{ extra }}"}}
- {name: Hidden output, command: cat /root/hidden, register: hidden, changed_when: false, no_log: true}
- {name: Show it, debug: {var: hidden.stdout}}
- {name: Show all, debug: {msg: "{{ hidden }} {{ plain }} {{ nested }} {{ own }} {{ group }} {{ pin }} {{ fact }} {{ extra }} {{ included }}"}}
- {name: One line, copy: {dest: /root/one, mode: '0600', content: "{{ plain | b64encode }}{{ own | lower }}"}}
- name: Many lines
  copy:
    dest: /root/many
    mode: '0600'
    content: |
      first line
      a={{ plain }} {{ plain | b64encode }} {{ plain | hash('sha1') }}
      b={{ own }} {{ own | b64encode }} {{ own | hash('sha256') }} {{ own | lower }} {{ own | regex_replace('^Zeta', 'Eta-') }}
      c={{ nested.deep }} {{ nested.deep | upper }} {{ nested.deep[2:14] }}
      d={{ list[0] }} {{ list[0] | reverse }}
      e={{ pin }} {{ pin + 1 }}
      f={{ made }} {{ plain ~ '::' ~ own }} {{ (plain ~ ':' ~ own) | b64encode }}
      g={{ group }} {{ group | sha1 }} {{ included ~ '&' ~ included }} {{ (included ~ '&' ~ included) | urlencode }}
      h={{ {'key': list[0]} | to_json }} {{ {'deep': group} | to_nice_yaml }}
      i={{ fact }} {{ fact | b64encode }} {{ hidden.stdout }} {{ stored }}
      last line
- {name: Template, template: {src: secrets.j2, dest: /root/template, mode: '0600'}, notify: Told}
- {name: Line, lineinfile: {path: /root/many, regexp: '^first', line: "first {{ own }}"}}
- {name: Block, blockinfile: {path: /root/many, block: "one {{ group }}\\ntwo {{ extra | b64encode }}"}}
- {name: Items, copy: {dest: "/root/item", mode: '0600', content: "item-{{ item }}\\n"}, loop: "{{ list }}"}
- {name: Account, user: {name: shop, password: "{{ stored | password_hash('sha512', 'abcdefgh') }}"}}
- {name: Failing, command: "false", environment: {TOKEN: "{{ own }}"}, ignore_errors: true}
`;

describe('secrets', () => {
  let told = '';
  beforeAll(async () => {
    await lab.up();
    const write = (name: string, text: string): void => writeFileSync(join(lab.folder, name), text);
    const file = `plain: ${at(0)}\nnested: {deep: ${at(1)}}\nlist: [${at(2)}]\npin: ${PIN}\nmade: "user-{{ plain }}"\n`;
    write('secret.yml', vault(file, 'sesame'));
    write('value.yml', inline('own', at(3)));
    write('included.yml', vault(`included: ${at(5)}\n`, 'sesame'));
    write('extra.yml', vault(`extra: ${at(6)}\n`, 'sesame'));
    mkdirSync(join(lab.folder, 'inventory/group_vars'), { recursive: true });
    write('inventory/group_vars/all.yml', vault(`group: ${at(4)}\n`, 'sesame'));
    write('pass', 'sesame\n');
    write(
      'secrets.j2',
      '{% macro m(x) %}<<{{ x }}>>{% endmacro %}\ntop\n{{ m(included) }}\n{% for i in list %}\n{{ i }} {{ i | b64encode }}\n{% endfor %}\n{{ plain }}\n',
    );
    write(
      'site.yml',
      `- hosts: all
  become: true
  vars_files: [secret.yml, value.yml]
  vars: {stored: "{{ lookup('password', '${lab.folder}/stored length=24') }}"}
  tasks:
    - include_vars: included.yml
${CONTENT.trim().replace(/^/gm, '    ')}
  handlers:
    - {name: Told, debug: {msg: "now {{ included }}"}}
`,
    );
    await lab.root('d13', `printf %s ${at(7)} > /root/hidden; chmod 600 /root/hidden`);
    // Records the command lines of all processes on the host, as often as possible, until it is stopped.
    await lab.root(
      'd13',
      `cat > /root/watch.sh <<'EOF'
until [ -e /root/stop ]; do for p in /proc/[0-9]*; do [ "$p" = "/proc/$$" ] || { tr '\\0' ' ' <$p/cmdline; echo; } 2>/dev/null; done; done >/root/seen
EOF
setsid sh /root/watch.sh >/dev/null 2>&1 </dev/null & echo`,
    );
    const common = [join(lab.folder, 'site.yml'), '-i', lab.inventory, '-e', `@${join(lab.folder, 'extra.yml')}`];
    const options = [...common, '--vault-password-file', join(lab.folder, 'pass'), '--diff'];
    const runs = [['plan'], ['apply', '-v', '-v'], ['apply', '-o', 'json'], ['plan', '-o', 'json', '-v']];
    for (const [command = '', ...more] of runs) {
      if (more.includes('json')) await lab.root('d13', 'rm -f /root/many /root/template'); // so that there are diffs
      const run = bringup([command, ...options, ...more]);
      expect(await run.ended, run.said()).toBe(0);
      told += run.said();
    }
    await lab.apply(join(lab.folder, 'site.yml'), {
      extraVars: [`@${join(lab.folder, 'extra.yml')}`],
      vault: [passwordOf(join(lab.folder, 'pass'))],
    });
    await lab.root('d13', 'touch /root/stop');
  });
  afterAll(() => lab.down());

  const stored = (): string => readFileSync(join(lab.folder, 'stored'), 'utf8').trim();
  const secrets = (): readonly (readonly [string, string])[] =>
    Object.entries(SECRETS).map(([what, text]) => [what, what === 'a stored password' ? stored() : text]);
  const found = (text: string): readonly string[] =>
    secrets().flatMap(([what, secret]) => (text.includes(secret) ? [what] : []));

  it('reach the host', async () => {
    const files = await lab.root('d13', 'cat /root/one /root/many /root/template /root/item /root/hidden');
    expect(
      secrets()
        .filter(([, secret]) => !files.includes(secret))
        .map(([what]) => what),
    ).toEqual([]);
    expect(secrets().length).toBe(30);
  });

  it('do not appear in the output of a plan or apply, with diffs, as text and as JSON', () => {
    expect(told).toContain('[REDACTED]');
    expect(told).toContain('last line');
    expect(found(told)).toEqual([]);
  });

  it('do not appear in processes, logs or other files of the host', async () => {
    const seen = await lab.root('d13', 'cat /root/seen');
    expect(seen).toContain('sh -s');
    expect(found(seen)).toEqual([]);
    const logs = await lab.root('d13', 'journalctl --no-pager -o cat 2>/dev/null; cat /var/log/*.log 2>/dev/null || :');
    expect(found(logs)).toEqual([]);
    const patterns = secrets()
      .map(([, secret]) => secret)
      .join('\n');
    const own = ['one', 'many', 'template', 'item', 'hidden'].map((name) => `/root/${name}`);
    const files = await lab.root(
      'd13',
      `cat > /run/patterns <<'END'\n${patterns}\nEND\ngrep -rlFf /run/patterns /root /tmp /var/tmp /var/lib/bringup /run/bringup /etc 2>/dev/null | grep -v /run/patterns || :; rm /run/patterns`,
    );
    expect(
      files
        .trim()
        .split('\n')
        .filter((file) => file !== '' && !own.includes(file)),
    ).toEqual([]);
  });

  it('do not appear in a cache on the controller', () => {
    const all = (folder: string): readonly string[] =>
      readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        return statSync(path).isDirectory() ? all(path) : [path];
      });
    const leaks = all(lab.folder)
      .filter((path) => !/\/(stored|site\.yml)$/.test(path))
      .flatMap((path) => found(readFileSync(path, 'utf8')).map((what) => `${path}: ${what}`));
    expect(leaks).toEqual([]);
  });
});
