import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decoder, encode } from '../../../src/connect/frame.ts';
import { answer, lines, type Question, type Script, sh } from '../../../src/core/sh.ts';
import { look } from '../../../src/modules/shared/look.ts';
import { GROUP, GROUPS_OF, once, PACKAGE, PASSWD, SUM } from '../../../src/modules/shared/questions.ts';

const MARK = 'bringup-0123456789abcdef';
const me = userInfo().username;
const folder = mkdtempSync(join(tmpdir(), 'bringup-questions-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The outputs of probes that share a trip, and of the same in a second trip of the same shell. */
function trips(scripts: readonly Script[], between = ''): readonly (readonly string[])[] {
  const pieces = scripts.map((script) => ({ script, user: me, isProbe: true }));
  const program = `${encode(pieces, MARK, me, [])}${between}\n${encode(pieces, `${MARK}0`, me, [])}`;
  const { stdout, stderr } = spawnSync('sh', ['-s'], { input: program });
  return [MARK, `${MARK}0`].map((mark) => {
    const got = decoder(mark);
    got.stdout(stdout.subarray(stdout.indexOf(`${mark} `)));
    got.stderr(stderr);
    return got.outputs().map((o) => o.stdout);
  });
}
const alone = (script: Script): string => spawnSync('sh', ['-uc', script.text], { encoding: 'utf8' }).stdout;
const sumIn = (outputs: readonly string[] = []): string | undefined => /^sum (\w{64})$/m.exec(outputs.join())?.[1];
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
/** Reading a file may change its time of access. */
const atimeless = (text: string): string => text.replace(/^(stat (?:[^/]*\/){5})[^/]*/m, '$1_');

describe('questions that many probes ask', () => {
  it('are answered as each would have found out by itself, whatever stands at a path', () => {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('plain'), 'text\n');
    writeFileSync(at('empty'), '');
    writeFileSync(at("od'd name"), 'spaces\n');
    writeFileSync(at('back\\slash'), 'b');
    writeFileSync(at('binary'), Buffer.from([0, 255, 10, 31, 0]));
    chmodSync(at('binary'), 0o4750);
    mkdirSync(at('folder'));
    symlinkSync('plain', at('link'));
    symlinkSync('folder', at('to-folder'));
    symlinkSync('nowhere', at('dangling'));
    spawnSync('mkfifo', [at('fifo')]);
    const names = ['plain', 'empty', "od'd name", 'back\\slash', 'binary', 'folder', 'link', 'to-folder', 'dangling'];
    const paths = [...names, 'fifo', 'missing', 'folder/missing', 'no/parent'].map(at);
    const wants = [
      { content: 'none' },
      { content: 'sum' },
      { content: 'always' },
      { content: 'always', limit: 3 },
      { content: 'differs', unless: 'f'.repeat(64) },
    ] as const;
    const probes = paths.flatMap((path) => [
      ...wants.map((want) => look(path, { owner: 'root', group: 'daemon' }, want)),
      look(path, {}, { content: 'sum' }, { follow: false }),
      look(sh`${path}`, {}, { content: 'sum' }, { likely: path }),
      look(sh`${`${path}/plain`}`, {}, { content: 'sum' }, { likely: path }),
    ]);
    const expected = probes.map(alone).map(atimeless);
    expect(expected.some((text) => text.includes('content '))).toBe(true);
    const [first = [], second = []] = trips(probes);
    expect(first.map(atimeless)).toEqual(expected);
    expect(second.map(atimeless)).toEqual(expected);
  });

  it('are asked anew on each trip: nothing of the last one is believed', () => {
    const file = join(folder, 'changing');
    writeFileSync(file, 'before');
    const probe = look(file, {}, { content: 'sum' });
    expect(trips([probe], `printf after >${file}`).map(sumIn)).toEqual([sha256('before'), sha256('after')]);
    expect(trips([probe], `rm ${file}`).map(sumIn)).toEqual([sha256('after'), undefined]);
  });

  it.each([
    ['users', PASSWD, ['root', 'nobody', 'no-such-user'], 'getent passwd'],
    ['groups', GROUP, ['root', 'daemon', 'no-such-group'], 'getent group'],
    ["a user's groups", GROUPS_OF, ['root', 'no-such-user'], 'id -Gn'],
  ] as const)('know %s, and leave out who is not there', (_, question, items, by) => {
    const [told] = trips(items.map((item) => sh`printf '%s\n' ${answer(question, item)}`));
    const found = items.map((item) => spawnSync('sh', ['-c', `${by} ${item}`], { encoding: 'utf8' }).stdout || '\n');
    expect(told).toEqual(found);
  });

  it('about packages: one line each, as dpkg-query gives it', ({ skip }) => {
    if (spawnSync('dpkg-query', ['-W', 'dpkg']).status !== 0) skip('no dpkg here');
    const [told = []] = trips(['dpkg', 'no-such-package'].map((item) => sh`printf '%s\n' ${answer(PACKAGE, item)}`));
    expect(told[0]).toMatch(/^is ii \/dpkg\/\w+\/\S+\n$/);
    expect(told[1]).toBe('\n');
  });

  it('cost one process for all, and none where nobody asks', () => {
    const count = join(folder, 'count');
    const counted: Question = {
      name: 'counted',
      ask: (items) => sh`echo asked >>${count}; for i in ${items}; do echo "$i it is"; done`,
    };
    const probes = ['a', 'b', 'a'].map((item) => sh`printf '%s\n' ${answer(counted, item)}`);
    expect(trips(probes)[0]).toEqual(['it is\n', 'it is\n', 'it is\n']);
    trips([sh`:`]);
    expect(alone(sh`cat ${count}`)).toBe('asked\nasked\n'); // one for each trip with such probes
  });

  it('may be one and the same look for all', () => {
    const same = once('same', lines([sh`echo 'a 1'`, sh`echo 'b two words *'`]));
    expect(trips([sh`printf %s ${answer(same, 'it')}`])[0]).toEqual(['a 1\x1fb two words *']);
  });

  it('that fail, or are answered with what nobody asked, are as if nobody had asked', () => {
    const broken: Question = { name: 'broken', ask: () => sh`echo 'other words'; echo; exit 3` };
    const reader: Question = { name: 'reader', ask: () => sh`echo noise >&2; cat` };
    const probes = [broken, reader].map((q) => sh`printf '<%s>' ${answer(q, 'x')}`);
    expect(trips(probes)[0]).toEqual(['<>', '<>']);
  });

  it('never take a word of the user for sh', () => {
    for (const item of ['$(touch never)', 'a b', '*', "'", '`id`', 'a\nb', '']) {
      expect(answer(SUM, item)).toMatchObject({ text: '""', asked: [] });
    }
  });
});
