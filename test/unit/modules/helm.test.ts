import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isBlocked } from '../../../src/core/module.ts';
import { verbatim } from '../../../src/core/sh.ts';
import { helm } from '../../../src/modules/helm.ts';
import { bound, context, read, refusal, run, scratch, words } from './harness.ts';

const SHOP = { name: 'shop', namespace: 'web', chart_ref: 'bitnami/nginx' };
/** Answers in the format of helm 3. */
const LIST =
  '[{"name":"shop","namespace":"web","revision":"2","updated":"2026-01-01 10:00:00 +0000 UTC","status":"deployed","chart":"nginx-15.1.0","app_version":"1.25.2"}]';
const CHART =
  'annotations:\n  version: no\nappVersion: 1.25.2\nname: nginx\ndependencies:\n- name: common\n  version: 2.x.x\nversion: "15.1.0"\n';
const ANSWERS = { list: LIST, get: '{"b":[1],"a":{"y":1,"x":2}}', show: CHART, upgrade: '{"config":{"file":1,"a":2}}' };

/** A host whose helm answers by its verb, and writes down how it was called. */
function host(answers: Readonly<Record<string, string>> = ANSWERS) {
  const folder = scratch();
  for (const [verb, text] of Object.entries(answers)) writeFileSync(`${folder}/${verb}`, text);
  const program = `#!/bin/sh
echo "$*" >>${folder}/calls
for one; do case $one in --values=/dev/fd/3) cat <&3 >${folder}/values ;; esac; done
for one; do case $one in list|get|show|upgrade|repo|uninstall|install) if [ -e ${folder}/$one ]; then exec cat ${folder}/$one; fi; [ "$one" = repo ] || [ "$one" = uninstall ] || [ "$one" = install ] || { echo "no $one" >&2; exit 1; }; exit 0 ;; esac; done
`;
  writeFileSync(`${folder}/helm`, program);
  chmodSync(`${folder}/helm`, 0o755);
  const calls = (): readonly string[] =>
    existsSync(`${folder}/calls`) ? read(`${folder}/calls`).trim().split('\n') : [];
  return (args: Readonly<Record<string, unknown>>) => {
    const step = bound(helm, args);
    const go = (script: string | undefined) => run(verbatim(`PATH=${folder}:$PATH\n${script}`));
    const seen = go(step.probe?.(context()).text);
    expect(seen.stderr).toBe('');
    const asked = calls();
    const steps = step.plan(seen.stdout, context());
    return {
      steps: words(steps),
      asked,
      data: step.data(seen.stdout, context()),
      made: () => (isBlocked(steps) ? [] : steps.map((change) => go(change.run.text).code)),
      calls: () => calls().slice(asked.length),
      values: () => read(`${folder}/values`).trim(),
    };
  };
}

