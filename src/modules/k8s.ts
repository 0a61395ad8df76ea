import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import { isDict, type Value, type Vars } from '../core/value.ts';
import { absolutePath, args, exclude, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'Whether the objects exist, as they are defined.',
  }),
  resource_definition: Type.Optional(
    Type.Unsafe<Value>({ description: 'The objects: a dict, a list of dicts, or a text of YAML.' }),
  ),
  src: Type.Optional(
    Type.String({
      pattern: '^(/|https?://)',
      expected: 'a path on the host, or an address',
      description: 'A file of YAML on the host, or an address.',
    }),
  ),
  template: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description: "Templates of YAML (in the role's templates/, or beside the playbook).",
    }),
  ),
  kind: text('The kind of the object, without a definition.'),
  api_version: Type.String({ default: 'v1', description: 'The version of the API, without a definition.' }),
  name: text('The name of the object, without a definition.'),
  namespace: text('The namespace of objects that name none.'),
  apply: flag(
    'Apply as `kubectl apply` does: fields that the last task named, and this one does not, are removed. false: set the given fields only.',
  ),
  server_side_apply: Type.Optional(
    Type.Object(
      {
        field_manager: Type.String({
          minLength: 1,
          description: 'The name under which the server keeps who set a field.',
        }),
        force_conflicts: flag('Take fields over from others.'),
      },
      { additionalProperties: false, description: 'With apply: the server applies.' },
    ),
  ),
  wait: flag('After a change, wait until the objects are ready, or gone.'),
  wait_timeout: Type.Integer({ default: 120, minimum: 1, description: 'How long to wait in seconds.' }),
  wait_condition: Type.Optional(
    Type.Object(
      {
        type: Type.String({ minLength: 1, description: 'The condition.' }),
        status: Type.Enum(['True', 'False', 'Unknown'], { default: 'True', description: 'Its status.' }),
      },
      { additionalProperties: false, description: 'What to wait for, instead of being ready.' },
    ),
  ),
  kubeconfig: Type.Optional(absolutePath('The kubeconfig on the host. Default: that of the user.')),
  context: text('The context of the kubeconfig.'),
});
type Args = Static<typeof Args>;

export const k8s = defineModule<typeof Args, Fields>({
  name: 'k8s',
  summary: 'Objects of Kubernetes exist as defined, or do not, through the kubectl of the host.',
  args: Args,
  aliases: {
    definition: 'resource_definition',
    inline: 'resource_definition',
    api: 'api_version',
    version: 'api_version',
  },
  sources: ({ template }) =>
    [template]
      .flat()
      .flatMap((path) => (typeof path === 'string' ? [{ path, folder: 'templates' as const, isTemplate: true }] : [])),
  examples: [
    { title: 'A namespace', args: { kind: 'Namespace', name: 'shop' } },
    { title: 'From a file of the host', args: { src: '/srv/shop/deployment.yml', namespace: 'shop', wait: true } },
    {
      title: 'Remove an object',
      args: { state: 'absent', api_version: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
    },
  ],
  verify: (given) => [
    ...exclude(given, 'resource_definition', 'src', 'template'),
    ...(sourceOf(given) === undefined
      ? (['kind', 'name'] as const)
          .filter((name) => given[name] === undefined)
          .map((name) =>
            argError([], 'E_MISSING_ARGUMENT', { name: `'${name}', 'resource_definition', 'src' or 'template'` }),
          )
          .slice(0, 1)
      : (['kind', 'name'] as const)
          .filter((name) => given[name] !== undefined)
          .map((name) =>
            argError([name], 'E_ARGUMENT_CONFLICT', { problem: `'${name}' has no effect with '${sourceOf(given)}'` }),
          )),
    ...(given.server_side_apply !== undefined && !given.apply
      ? [argError(['server_side_apply'], 'E_ARGUMENT_CONFLICT', { problem: "'server_side_apply' needs 'apply: true'" })]
      : []),
    ...(given.wait_condition !== undefined && !given.wait
      ? [argError(['wait_condition'], 'E_ARGUMENT_CONFLICT', { problem: "'wait_condition' needs 'wait: true'" })]
      : []),
  ],
  needs: ({ src, kubeconfig }) => [
    'live:*',
    'package:*',
    ...[src, kubeconfig].flatMap((path) => (path?.startsWith('/') ? [`path:${path}`] : [])),
  ],
  touches: () => ['live:*'],
  probe: (given, ctx) => sh`command -v kubectl >/dev/null || { echo 'kubectl missing'; exit 0; }
${kubectl(given, ctx)}
fail() { printf 'error %s\n' "$(printf %s "$1" | base64 -w0)"; exit 0; }
out=$(kube get --ignore-not-found -o json 2>&1) || fail "$out"
printf 'objects %s\n' "$(printf %s "$out" | base64 -w0)"
${
  given.state === 'absent'
    ? sh`:`
    : sh`out=$(kube diff ${how(given)} 2>&1); c=$?
case $c in 0) ;; 1) printf 'diff %s\n' "$(printf %s "$out" | base64 -w0)" ;; *) fail "$out" ;; esac`
}`,
  parse: fields,
  plan(f, given, ctx): Steps {
    if (f.get('kubectl') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'kubectl', hint: 'install kubectl in an earlier task' });
    }
    const error = f.text('error');
    if (error !== undefined) return blocked('E_TOOL_REFUSED', { tool: 'kubectl', detail: error });
    const of = given.src ?? `${given.kind ?? 'objects'} ${given.name ?? ''}`.trim();
    const limit = `--timeout=${given.wait_timeout}s`;
    if (given.state === 'absent') {
      const names = objectsIn(f).map(nameOf);
      if (names.length === 0) return [];
      return [
        {
          what: `delete ${names.join(', ')}`,
          diff: { of, before: `${names.join('\n')}\n`, after: null },
          run: sh`set -e
${kubectl(given, ctx)}
kube delete --ignore-not-found ${given.wait ? ['--wait=true', limit] : ['--wait=false']}`,
          // Without `wait`, the objects may take their time to end.
          ...(!given.wait && { excused: true as const }),
        },
      ];
    }
    const diff = f.text('diff');
    if (diff === undefined) return [];
    return [
      {
        what: `apply ${of}`,
        diff: { of, before: side(diff, '-'), after: side(diff, '+') },
        run: sh`set -e
${kubectl(given, ctx)}
kube apply ${how(given)}
${given.wait ? waiting(given) : sh`:`}`,
      },
    ];
  },
  data(f) {
    const objects = objectsIn(f).map(withoutSecrets);
    return { result: objects.length === 1 ? (objects[0] ?? {}) : objects.length === 0 ? {} : { results: objects } };
  },
});

