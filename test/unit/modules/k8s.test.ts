import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isBlocked } from '../../../src/core/module.ts';
import { verbatim } from '../../../src/core/sh.ts';
import { k8s } from '../../../src/modules/k8s.ts';
import { bound, context, read, refusal, run, scratch, words } from './harness.ts';

const NS = { kind: 'Namespace', name: 'shop' };
const MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { k: "it's" } };
/** Output in the format of kubectl diff. */
const DIFF = `diff -u -N /tmp/LIVE-1/v1.ConfigMap.default.c /tmp/MERGED-2/v1.ConfigMap.default.c
--- /tmp/LIVE-1/v1.ConfigMap.default.c\t2026-01-01
+++ /tmp/MERGED-2/v1.ConfigMap.default.c\t2026-01-01
@@ -1,4 +1,4 @@
 apiVersion: v1
 data:
-  k: old
+  k: it's
 kind: ConfigMap
`;
const ctx = context({ 'a.yml': 'kind: A\n', 'b.yml': 'kind: B\n' });

type Answer = readonly [code: number, stdout: string];
/** A host whose kubectl answers by its verb, and writes down how it was called and what it was given. */
function host(answers: Readonly<Record<string, Answer>>) {
  const folder = scratch();
  const cases = Object.entries(answers).map(([verb, [code, stdout]]) => {
    writeFileSync(`${folder}/${verb}`, stdout);
    return `${verb}) cat ${folder}/${verb}; exit ${code} ;;`;
  });
  writeFileSync(
    `${folder}/kubectl`,
    `#!/bin/sh\necho "$*" >>${folder}/calls\ncase "$*" in *' -f - '*) cat >${folder}/stdin ;; esac\ncase $1 in\n${cases.join('\n')}\nesac\n`,
  );
  chmodSync(`${folder}/kubectl`, 0o755);
  const calls = (): readonly string[] =>
    existsSync(`${folder}/calls`) ? read(`${folder}/calls`).trim().split('\n') : [];
  return (args: Readonly<Record<string, unknown>>) => {
    const step = bound(k8s, args);
    const go = (script: string | undefined) => run(verbatim(`PATH=${folder}:$PATH\n${script}`));
    const seen = go(step.probe?.(ctx).text);
    expect(seen.stderr).toBe('');
    const asked = calls();
    const steps = step.plan(seen.stdout, ctx);
    return {
      steps: words(steps),
      changes: isBlocked(steps) ? [] : steps,
      asked,
      data: step.data(seen.stdout, ctx),
      make: () => (isBlocked(steps) ? [] : steps.map((change) => go(change.run.text).code)),
      calls: () => calls().slice(asked.length),
      stdin: () => read(`${folder}/stdin`).trim(),
    };
  };
}
const NONE: Answer = [0, ''];
const found = (...objects: readonly object[]): Answer => [
  0,
  JSON.stringify(objects.length === 1 ? objects[0] : { kind: 'List', items: objects }),
];

