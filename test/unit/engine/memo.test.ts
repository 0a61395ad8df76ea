import { describe, expect, it } from 'vitest';
import { templatePorts, templatesFor } from '../../../src/cli/templates.ts';
import { parseYaml, toVars } from '../../../src/config/source.ts';
import type { LocalFile } from '../../../src/core/module.ts';
import type { Task } from '../../../src/core/playbook.ts';
import { type RawVars, Ready } from '../../../src/core/value.ts';
import { type ReadRecorder, remembered } from '../../../src/engine/evaluate/memo.ts';
import type { Run } from '../../../src/engine/host/ports.ts';

const templates = templatesFor(templatePorts({ onSecret: () => {}, writes: false, dir: '.' }));
const vars = (yaml: string): RawVars => {
  const node = parseYaml(yaml, 'vars.yml', []);
  return node?.kind === 'map' ? toVars(node) : {};
};
const file = (path: string): LocalFile => ({
  path,
  size: 0,
  mode: 0,
  sha256: path,
  sha1: path,
  md5: path,
  read: () => new Uint8Array(),
});

/** How often the work is done for these lists of layers, one after the other. */
function times(
  read: (watch: ReadRecorder) => unknown,
  layers: readonly (readonly RawVars[])[],
  items: readonly string[] = [],
) {
  const run = { templates } as Run;
  const task = {} as Task;
  let made = 0;
  const got = layers.map((one, i) =>
    remembered(run, task, items[i], templates.scope(one), (watch) => {
      made++;
      return read(watch);
    }),
  );
  return { made, got };
}
const get =
  (...names: readonly string[]) =>
  ({ scope }: ReadRecorder) =>
    names.map((name) => scope.get(name));

describe("a task's work is done once for the same variables", () => {
  const shared = vars('port: 80\nurl: "http://{{ name }}:{{ port }}"\nlist: [a, b]');

  it('for hosts that read the same values, whatever else they have', () => {
    expect(
      times(get('port', 'list'), [
        [shared, vars('name: a')],
        [shared, vars('name: b\nother: 1')],
      ]),
    ).toEqual({
      made: 1,
      got: [
        [80, ['a', 'b']],
        [80, ['a', 'b']],
      ],
    });
  });

  it('and again if a value differs, or one that it is built from, or one that was not defined', () => {
    const [a, b] = [vars('name: a'), vars('name: b')];
    expect(
      times(get('url'), [
        [shared, a],
        [shared, b],
        [shared, a],
      ]),
    ).toEqual({
      made: 2,
      got: [['http://a:80'], ['http://b:80'], ['http://a:80']],
    });
    expect(times(get('port'), [[shared], [shared, vars('port: 81')]]).made).toBe(2);
    expect(times(get('extra'), [[shared], [shared, vars('extra: 1')], [shared]]).got).toEqual([
      [undefined],
      [1],
      [undefined],
    ]);
    expect(times(({ scope }) => scope.has('extra'), [[shared], [shared, vars('extra: 1')]]).got).toEqual([false, true]);
  });

  it('resolved values are compared only if they are texts, numbers or lists', () => {
    const ready = (value: ConstructorParameters<typeof Ready>[0]): RawVars => ({ it: new Ready(value) });
    expect(times(get('it'), [[ready('x')], [ready('x')], [ready('y')]]).made).toBe(2);
    expect(times(get('it'), [[ready(['x'])], [ready(['x'])]]).made).toBe(1);
    const facts = { os: 'Debian' };
    expect(times(get('it'), [[ready(facts)], [ready(facts)], [ready({ os: 'Debian' })]]).made).toBe(2);
  });

  it('an additional layer makes no difference, nor does a value that it hides', () => {
    const work = ({ scope }: ReadRecorder) => scope.with({ name: 'inner' }).get('url');
    expect(
      times(work, [
        [shared, vars('name: a')],
        [shared, vars('name: b')],
      ]),
    ).toEqual({
      made: 1,
      got: ['http://inner:80', 'http://inner:80'],
    });
    expect(times(work, [[shared], [shared, vars('port: 81')]]).got).toEqual(['http://inner:80', 'http://inner:81']);
  });

  it('each item of a loop has its own result', () => {
    const loops = ['a', 'b', 'a', 'b'];
    const layers = loops.map((item) => [shared, { item }]);
    expect(times(get('item'), layers, loops)).toEqual({ made: 2, got: [['a'], ['b'], ['a'], ['b']] });
  });

  it('a result that depends on the environment, the clock, files or other hosts is never reused', () => {
    process.env['BRINGUP_TEST_MEMO'] = 'set';
    for (const text of [
      "{{ lookup('env', 'BRINGUP_TEST_MEMO') }}",
      "{{ now(true, '%Y') }}",
      "{{ lookup('file', 'package.json') | length > 9 }}",
    ]) {
      const layer = [vars(`it: ${JSON.stringify(text)}\nover: "{{ it }}"`)];
      expect(times(get('over'), [layer, layer]).made, text).toBe(2);
      const scope = templates.scope(layer);
      scope.get('it'); // resolved before it is watched
      const run = { templates } as Run;
      const task = {} as Task;
      let made = 0;
      for (let i = 0; i < 2; i++) remembered(run, task, undefined, scope, (watch) => [made++, watch.scope.get('over')]);
      expect(made, text).toBe(2);
    }
    const others = [{ hostvars: new Ready({ a: { x: 1 } }) }];
    expect(times(get('hostvars'), [others, others]).made).toBe(2);
    expect(times(({ scope }) => scope.names(), [[shared], [shared]]).made).toBe(2);
  });

  it('a file of the controller may be used again while it stays the same', () => {
    let now: LocalFile | undefined = file('one');
    const see = ({ recordRead: look }: ReadRecorder): string =>
      look(() => {
        if (now === undefined) throw new Error('gone');
        return now;
      }).path;
    const run = { templates } as Run;
    const task = {} as Task;
    let made = 0;
    const again = (): string =>
      remembered(run, task, undefined, templates.scope([]), (watch) => `${made++} ${see(watch)}`);
    expect([again(), again()]).toEqual(['0 one', '0 one']);
    now = file('two');
    expect([again(), again()]).toEqual(['1 two', '1 two']);
    now = undefined;
    expect(again).toThrow('gone');
  });

  it('failures and spoiled results are not cached', () => {
    let tries = 0;
    const failing = (): unknown => {
      tries++;
      throw new Error('no');
    };
    expect(() => times(failing, [[shared], [shared]])).toThrow('no');
    expect(tries).toBe(1);
    expect(times(({ forbidReuse: spoil }) => spoil(), [[shared], [shared]]).made).toBe(2);
  });
});
