import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoder, Tampered } from '../../../src/connect/decode.ts';
import { encode, librariesOf } from '../../../src/connect/frame.ts';
import type { Group } from '../../../src/core/connection.ts';
import type { Output } from '../../../src/core/module.ts';
import { library, sh, verbatim } from '../../../src/core/sh.ts';

const MARK = 'bringup-0123456789abcdef';
const me = userInfo().username;

/** Runs the scripts in a real sh and cuts its streams into chunks at `cuts`. */
function run(
  scripts: readonly string[],
  groups: readonly Group[] = [],
  cuts: readonly number[] = [],
): readonly Output[] {
  const pieces = scripts.map((text) => ({ script: verbatim(text), user: me }));
  const { stdout, stderr } = spawnSync('sh', ['-s'], {
    input: encode({ pieces, groups, shellUser: me }, MARK),
    maxBuffer: 1 << 28,
  });
  const got = decoder(MARK);
  for (const chunk of chunks(stdout, cuts)) got.stdout(chunk);
  expect(got.isDone()).toBe(false);
  for (const chunk of chunks(stderr, cuts)) got.stderr(chunk);
  expect(got.isDone()).toBe(true);
  expect(got.pid()).toBeGreaterThan(1);
  return got.outputs();
}

/** Groups of these sizes, all of one task. */
const of = (...sizes: readonly number[]): readonly Group[] => sizes.map((size) => ({ size, task: 0 }));