function sourceOf(given: Args): string | undefined {
  return (['resource_definition', 'src', 'template'] as const).find((name) => given[name] !== undefined);
}

/** Defines `kube`, which runs a verb of kubectl on the objects. A definition is in no argument, because it may be secret. */
function kubectl(given: Args, ctx: Context): Script {
  const { src, namespace, kubeconfig, context } = given;
  const options = [
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
    ...(context === undefined ? [] : [`--context=${context}`]),
  ];
  if (src !== undefined) return sh`kube() { v=$1; shift; kubectl "$v" ${options} -f ${src} "$@"; }`;
  return sh`kube() { v=$1; shift; kubectl "$v" ${options} -f - "$@" <<'END_OF_OBJECTS'
${verbatim(definition(given, ctx))}
END_OF_OBJECTS
}`;
}

function definition(
  { resource_definition: given, template, kind, api_version, name, namespace }: Args,
  ctx: Context,
): string {
  if (template !== undefined) return template.map((path) => ctx.render(path, { asText: true })).join('\n---\n');
  if (typeof given === 'string') return given;
  if (Array.isArray(given)) return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: given });
  if (given !== undefined) return JSON.stringify(given);
  const isCluster = namespace === undefined || kind === 'Namespace';
  return JSON.stringify({ apiVersion: api_version, kind, metadata: { name, ...(!isCluster && { namespace }) } });
}

/** Without `apply`, the given fields are set, whoever set them before, and no others are removed. */
function how({ apply, server_side_apply: server }: Args): readonly string[] {
  if (!apply) return ['--server-side', '--force-conflicts', '--field-manager=bringup'];
  if (server === undefined) return [];
  return [
    '--server-side',
    `--field-manager=${server.field_manager}`,
    ...(server.force_conflicts ? ['--force-conflicts'] : []),
  ];
}

/** Workloads are rolled out, and pods get ready. Other objects are what they are at once. */
function waiting({ wait_condition, wait_timeout, namespace, kubeconfig, context }: Args): Script {
  const limit = `--timeout=${wait_timeout}s`;
  if (wait_condition !== undefined)
    return sh`kube wait ${`--for=condition=${wait_condition.type}=${wait_condition.status}`} ${limit}`;
  const options = [
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
    ...(context === undefined ? [] : [`--context=${context}`]),
  ];
  return sh`kube get -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.namespace}{"\n"}{end}{.kind}/{.metadata.name} {.metadata.namespace}{"\n"}' | while read -r o n; do
  case $o in
  Deployment/* | DaemonSet/* | StatefulSet/*) kubectl rollout status "$o" ${options} --namespace="\${n:-${namespace ?? 'default'}}" ${limit} ;;
  Pod/*) kubectl wait "$o" ${options} --namespace="\${n:-${namespace ?? 'default'}}" --for=condition=Ready ${limit} ;;
  esac || exit 1
done`;
}

function objectsIn(f: Fields): readonly Vars[] {
  const raw = f.text('objects') ?? '';
  if (raw.trim() === '') return [];
  const value = JSON.parse(raw) as Value;
  if (!isDict(value)) return [];
  return value['kind'] === 'List' && Array.isArray(value['items']) ? (value['items'] as readonly Vars[]) : [value];
}

function nameOf(object: Vars): string {
  const metadata = isDict(object['metadata']) ? object['metadata'] : {};
  return `${String(object['kind'])}/${String(metadata['name'])}`;
}

/** A result may be printed, so a Secret is returned without what it holds. */
function withoutSecrets(object: Vars): Vars {
  if (object['kind'] !== 'Secret') return object;
  const { data: _, stringData: __, ...rest } = object;
  return rest;
}

/** One side of a unified diff, without its headers. */
function side(diff: string, mark: '-' | '+'): string {
  const other = mark === '-' ? '+' : '-';
  const lines = diff.split('\n').filter((line) => !/^(diff |---|\+\+\+|@@)/.test(line) && !line.startsWith(other));
  return `${lines.map((line) => line.slice(1)).join('\n')}\n`;
}