describe('helm', () => {
  it('installs a release that is not there, with its values from an open file', () => {
    const args = {
      ...SHOP,
      values: { password: "s3'cret" },
      create_namespace: true,
      wait: true,
      wait_timeout: '2m',
      update_repo_cache: true,
    };
    const { steps, made, calls, values, asked, data } = host({ ...ANSWERS, list: '[]' })(args);
    expect(steps).toEqual(['install shop nginx-15.1.0']);
    expect(asked).toEqual([
      '--namespace=web list --output json --filter ^shop$',
      '--namespace=web show chart bitnami/nginx',
    ]);
    expect(made()).toEqual([0]);
    expect(calls()).toEqual([
      '--namespace=web repo update',
      '--namespace=web upgrade --install --reset-values --wait --timeout=2m --create-namespace shop bitnami/nginx --values=/dev/fd/3',
    ]);
    expect(JSON.parse(values())).toEqual({ password: "s3'cret" });
    expect(data).toMatchObject({ command: expect.not.stringContaining('s3') });
  });

  it.each([
    ['the same', { values: { a: { x: 2, y: 1 }, b: [1] } }, []],
    ['other values', { values: { a: { x: 3, y: 1 }, b: [1] } }, ['upgrade shop nginx-15.1.0']],
    ['no values', {}, ['upgrade shop nginx-15.1.0']],
    ['force', { values: { a: { x: 2, y: 1 }, b: [1] }, force: true }, ['upgrade shop nginx-15.1.0']],
    ['files of values', { values_files: ['/srv/v.yml'], values: { a: 2 } }, ['upgrade shop nginx-15.1.0']],
  ])('compares a release with %s', (_, more, expected) => {
    expect(host()({ ...SHOP, ...more }).steps).toEqual(expected);
  });

  it.each([
    ['another version', { show: CHART.replace('15.1.0', '15.2.0') }, ['upgrade shop nginx-15.2.0']],
    ['another version of the app', { show: CHART.replace('1.25.2', '1.26.0') }, ['upgrade shop nginx-15.1.0']],
    ['no values', { get: 'null' }, []],
    [
      'an app without a version',
      { show: CHART.replace('appVersion: 1.25.2\n', ''), list: LIST.replace('1.25.2', ''), get: 'null' },
      [],
    ],
  ])('compares a chart with %s', (_, more, expected) => {
    expect(host({ ...ANSWERS, get: 'null', ...more })(SHOP).steps).toEqual(expected);
  });

  it("lets helm's dry run merge files of values", () => {
    const files = { ...SHOP, values_files: ['/srv/v.yml'], values: { a: 2 } };
    const { steps, asked } = host({ ...ANSWERS, get: '{"a":2,"file":1}' })(files);
    expect(steps).toEqual([]);
    expect(asked.at(-1)).toBe(
      '--namespace=web upgrade --install --reset-values --dry-run --output json --values=/srv/v.yml shop bitnami/nginx --values=/dev/fd/3',
    );
  });

  it.each([
    [{ chart_repo_url: 'https://x', chart_version: '1' }, 'bitnami/nginx --repo=https://x --version=1'],
    [
      {
        atomic: true,
        timeout: '3m',
        disable_hook: true,
        force: true,
        skip_crds: true,
        history_max: 3,
        post_renderer: '/r',
      },
      'upgrade --install --reset-values --atomic --timeout=3m --force --no-hooks --post-renderer=/r --skip-crds --history-max=3 shop',
    ],
    [{ replace: true }, 'install --replace shop bitnami/nginx'],
    [{ context: 'c', kubeconfig: '/k' }, '--namespace=web --kube-context=c --kubeconfig=/k upgrade'],
  ])('passes %o on', (more, expected) => {
    const { made, calls } = host({ ...ANSWERS, list: '[]' })({ ...SHOP, ...more });
    expect(made()).toEqual([0]);
    expect(calls().at(-1)).toContain(expected);
  });

  it('uninstalls a release that is there', () => {
    const args = {
      name: 'shop',
      namespace: 'web',
      state: 'absent',
      purge: false,
      disable_hook: true,
      wait: true,
      wait_timeout: '1m',
    };
    const { steps, made, calls } = host()(args);
    expect(steps).toEqual(['uninstall shop']);
    expect(made()).toEqual([0]);
    expect(calls()).toEqual(['--namespace=web uninstall --keep-history --no-hooks --wait --timeout=1m shop']);
    expect(host({ ...ANSWERS, list: '[]' })(args).steps).toEqual([]);
  });

  it('returns the release and its values', () => {
    expect(host()(SHOP).data).toEqual({
      command: 'helm --namespace=web upgrade --install --reset-values shop bitnami/nginx',
      stdout: '',
      stderr: '',
      status: { ...JSON.parse(LIST)[0], values: { a: { x: 2, y: 1 }, b: [1] } },
    });
  });

  it('says what is in the way', () => {
    expect(host({ list: '[]' })(SHOP).steps).toMatch(/^helm fails on the host/);
    expect(words(bound(helm, { ...SHOP, binary_path: '/opt/helm' }).plan('helm missing', context()))).toBe(
      'the host has no /opt/helm',
    );
  });

  it.each([
    [{ name: 'shop', namespace: 'web' }, /'chart_ref' is missing/],
    [{ ...SHOP, replace: true, history_max: 2 }, /exclude each other/],
    [{ ...SHOP, timeout: '5' }, /a duration/],
    [{ ...SHOP, chart_ref: '--x' }, /does not begin with -/],
    [{ ...SHOP, api_key: 'x' }, /unknown argument/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(helm, args)).toMatch(expected);
  });
});
