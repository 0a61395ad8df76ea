import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { absolutePath, args, exclude, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { sorted } from './shared/json.ts';

const duration = (description: string) =>
  Type.Optional(
    Type.String({ pattern: '^(\\d+(\\.\\d+)?(ms|s|m|h))+$', expected: 'a duration, as 5m0s', description }),
  );

const Args = args({
  release_name: Type.String({
    pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
    expected: 'the name of a release',
    description: 'The release.',
  }),
  release_namespace: Type.String({
    pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
    expected: 'the name of a namespace',
    description: 'Its namespace.',
  }),
  release_state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'Whether the release is installed.',
  }),
  chart_ref: text('The chart: repository/name, a path on the host, or an address.'),
  chart_repo_url: text('The address of the repository that has the chart.'),
  chart_version: text('The version of the chart. Default: the newest.'),
  release_values: Type.Record(Type.String(), Type.Unsafe<Value>({}), {
    default: {},
    description: 'The values of the chart.',
  }),
  values_files: Type.Array(absolutePath('A file on the host.'), {
    default: [],
    description: 'Files with values on the host. release_values override them.',
  }),
  update_repo_cache: flag('Update the repositories before the release is installed or upgraded.'),
  disable_hook: flag('Run no hooks.'),
  force: flag('Upgrade in each run, and replace resources.'),
  purge: flag('Remove the history of the release too.', true),
  wait: flag('Wait until the resources are ready, or gone.'),
  wait_timeout: duration('How long to wait with wait.'),
  timeout: duration('The time limit of each operation. Default: 5m0s.'),
  atomic: flag('Undo what was done if it fails.'),
  create_namespace: flag('Create the namespace if it is missing.'),
  post_renderer: text('A program on the host that changes what is rendered.'),
  replace: flag('Take the name of a release that was removed with its history kept.'),
  skip_crds: flag('Leave out definitions of custom resources.'),
  history_max: Type.Optional(Type.Integer({ minimum: 0, description: 'How many revisions are kept.' })),
  binary_path: Type.Optional(absolutePath('The program helm.')),
  context: text('The context of the kubeconfig.'),
  kubeconfig: Type.Optional(absolutePath('The kubeconfig on the host. Default: that of the user.')),
});
type Args = Static<typeof Args>;
type Release = Readonly<{ name: string; chart: string; app_version: string } & Vars>;

export const helm = defineModule<typeof Args, Fields>({
  name: 'helm',
  summary: 'A release of a Helm chart, through the helm of the host.',
  args: Args,
  aliases: {
    name: 'release_name',
    namespace: 'release_namespace',
    state: 'release_state',
    values: 'release_values',
    kube_context: 'context',
    kubeconfig_path: 'kubeconfig',
  },
  examples: [
    {
      title: 'A chart with values',
      args: {
        name: 'shop',
        namespace: 'shop',
        chart_ref: 'bitnami/nginx',
        chart_version: '15.1.0',
        values: { replicaCount: 2 },
        create_namespace: true,
      },
    },
    { title: 'No release', args: { name: 'shop', namespace: 'shop', state: 'absent', wait: true } },
  ],
  verify: (given) => [
    ...(given.release_state === 'present' && given.chart_ref === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'chart_ref'" })]
      : []),
    ...exclude(given, 'replace', 'history_max'),
    ...exclude(given, 'timeout', 'wait_timeout'),
    ...(given.chart_ref?.startsWith('-')
      ? [argError(['chart_ref'], 'E_ARGUMENT_VALUE', { problem: 'a chart does not begin with -' })]
      : []),
  ],
  needs: ({ values_files, kubeconfig }) => [
    'live:*',
    'package:*',
    ...[...values_files, ...(kubeconfig === undefined ? [] : [kubeconfig])].map((path) => `path:${path}`),
  ],
  touches: () => ['live:*'],
  probe(given) {
    const { release_name, values_files, release_state } = given;
    const files =
      values_files.length > 0
        ? sh`show wanted helm_do upgrade --install --reset-values --dry-run --output json ${deployOptions(given)} ${release_name} ${chart(given)} ${valuesOf(given)}`
        : sh`:`;
    return sh`command -v ${program(given)} >/dev/null || { echo 'helm missing'; exit 0; }
${defined(given)}
show() { k=$1; shift; if out=$("$@" 2>&1); then printf '%s %s\n' "$k" "$(printf %s "$out" | base64 -w0)"; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; exit 0; fi; }
show list helm_do list --output json --filter ${`^${release_name.replaceAll('.', '\\.')}$`}
case $out in *${`"name":"${release_name}"`}*) show values helm_do get values ${release_name} --output json ;; esac
${
  release_state === 'absent'
    ? sh`:`
    : sh`show chart helm_do show chart ${chart(given)}
${files}`
}`;
  },
  parse: fields,
  plan(f, given): Steps {
    if (f.get('helm') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: program(given), hint: 'install helm in an earlier task' });
    }
    const error = f.text('error');
    if (error !== undefined) return blocked('E_TOOL_REFUSED', { tool: 'helm', detail: error });
    const { release_name, release_namespace, release_state, force } = given;
    const release = releaseOf(f, given);
    const of = `release ${release_namespace}/${release_name}`;
    if (release_state === 'absent') {
      if (release === undefined) return [];
      return [
        {
          what: `uninstall ${release_name}`,
          diff: { of, before: `${release.chart}\n`, after: null },
          run: uninstall(given),
        },
      ];
    }
    const info = chartInfo(f.text('chart') ?? '');
    const next = `${info.name}-${info.version}`;
    const isSame =
      release !== undefined &&
      release.chart === next &&
      release.app_version === info.appVersion &&
      JSON.stringify(sorted(json(f, 'values') ?? {})) === JSON.stringify(sorted(wanted(f, given)));
    if (isSame && !force) return [];
    const change: Change = {
      what: `${release === undefined ? 'install' : 'upgrade'} ${release_name} ${next}`,
      diff: { of, before: release === undefined ? null : `${release.chart}\n`, after: `${next}\n` },
      run: deploy(given),
      ...(force && release !== undefined && { action: true as const }),
    };
    return [change];
  },
  data(f, given, _ctx, ran) {
    const release = releaseOf(f, given);
    const status = release === undefined ? {} : { status: { ...release, values: (json(f, 'values') ?? {}) as Value } };
    return { ...status, command: commandOf(given), stdout: ran?.stdout ?? '', stderr: ran?.stderr ?? '' };
  },
});

