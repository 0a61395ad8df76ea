import { describe, expect, it } from 'vitest';
import { bringup, plain } from '../support/command.ts';
import { project, TWO_HOSTS } from '../support/project.ts';

type Ran = Readonly<{ code: number; out: string; err: string; read: (name: string) => string }>;
async function run(...given: readonly string[]): Promise<Ran> {
  const p = project({ 'hosts.yml': TWO_HOSTS });
  const ran = await bringup('run', '-i', p.path('hosts.yml'), ...given.map((word) => word.replace('{T}', p.folder)));
  return { code: ran.code, out: plain(ran.out), err: plain(ran.err), read: p.read };
}

describe('bringup run', () => {
  it.each<[string, readonly string[], string]>([
    [
      'a command after --, whose words stay words',
      ['a', '--', 'printf', '%s|', 'a b', '$HOME'],
      'a | changed | rc=0\na b|$HOME|\n',
    ],
    ['one word after -- in a shell', ['a', '--', 'echo $((1 + 1)) | cat'], 'a | changed | rc=0\n2\n'],
    ['-a without -m: a command', ['a', '-a', 'echo hi'], 'a | changed | rc=0\nhi\n'],
    ['a module that takes a command', ['a', '-m', 'shell', '-a', 'echo a; echo b >&2'], 'a | changed | rc=0\na\nb\n'],
    ['templates in arguments', ['a', '-m', 'debug', '-a', 'msg={{ inventory_hostname }}'], '"msg": "a"'],
    ['a JSON object', ['a', '-m', 'debug', '-a', '{"msg": [1, 2]}'], '"msg": [\n    1,\n    2\n  ]'],
    ['several hosts, each with its part', ['all', '-m', 'ping'], 'b | ok\n'],
    ['extra variables', ['a', '-e', 'x=7', '-m', 'debug', '-a', 'var=x'], '"x": "7"'],
    ['--become-user', ['a', '-b', '--become-user', 'nobody', '--', 'id', '-un'], 'rc=0\nnobody\n'],
    ['what a terminal would obey, made visible', ['a', '--', 'printf', '\\033[2Jx'], 'x'],
  ])('runs %s', async (_, given, expected) => {
    const { code, out, err } = await run(...given);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(expected);
    expect(out).not.toContain('\u001b');
  });

  it('tells what failed, with exit code 1', async () => {
    const { code, out } = await run('a', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3');
    expect([code, out]).toEqual([1, 'a | failed | rc=3\nout\nerr\n']);
    const module = await run('a', '-m', 'fail', '-a', 'msg=no');
    expect([module.code, module.out]).toEqual([1, expect.stringMatching(/^a \| failed\nerror E_\w+: no\n/)]);
  });

  it('-C changes nothing, -D shows the difference', async () => {
    const { code, out, read } = await run('a', '-C', '-D', '-m', 'copy', '-a', 'dest={T}/f content=hi');
    expect(code).toBe(0);
    expect(out).toMatch(/^a \| changed\n {2}create .*\n[\s\S]*\+hi\n/);
    expect(() => read('f')).toThrow();
  });

  it('-B and -P 0 leave a job behind that goes on', async () => {
    const { out, code } = await run('a', '-B', '30', '-P', '0', '--', 'true');
    expect(code).toBe(0);
    expect(out).toContain('ansible_job_id');
  });

  it('-o json has the results', async () => {
    const { out } = await run('a', '-o', 'json', '--', 'echo', 'hi');
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.find((e) => e.type === 'task').result).toMatchObject({ stdout: 'hi', stderr: '', rc: 0 });
  });

  it.each([
    [['a'], 'E_RUN_NOTHING'],
    [['a', 'ls'], 'E_RUN_DASHES'],
    [['a', '-m', 'ping', '--', 'ls'], 'E_RUN_TWICE'],
    [['a', '-m', 'apt', '-a', 'nginx'], 'E_RUN_ARGS'],
    [['a', '-m', 'copi', '-a', 'x=1'], 'E_UNKNOWN_MODULE'],
    [['nobody', '-m', 'ping'], 'E_UNKNOWN_HOST'],
  ])('refuses %j', async (given, code) => {
    const ran = await run(...given);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(code)]);
  });
});