function chunks(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [0, ...cuts.map((c) => c % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe('many scripts in one round trip', () => {
  it('each has its own output, error output and exit code', () => {
    expect(run(['echo one; echo err >&2; exit 3', 'printf two', 'true'])).toEqual([
      { code: 3, stdout: 'one\n', stderr: 'err\n' },
      { code: 0, stdout: 'two', stderr: '' },
      { code: 0, stdout: '', stderr: '' },
    ]);
  });

  it('exit, set -e, a syntax error or reading stdin does not affect the next script', () => {
    const outputs = run([
      'set -e; false; echo never',
      'echo "open',
      'if then',
      'cat; echo read',
      'x=1; cd /',
      'echo ${x-unset} $(pwd | wc -l)',
    ]);
    expect(outputs.map((o) => o.code)).toEqual([1, 2, 2, 0, 0, 0]);
    expect(outputs.at(-1)?.stdout).toBe('unset 1\n');
    expect(outputs[3]?.stdout).toBe('read\n');
  });

  it('an unset variable is an error; here-documents and quotes work', () => {
    const outputs = run(['echo $nope', "cat <<'E'\nit's $HOME\nE", `printf '%s' "a'b" 'c"d'`]);
    expect(outputs[0]?.code).not.toBe(0);
    expect(outputs.slice(1).map((o) => o.stdout)).toEqual(["it's $HOME\n", `a'bc"d`]);
  });

  it('probes share a shell and are told apart; a probe that ends the shell does not affect the others', () => {
    const probe = (text: string) => ({ script: verbatim(text), user: me, isProbe: true });
    const own = { script: verbatim('exit 4'), user: me };
    const pieces = [
      ...['echo one', 'echo err >&2; false', 'echo $nope; echo never', 'echo lost'].map(probe),
      own,
      ...['exit 5', 'echo after it'].map(probe),
    ];
    const { stdout, stderr } = spawnSync('sh', ['-s'], { input: encode({ pieces, shellUser: me }, MARK) });
    const got = decoder(MARK);
    got.stdout(stdout);
    got.stderr(stderr);
    const outputs = got.outputs();
    expect(outputs.map((o) => o.code)).toEqual([0, 1, 255, 255, 4, 5]);
    expect(outputs[0]).toEqual({ code: 0, stdout: 'one\n', stderr: '' });
    expect(outputs[1]).toEqual({ code: 1, stdout: '', stderr: 'err\n' });
    expect(outputs.slice(1).map((o) => o.stdout)).toEqual(['', '', '', '', '']);
  });

  it('no probe needs files for its output, and one that is not tame leaves the shell of the others as it was', () => {
    const texts = ['set -f; cd /; x=1; echo one; exit 3', "cat <<'E'\ntwo\nE", 'echo ${x-unset} "$(pwd)" *'];
    const pieces = texts.map((text) => ({ script: verbatim(text), user: me, isProbe: true }));
    const folder = mkdtempSync(join(tmpdir(), 'bringup-frame-'));
    mkdirSync(join(folder, 'outputs'));
    const input = `_d=${folder}/outputs\n${encode({ pieces, shellUser: me }, MARK)}\nls -A ${folder}/outputs\n`;
    const { stdout } = spawnSync('sh', ['-s'], { input, cwd: folder });
    rmSync(folder, { recursive: true });
    const got = decoder(MARK);
    got.stdout(stdout);
    const outputs = got.outputs();
    expect(outputs.map((o) => o.code)).toEqual([3, 0, 0]);
    expect(outputs.map((o) => o.stdout)).toEqual(['one\n', 'two\n', `unset ${folder} outputs\n`]);
    expect(stdout.toString().endsWith(`\n${MARK} end\n`)).toBe(true);
  });

  it("a task's environment does not affect later probes, and words in a value do not separate probes", () => {
    const environment = verbatim("export LEAK='of one task'\n");
    const ask = sh`printf %s "\${LEAK-none}"`;
    const said = sh`printf %s ${'exit 3; cd /; set -e'}`;
    expect([ask.tame, said.tame, sh`${environment}${ask}`.tame, sh`set ${'-e'}`.tame]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const pieces = [sh`${environment}${ask}`, ask, said, ask].map((script) => ({ script, user: me, isProbe: true }));
    const { stdout } = spawnSync('sh', ['-s'], { input: encode({ pieces, shellUser: me }, MARK) });
    const got = decoder(MARK);
    got.stdout(stdout);
    expect(got.outputs().map((o) => o.stdout)).toEqual(['of one task', 'none', 'exit 3; cd /; set -e', 'none']);
  });

  it('output of probes in one shell arrives byte for byte, except for NUL, which our probes never print', () => {
    const octal = Array.from({ length: 255 }, (_, i) => `\\${(i + 1).toString(8).padStart(3, '0')}`).join('');
    const pieces = ['printf "a\n\n\n"', `printf '${octal}'`, 'printf %s x'].map((text) => ({
      script: verbatim(text),
      user: me,
      isProbe: true,
    }));
    const { stdout } = spawnSync('sh', ['-s'], { input: encode({ pieces, shellUser: me }, MARK) });
    const bytes = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1));
    expect(
      stdout.includes(Buffer.concat([Buffer.from(`\n${MARK} 0 0 q\n`), bytes, Buffer.from(`\n${MARK} 0 1 q\n`)])),
    ).toBe(true);
    expect(stdout.includes(`\na\n\n\n\n${MARK} 0 0 q\n`)).toBe(true);
    expect(stdout.includes(`\nx\n${MARK} 0 2 q\n`)).toBe(true);
  });

  it('a failed step stops all later steps; other pieces still run', () => {
    expect(run(['true', 'false', 'echo never', 'echo probe'], of(3)).map((o) => o.code)).toEqual([0, 1]);
    expect(run(['true', 'false', 'echo on'], of(1)).map((o) => o.code)).toEqual([0, 1, 0]);
  });

  it('a failure stops only its own group; pieces after the groups run unless all groups failed', () => {
    const two = run(['true', 'echo a', 'exit 3', 'echo never', 'echo probe'], of(2, 2));
    expect(two.map((o) => [o.code, o.stdout])).toEqual([
      [0, ''],
      [0, 'a\n'],
      [3, ''],
      [255, ''],
      [0, 'probe\n'],
    ]);
    expect(run(['false', 'echo never', 'false', 'echo probe'], of(2, 1)).map((o) => o.code)).toEqual([1, 255, 1]);
  });

  it('a failure in one task stops the groups of later tasks, but not its own other groups', () => {
    const scripts = ['echo a', 'exit 3', 'echo b', 'echo never', 'echo never', 'echo probe'];
    const groups = [0, 1, 1, 2, 3].map((task) => ({ size: 1, task }));
    expect(run(scripts, groups).map((o) => [o.code, o.stdout])).toEqual([
      [0, 'a\n'],
      [3, ''],
      [0, 'b\n'],
      [255, ''],
      [255, ''],
      [0, 'probe\n'],
    ]);
    expect(
      run(
        ['exit 4', 'echo never', 'echo probe'],
        [0, 1].map((task) => ({ size: 1, task })),
      ),
    ).toHaveLength(1);
  });

  it('any text arrives as it was printed, wherever the stream is cut', () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 60 })
      .filter((t) => !t.includes('\0') && !/[\ud800-\udfff]/.test(t));
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(4000), { maxLength: 6 }),
        (texts, cuts) => {
          const outputs = run(
            texts.map((t) => sh`printf %s ${t}; printf %s ${t} >&2`.text),
            [],
            cuts,
          );
          expect(outputs).toEqual(texts.map((t) => ({ code: 0, stdout: t, stderr: t })));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a background process can neither write into later output nor delay the round trip', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup-left-'));
    const go = join(folder, 'go');
    const done = join(folder, 'done');
    spawnSync('mkfifo', [go, done]);
    // A background process waits until the next script runs and then writes to every stream that it kept open,
    // including a record with the right mark.
    const forged = `'sum 0\\n\\n${MARK} 0 1 f\\n'`;
    const leave = `{ read _ <${go}; printf ${forged}; printf ${forged} >&2; for f in /proc/self/fd/[3-9] /proc/self/fd/1?; do printf ${forged} >"$f"; done; echo >${done}; } 2>/dev/null & echo left`;
    const wait = `echo >${go}; read _ <${done}; echo mine`;
    const pieces = [leave, wait, 'echo after'].map((text) => ({ script: verbatim(text), user: me }));
    const look = { script: sh`echo looked`, user: me, isProbe: true };
    const { stdout, stderr } = spawnSync('sh', ['-s'], {
      input: encode({ pieces: [...pieces, look], shellUser: me }, MARK),
    });
    rmSync(folder, { recursive: true });
    const got = decoder(MARK);
    got.stdout(stdout);
    got.stderr(stderr);
    expect(got.outputs().map((o) => o.stdout.replaceAll(/sum.*\n|\n.* 1 f\n/g, ''))).toEqual([
      'left\n',
      'mine\n',
      'after\n',
      'looked\n',
    ]);
    expect(
      got
        .outputs()
        .slice(1)
        .map((o) => o.stdout + o.stderr),
    ).toEqual(['mine\n', 'after\n', 'looked\n']);
  });

  it('a very long output keeps its beginning and end, and says how much is missing', () => {
    const [output] = run(['echo first; head -c 20000000 /dev/zero; echo last']);
    expect(output?.stdout.startsWith('first\n\0')).toBe(true);
    expect(output?.stdout.endsWith('\0last\n')).toBe(true);
    expect(output?.stdout).toContain('[… 3.1 MiB left out …]');
    expect(output?.stdout.length).toBeLessThan(17_000_000);
  });

  it('a record that our shell did not write counts as tampering', () => {
    const cut = `${MARK} 7\n\n${MARK} 0 0 f\n\n${MARK} = 0.o 3 3\nabc`;
    const honest = `${cut}\n${MARK} . 0.o\n`;
    const end = `\n${MARK} end\n`;
    const outputs = (text: string) => {
      const got = decoder(MARK);
      got.stdout(Buffer.from(text));
      got.stderr(Buffer.from(end));
      return got.outputs();
    };
    expect(outputs(honest + end)).toEqual([{ code: 0, stdout: 'abc', stderr: '' }]);
    for (const forged of [
      `${MARK} 7\nstray\n${MARK} 0 0 f\n`,
      `${honest}d`,
      cut,
      `${cut}d\n${MARK} . 0.o\n`,
      `${honest}\n${MARK} 0 0 f\n`,
      `${honest}\n${MARK} = 0.o 2 2\nxy`,
      `${honest}\n${MARK} = 1.o 2 2\nxy`,
      `${honest}\n${MARK} = 0.e 900 900\nxy`,
      `${honest}\n${MARK} 0 1 z\n`,
    ])
      expect(() => outputs(forged + end), forged).toThrow(Tampered);
    const got = decoder(MARK);
    expect(() => {
      for (let i = 0; i < 600; i++) got.stdout(Buffer.alloc(1 << 20));
    }).toThrow('more than 512 MiB');
  });
});