function program({ binary_path = 'helm' }: Args): string {
  return binary_path;
}

/** Defines `helm_do`, which runs helm for the namespace. */
function defined(given: Args): Script {
  const { release_namespace, context, kubeconfig } = given;
  const options = [
    `--namespace=${release_namespace}`,
    ...(context === undefined ? [] : [`--kube-context=${context}`]),
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
  ];
  return sh`helm_do() { ${program(given)} ${options} "$@"; }`;
}

function chart({ chart_ref = '', chart_repo_url, chart_version }: Args): readonly string[] {
  return [
    chart_ref,
    ...(chart_repo_url === undefined ? [] : [`--repo=${chart_repo_url}`]),
    ...(chart_version === undefined ? [] : [`--version=${chart_version}`]),
  ];
}

function deployOptions(given: Args): readonly string[] {
  const { wait_timeout, timeout, post_renderer, history_max, values_files } = given;
  return [
    ...(given.wait ? ['--wait'] : []),
    ...(given.wait && wait_timeout !== undefined ? [`--timeout=${wait_timeout}`] : []),
    ...(given.atomic ? ['--atomic'] : []),
    ...(timeout === undefined ? [] : [`--timeout=${timeout}`]),
    ...(given.force ? ['--force'] : []),
    ...(given.disable_hook ? ['--no-hooks'] : []),
    ...(given.create_namespace ? ['--create-namespace'] : []),
    ...values_files.map((path) => `--values=${path}`),
    ...(post_renderer === undefined ? [] : [`--post-renderer=${post_renderer}`]),
    ...(given.skip_crds ? ['--skip-crds'] : []),
    ...(history_max === undefined ? [] : [`--history-max=${history_max}`]),
  ];
}

function isWithValues({ release_values }: Args): boolean {
  return Object.keys(release_values).length > 0;
}

/** The values come from an open file, because they may be secret: they are in no argument and no other file. */
function valuesOf(given: Args): Script {
  if (!isWithValues(given)) return sh``;
  return sh`--values=/dev/fd/3 3<<'END_OF_VALUES'
${verbatim(JSON.stringify(given.release_values))}
END_OF_VALUES`;
}

/** An installation takes --replace, which an upgrade does not. */
function verbs({ replace }: Args): readonly string[] {
  return replace ? ['install', '--replace'] : ['upgrade', '--install', '--reset-values'];
}

function deploy(given: Args): Script {
  return sh`set -e
${defined(given)}
${given.update_repo_cache ? sh`helm_do repo update >/dev/null` : sh`:`}
helm_do ${verbs(given)} ${deployOptions(given)} ${given.release_name} ${chart(given)} ${valuesOf(given)}`;
}

function uninstall(given: Args): Script {
  return sh`set -e
${defined(given)}
helm_do ${uninstallWords(given)}`;
}

function uninstallWords(given: Args): readonly string[] {
  const limit = given.timeout ?? given.wait_timeout;
  return [
    'uninstall',
    ...(given.purge ? [] : ['--keep-history']),
    ...(given.disable_hook ? ['--no-hooks'] : []),
    ...(given.wait ? ['--wait'] : []),
    ...(limit === undefined ? [] : [`--timeout=${limit}`]),
    given.release_name,
  ];
}

function commandOf(given: Args): string {
  const words =
    given.release_state === 'absent'
      ? uninstallWords(given)
      : [...verbs(given), ...deployOptions(given), given.release_name, ...chart(given)];
  return [program(given), `--namespace=${given.release_namespace}`, ...words].join(' ');
}

function json(f: Fields, key: string): unknown {
  try {
    return JSON.parse(f.text(key) ?? 'null');
  } catch {
    return undefined;
  }
}

function releaseOf(f: Fields, { release_name }: Args): Release | undefined {
  const list = json(f, 'list');
  return Array.isArray(list) ? (list as Release[]).find(({ name }) => name === release_name) : undefined;
}

/** The values that the release gets. With files, helm's dry run tells them. */
function wanted(f: Fields, { release_values, values_files }: Args): unknown {
  if (values_files.length === 0) return release_values;
  return (json(f, 'wanted') as Readonly<{ config?: unknown }> | undefined)?.config ?? {};
}

/** Fields of Chart.yaml, which are plain texts at its top level. */
function chartInfo(text: string): Readonly<{ name: string; version: string; appVersion: string }> {
  const of = (key: string): string => {
    const raw = new RegExp(`^${key}:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
    return /^(['"]).*\1$/.test(raw) ? raw.slice(1, -1) : raw;
  };
  return { name: of('name'), version: of('version'), appVersion: of('appVersion') };
}
