import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decoder } from '../../../src/connect/decode.ts';
import { encode } from '../../../src/connect/frame.ts';
import { answer, type Question, type Script, sh } from '../../../src/core/sh.ts';
import { probePath } from '../../../src/modules/shared/path-state.ts';
import { entry, GROUP, GROUPS_OF, PACKAGE, PASSWD, SUM } from '../../../src/modules/shared/questions.ts';

const MARK = 'bringup-0123456789abcdef';
const me = userInfo().username;
const folder = mkdtempSync(join(tmpdir(), 'bringup-questions-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** The outputs of probes that share a round trip, and of the same probes in a second round trip of the same shell. */
function trips(scripts: readonly Script[], between = ''): readonly (readonly string[])[] {
  const pieces = scripts.map((script) => ({ script, user: me, isProbe: true }));
  const program = `${encode({ pieces, shellUser: me }, MARK)}${between}\n${encode({ pieces, shellUser: me }, `${MARK}0`)}`;
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
/** Reading a file may change its access time. */
const atimeless = (text: string): string => text.replace(/^(stat (?:[^/]*\/){5})[^/]*/m, '$1_');

describe('questions that many probes share', () => {
  it('get the answers that each probe would find by itself, whatever is at a path', () => {
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
      ...wants.map((want) => probePath(path, { owner: 'root', group: 'daemon' }, want)),
      probePath(path, {}, { content: 'sum' }, { follow: false }),
      probePath(sh`${path}`, {}, { content: 'sum' }, { likely: path }),
      probePath(sh`${`${path}/plain`}`, {}, { content: 'sum' }, { likely: path }),
    ]);
    const expected = probes.map(alone).map(atimeless);
    expect(expected.some((text) => text.includes('content '))).toBe(true);
    const [first = [], second = []] = trips(probes);
    expect(first.map(atimeless)).toEqual(expected);
    expect(second.map(atimeless)).toEqual(expected);
  });

  it('transfer the bytes of many files with one process, which a user cannot forge', () => {
    const bytes = Buffer.from(Array.from({ length: 1025 }, (_, i) => i % 256));
    writeFileSync(at('bytes'), bytes);
    linkSync(at('bytes'), at('same-bytes'));
    writeFileSync(at('forged'), `\n${MARK}@${at('bytes')}\n${MARK} 0 @\n`);
    writeFileSync(at('huge'), Buffer.alloc(8_388_609));
    const paths = ['bytes', 'same-bytes', 'forged', 'huge', `no/${'x'.repeat(100)}`].map(at);
    const probes = paths.map((path) => probePath(path, {}, { content: 'always', limit: 8_388_608 }));
    expect(
      encode({ pieces: probes.map((script) => ({ script, user: me, isProbe: true })), shellUser: me }, MARK).match(
        /^tar -/gm,
      ),
    ).toHaveLength(1);
    const contents = (trips(probes)[0] ?? []).map((out) => /^content (.*)$/m.exec(out)?.[1]);
    const base64 = (path: string): string => readFileSync(path).toString('base64');
    expect(contents).toEqual([...paths.slice(0, 3).map(base64), undefined, undefined]);
  });

  it('do not answer for a file that disappeared before it was sent', () => {
    const probes = ['bytes', 'forged'].map((name) => probePath(at(name), {}, { content: 'always' }));
    const program = encode(
      { pieces: probes.map((script) => ({ script, user: me, isProbe: true })), shellUser: me },
      MARK,
    ).replace(/^tar -/m, ': tar -');
    const { stdout, stderr } = spawnSync('sh', ['-s'], { input: program });
    const got = decoder(MARK);
    got.stdout(stdout);
    got.stderr(stderr);
    expect(got.outputs()[0]?.stdout).toMatch(/^stat .*\nparent yes\numask \d+\n$/);
  });

  it('report whether anybody but root and the acting user can change the way to a file', () => {
    const open = mkdtempSync(join('/var/tmp', 'bringup-questions-')); // below a directory that every user can write to
    const paths = ['/etc/x', '/etc/none/of/x', join(open, 'x'), '/etc/../etc/x', at('to-folder/x')];
    const told = (trips(paths.map((path) => probePath(path, {}, { content: 'none' })))[0] ?? []).map(
      (out) => /^parent (.*)$/m.exec(out)?.[1],
    );
    rmSync(open, { recursive: true });
    expect(told).toEqual(['yes!', 'no!', 'yes', 'yes', 'yes']);
  });

  it('are asked again in each round trip, and old answers are ignored', () => {
    const file = join(folder, 'changing');
    writeFileSync(file, 'before');
    const probe = probePath(file, {}, { content: 'sum' });
    expect(trips([probe], `printf after >${file}`).map(sumIn)).toEqual([sha256('before'), sha256('after')]);
    expect(trips([probe], `rm ${file}`).map(sumIn)).toEqual([sha256('after'), undefined]);
  });

  it.each([
    ['users', PASSWD, ['root', 'nobody', 'no-such-user', '0'], 'getent passwd'],
    ['groups', GROUP, ['root', 'daemon', '0'], 'getent group'],
    ["a user's groups", GROUPS_OF, ['root', 'no-such-user'], 'id -Gn'],
  ] as const)('know %s, and leave out unknown names', (_, question, items, by) => {
    const read = (item: string): Script =>
      question.missing === undefined ? sh`v=${answer(question, item)}` : entry(sh`v`, question, item);
    const [told] = trips(items.map((item) => sh`${read(item)}; printf '%s\n' "$v"`));
    const found = items.map((item) => spawnSync('sh', ['-c', `${by} ${item}`], { encoding: 'utf8' }).stdout || '\n');
    expect(told).toEqual(found);
  });

  it.each([
    [
      ['root', 'no-such-group', 'nor-this'],
      ['root:x:0:\n', '-\n', '-\n'],
    ],
    [['no-such-group'], ['-\n']],
    [
      ['root', '0', 'no-such-group'],
      ['root:x:0:\n', '\n', '\n'],
    ], // a line about no item: it is not known which item is missing
  ])('report of %j who does not exist, so that nobody asks again', (items, expected) => {
    expect(trips(items.map((item) => sh`printf '%s\n' ${answer(GROUP, item)}`))[0]).toEqual(expected);
  });

  it('about packages get one line each, in the form of dpkg-query', ({ skip }) => {
    if (spawnSync('dpkg-query', ['-W', 'dpkg']).status !== 0) skip('no dpkg here');
    const [told = []] = trips(['dpkg', 'no-such-package'].map((item) => sh`printf '%s\n' ${answer(PACKAGE, item)}`));
    expect(told[0]).toMatch(/^is ii \/dpkg\/\w+\/\S+\n$/);
    expect(told[1]).toBe('\n');
  });

  it('cost one process for all probes, and none if no probe asks', () => {
    const count = join(folder, 'count');
    const counted: Question = {
      name: 'counted',
      ask: (items) => sh`echo asked >>${count}; for i in ${items}; do echo "$i it is"; done`,
    };
    const probes = ['a', 'b', 'a'].map((item) => sh`printf '%s\n' ${answer(counted, item)}`);
    expect(trips(probes)[0]).toEqual(['it is\n', 'it is\n', 'it is\n']);
    trips([sh`:`]);
    expect(alone(sh`cat ${count}`)).toBe('asked\nasked\n'); // one for each round trip with such probes
  });

  it('that fail or get wrong answers count as not asked', () => {
    const broken: Question = { name: 'broken', ask: () => sh`echo 'other words'; echo; exit 3` };
    const reader: Question = { name: 'reader', ask: () => sh`echo noise >&2; cat` };
    const probes = [broken, reader].map((q) => sh`printf '<%s>' ${answer(q, 'x')}`);
    expect(trips(probes)[0]).toEqual(['<>', '<>']);
  });

  it("never run a user's word as sh", () => {
    for (const item of ['$(touch never)', 'a b', '*', "'", '`id`', 'a\nb', '']) {
      expect(answer(SUM, item)).toMatchObject({ text: '""', asked: [] });
    }
  });
});