describe('code that many scripts share', () => {
  const greeting = library('greeting', sh`greet() { printf 'hello %s\n' "$1"; }`);
  const trip = (users: readonly (string | undefined)[]) => ({
    pieces: users.map((user, i) => ({ script: sh`${greeting}; greet ${`nr${i}`}`, user: user ?? me })),
    shellUser: me,
  });

  it('is sent once to a shell, which has it for all trips after that', () => {
    const [first, second] = [trip([undefined, undefined]), trip([undefined])];
    const has = new Set(librariesOf(first));
    expect(has).toEqual(new Set(['lib_greeting']));
    const programs = [encode(first, MARK), encode({ ...second, has }, `${MARK}2`)];
    expect(programs.map((text) => text.split('hello %s').length - 1)).toEqual([1, 0]);
    const { stdout, stderr } = spawnSync('sh', ['-s'], { input: programs.join(''), encoding: 'utf8' });
    expect(stderr).not.toContain('not found');
    expect(stdout.match(/hello nr\d/g)).toEqual(['hello nr0', 'hello nr1', 'hello nr0']);
  });

  it('travels with the script of another user, whose shell is a new one each time', () => {
    const others = trip(['somebody', undefined, 'somebody']);
    const program = encode({ ...others, has: new Set(['lib_greeting']) }, MARK);
    expect(program.split('hello %s').length - 1).toBe(2);
    expect(librariesOf(trip(['somebody']))).toEqual([]);
  });
});