describe('k8s', () => {
  it('applies what differs, with the definition in no argument', () => {
    const task = host({ get: NONE, diff: [1, DIFF] })({ definition: MAP, namespace: 'web' });
    expect(task.steps).toEqual(['apply objects']);
    expect(task.changes[0]?.diff).toEqual({
      of: 'objects',
      before: 'apiVersion: v1\ndata:\n  k: old\nkind: ConfigMap\n',
      after: "apiVersion: v1\ndata:\n  k: it's\nkind: ConfigMap\n",
    });
    const ours = '--namespace=web -f - --server-side --force-conflicts --field-manager=bringup';
    expect(task.asked).toEqual(['get --namespace=web -f - --ignore-not-found -o json', `diff ${ours}`]);
    expect(task.make()).toEqual([0]);
    expect(task.calls()).toEqual([`apply ${ours}`]);
    expect(JSON.parse(task.stdin())).toEqual(MAP);
  });

  it.each([
    [{ ...NS }, '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}'],
    [
      { kind: 'Role', name: 'r', namespace: 'n', api: 'rbac/v1' },
      '{"apiVersion":"rbac/v1","kind":"Role","metadata":{"name":"r","namespace":"n"}}',
    ],
    [{ inline: [MAP, MAP] }, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [MAP, MAP] })],
    [{ definition: 'kind: X\n' }, 'kind: X'],
    [{ template: ['a.yml', 'b.yml'] }, 'kind: A\n\n---\nkind: B'],
    [{ template: 'a.yml' }, 'kind: A'],
  ])('defines %o', (args, expected) => {
    const task = host({ get: NONE, diff: [0, ''] })(args);
    expect([task.steps, task.stdin()]).toEqual([[], expected]);
  });

  it.each([
    [{ src: '/srv/x.yml' }, 'apply -f /srv/x.yml --server-side --force-conflicts --field-manager=bringup'],
    [{ ...NS, apply: true }, 'apply -f -'],
    [
      { ...NS, apply: true, server_side_apply: { field_manager: 'me', force_conflicts: true } },
      'apply -f - --server-side --field-manager=me --force-conflicts',
    ],
    [{ ...NS, apply: true, server_side_apply: { field_manager: 'me' } }, 'apply -f - --server-side --field-manager=me'],
    [{ ...NS, apply: true, kubeconfig: '/k', context: 'c' }, 'apply --kubeconfig=/k --context=c -f -'],
  ])('applies %o', (args, expected) => {
    const task = host({ get: NONE, diff: [1, DIFF] })(args);
    expect(task.make()).toEqual([0]);
    expect(task.calls()).toEqual([expected]);
  });

  it('waits for workloads and pods, or for a condition', () => {
    const list = 'Deployment/web shop\nPod/p \nConfigMap/c shop\n/ \n';
    const step = bound(k8s, { ...NS, wait: true, wait_timeout: 9 });
    const seen = `diff ${Buffer.from(DIFF).toString('base64')}\n`;
    const steps = step.plan(seen, ctx);
    expect(words(steps)).toEqual(['apply Namespace shop']);
    const waited = host({ get: NONE, diff: [1, DIFF] })({
      ...NS,
      wait: true,
      wait_condition: { type: 'Ready', status: 'False' },
      wait_timeout: 9,
    });
    expect(waited.make()).toEqual([0]);
    expect(waited.calls().at(-1)).toBe('wait -f - --for=condition=Ready=False --timeout=9s');
    const script = isBlocked(steps) ? '' : (steps[0]?.run.text ?? '');
    const fake = `kubectl() { case "$*" in 'get '*) printf '${list.replaceAll('\n', '\\n')}' ;; 'apply '*) ;; *) echo "$*" ;; esac; }\n`;
    expect(run(verbatim(`${fake}${script}`)).stdout).toBe(
      'rollout status Deployment/web --namespace=shop --timeout=9s\nwait Pod/p --namespace=default --for=condition=Ready --timeout=9s\n',
    );
  });

  it('deletes what is there', () => {
    const absent = { definition: [MAP, NS], state: 'absent' };
    const task = host({ get: found(MAP, { kind: 'Namespace', metadata: { name: 'shop' } }) })(absent);
    expect(task.steps).toEqual(['delete ConfigMap/c, Namespace/shop']);
    expect(task.make()).toEqual([0]);
    expect(task.calls()).toEqual(['delete -f - --ignore-not-found --wait=false']);
    expect(host({ get: NONE })(absent).steps).toEqual([]);
    const waited = host({ get: found(MAP) })({ ...absent, wait: true });
    waited.make();
    expect(waited.calls()).toEqual(['delete -f - --ignore-not-found --wait=true --timeout=120s']);
  });

  it('returns the objects, and nothing that a Secret holds', () => {
    const same: Answer = [0, ''];
    expect(host({ get: found(MAP), diff: same })(NS).data).toEqual({ result: MAP });
    expect(host({ get: found(MAP, MAP), diff: same })(NS).data).toEqual({ result: { results: [MAP, MAP] } });
    const secret = { kind: 'Secret', metadata: { name: 's' }, data: { k: 'v' }, type: 'Opaque' };
    expect(host({ get: found(secret), diff: same })(NS).data).toEqual({
      result: { kind: 'Secret', metadata: { name: 's' }, type: 'Opaque' },
    });
  });

  it('says what is in the way', () => {
    expect(host({ get: [1, 'The connection was refused'] })(NS).steps).toMatch(/^kubectl fails on the host/);
    expect(host({ get: NONE, diff: [2, 'namespaces "web" not found'] })(NS).steps).toMatch(
      /^kubectl fails on the host/,
    );
    expect(words(bound(k8s, NS).plan('kubectl missing', ctx))).toBe('the host has no kubectl');
  });

  it.each([
    [{ kind: 'X' }, /'name', 'resource_definition', 'src' or 'template' is missing/],
    [{ src: '/x', definition: MAP }, /exclude each other/],
    [{ src: '/x', name: 'y' }, /'name' has no effect with 'src'/],
    [{ src: 'x.yml' }, /a path on the host/],
    [{ ...NS, server_side_apply: { field_manager: 'x' } }, /needs 'apply: true'/],
    [{ ...NS, wait_condition: { type: 'x' } }, /needs 'wait: true'/],
    [{ ...NS, api_key: 'x' }, /unknown argument/],
    [{ ...NS, state: 'patched' }, /present, absent/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(k8s, args)).toMatch(expected);
  });
});
