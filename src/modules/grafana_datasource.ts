import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { isDict, type Value, type Vars } from '../core/value.ts';
import { answerOf, ask, NEEDS_CURL, noAnswer, send } from './shared/api.ts';
import { args, exclude, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { getRequest, type Request } from './shared/http.ts';
import { sorted } from './shared/json.ts';

const secret = (description: string) => Type.Optional(Type.String({ secret: true, description }));

const Args = args({
  name: Type.String({ minLength: 1, description: 'The name of the data source.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the data source exists.' }),
  grafana_url: Type.String({
    pattern: '^https?://[^\\s/]',
    expected: 'an address that begins with http:// or https://',
    description: 'The address of Grafana, as the host reaches it.',
  }),
  grafana_user: Type.String({ default: 'admin', description: 'The user of Grafana.' }),
  grafana_password: Type.String({ default: 'admin', secret: true, description: 'The password of grafana_user.' }),
  grafana_api_key: secret('A token of Grafana, instead of user and password.'),
  org_id: Type.Integer({ default: 1, minimum: 1, description: 'The organisation, unless grafana_api_key says it.' }),
  validate_certs: flag("Verify Grafana's certificate.", true),
  client_cert: text('A client certificate on the host.'),
  client_key: text('The key of client_cert on the host.'),
  ds_type: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'The type: prometheus, loki, mysql, postgres, influxdb, elasticsearch, or the id of a plugin.',
    }),
  ),
  ds_url: text('The address of the data source.'),
  access: Type.Enum(['proxy', 'direct'], {
    default: 'proxy',
    description: 'Who asks the data source: Grafana, or the browser.',
  }),
  database: Type.String({ default: '', description: 'The database or the index.' }),
  user: Type.String({ default: '', description: 'The user at the data source.' }),
  password: secret('The password of user.'),
  basic_auth_user: text('The user for basic authentication.'),
  basic_auth_password: secret('The password of basic_auth_user.'),
  with_credentials: flag('Send cookies and headers of authentication to other sites.'),
  tls_client_cert: secret('The client certificate for the data source.'),
  tls_client_key: secret('The key of tls_client_cert.'),
  tls_ca_cert: secret('The CA of the data source.'),
  tls_skip_verify: flag('Do not verify the certificate of the data source.'),
  is_default: flag('Make it the default data source.'),
  es_version: Type.Integer({ default: 5, description: 'elasticsearch: the version.' }),
  max_concurrent_shard_requests: Type.Integer({
    default: 256,
    description: 'elasticsearch from 56 on: the limit of requests.',
  }),
  time_field: Type.String({ default: '@timestamp', description: 'elasticsearch: the field of the time.' }),
  time_interval: text('influxdb and elasticsearch: the least interval, as >10s.'),
  interval: Type.Enum(['', 'Hourly', 'Daily', 'Weekly', 'Monthly', 'Yearly'], {
    default: '',
    description: 'elasticsearch: the pattern of indices.',
  }),
  tsdb_version: Type.Integer({ default: 1, minimum: 1, maximum: 3, description: 'opentsdb: the version.' }),
  tsdb_resolution: Type.Enum(['second', 'millisecond'], {
    default: 'second',
    description: 'opentsdb: the resolution.',
  }),
  sslmode: Type.Enum(['disable', 'require', 'verify-ca', 'verify-full'], {
    default: 'disable',
    description: 'postgres: the mode of TLS.',
  }),
  additional_json_data: Type.Record(Type.String(), Type.Unsafe<Value>({}), {
    default: {},
    description: 'More settings of the data source (jsonData).',
  }),
  additional_secure_json_data: Type.Record(Type.String(), Type.Unsafe<Value>({}), {
    default: {},
    description: 'More secret settings (secureJsonData).',
  }),
  enforce_secure_data: flag(
    'Write secrets in each run. Grafana does not tell them, so they are else written with other changes only.',
  ),
});
type Args = Static<typeof Args>;

export const grafana_datasource = defineModule<typeof Args, Fields>({
  name: 'grafana_datasource',
  summary: 'A data source of Grafana, through its API. The host asks Grafana.',
  args: Args,
  aliases: { url: 'grafana_url', url_username: 'grafana_user', url_password: 'grafana_password' },
  examples: [
    {
      title: 'Prometheus',
      args: {
        name: 'Prometheus',
        grafana_url: 'http://127.0.0.1:3000',
        ds_type: 'prometheus',
        ds_url: 'http://127.0.0.1:9090',
        is_default: true,
      },
    },
  ],
  verify: (given) => [
    ...(given.state === 'present'
      ? (['ds_type', 'ds_url'] as const)
          .filter((name) => given[name] === undefined)
          .map((name) => argError([], 'E_MISSING_ARGUMENT', { name: `'${name}'` }))
      : []),
    ...(['influxdb', 'elasticsearch', 'mysql', 'postgres'].includes(given.ds_type ?? '') && given.database === ''
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'database'" })]
      : []),
    ...((given.tls_client_cert === undefined) !== (given.tls_client_key === undefined)
      ? [argError([], 'E_ARGUMENT_CONFLICT', { problem: "'tls_client_cert' and 'tls_client_key' are given together" })]
      : []),
    ...exclude(given, 'tls_ca_cert', 'tls_skip_verify'),
  ],
  needs: () => ['live:*', 'package:*'],
  touches: () => ['live:*'],
  probe: (given) => sh`${NEEDS_CURL}
${ask('source', request(given, byName(given)))}`,
  parse: fields,
  plan(f, given): Steps {
    const { name, state, enforce_secure_data } = given;
    const answer = answerOf(f.text('source'));
    const none = noAnswer(f, [answer], [200, 404]);
    if (none !== undefined) return none;
    const now = answer?.status === 200 && isDict(answer.body) ? answer.body : undefined;
    const of = `data source ${name}`;
    if (state === 'absent') {
      if (now === undefined) return [];
      return [
        {
          what: `remove the data source ${name}`,
          diff: { of, before: shown(now), after: null },
          run: send({ ...request(given, byName(given)), method: 'DELETE' }),
        },
      ];
    }
    const { secureJsonData, ...wanted } = payload(given);
    const isForced = enforce_secure_data && isDict(secureJsonData) && Object.keys(secureJsonData).length > 0;
    const after = shown(wanted);
    const before = now === undefined ? null : shown(pick(now, wanted));
    if (before === after && !isForced) return [];
    const body = JSON.stringify({ ...wanted, secureJsonData });
    const write =
      now === undefined
        ? request(given, '/api/datasources')
        : request(given, `/api/datasources/uid/${encodeURIComponent(String(now['uid']))}`);
    return [
      {
        what: `${now === undefined ? 'create' : 'update'} the data source ${name}`,
        diff: { of, before, after },
        run: send({ ...write, method: now === undefined ? 'POST' : 'PUT', body }),
        ...(isForced && before === after && { action: true as const }),
      },
    ];
  },
  data(f, { name, state }, _ctx, ran) {
    const answer = answerOf(f.text('source'));
    const datasource = answer?.status === 200 ? (answer.body ?? null) : null;
    if (state === 'absent')
      return { datasource: null, msg: `Datasource ${name} ${ran === undefined ? 'does not exist' : 'deleted'}.` };
    const made = fields(ran?.stdout ?? '').text('answer') ?? '';
    const word = ran === undefined ? 'unchanged' : /Datasource added/.test(made) ? 'created' : 'updated';
    return { datasource, msg: `Datasource ${name} ${word}` };
  },
});

function byName({ name }: Args): string {
  return `/api/datasources/name/${encodeURIComponent(name)}`;
}

function request(given: Args, path: string): Request {
  const {
    grafana_url,
    grafana_user,
    grafana_password,
    grafana_api_key,
    org_id,
    validate_certs,
    client_cert,
    client_key,
  } = given;
  const login =
    grafana_api_key === undefined ? { 'X-Grafana-Org-Id': org_id } : { Authorization: `Bearer ${grafana_api_key}` };
  return {
    ...getRequest(`${grafana_url.replace(/\/+$/, '')}${path}`, validate_certs),
    headers: { 'Content-Type': 'application/json', ...login },
    ...(grafana_api_key === undefined && { user: grafana_user, password: grafana_password }),
    timeout: 30,
    client_cert,
    client_key,
  };
}

/** The data source in the form of Grafana's API. */
function payload(given: Args): Vars {
  const {
    ds_type = '',
    ds_url = '',
    basic_auth_user,
    basic_auth_password,
    tls_client_cert,
    tls_client_key,
    tls_ca_cert,
  } = given;
  const isBasic = basic_auth_user !== undefined && basic_auth_password !== undefined;
  const isSecretive = (pairs: Readonly<Record<string, string | undefined>>): Vars =>
    Object.fromEntries(Object.entries(pairs).filter((one): one is [string, string] => one[1] !== undefined));
  return {
    ...(given.grafana_api_key === undefined && { orgId: given.org_id }),
    name: given.name,
    type: ds_type,
    access: given.access,
    url: ds_url,
    database: given.database,
    withCredentials: given.with_credentials,
    isDefault: given.is_default,
    user: given.user,
    basicAuth: isBasic,
    ...(isBasic && { basicAuthUser: basic_auth_user }),
    jsonData: {
      ...given.additional_json_data,
      tlsAuth: tls_client_cert !== undefined,
      tlsAuthWithCACert: tls_ca_cert !== undefined,
      ...(given.tls_skip_verify && { tlsSkipVerify: true }),
      ...ofType(given),
    },
    secureJsonData: {
      ...given.additional_secure_json_data,
      ...isSecretive({
        password: given.password,
        basicAuthPassword: isBasic ? basic_auth_password : undefined,
        tlsClientCert: tls_client_cert,
        tlsClientKey: tls_client_key,
        tlsCACert: tls_ca_cert,
      }),
    },
  };
}

function ofType(given: Args): Vars {
  const { ds_type, es_version, time_interval, interval } = given;
  const least = time_interval === undefined ? {} : { timeInterval: time_interval };
  if (ds_type === 'elasticsearch') {
    return {
      esVersion: es_version,
      timeField: given.time_field,
      ...(interval !== '' && { interval }),
      ...(es_version >= 56 && { maxConcurrentShardRequests: given.max_concurrent_shard_requests }),
      ...least,
    };
  }
  if (ds_type === 'influxdb') return least;
  if (ds_type === 'opentsdb')
    return { tsdbVersion: given.tsdb_version, tsdbResolution: given.tsdb_resolution === 'second' ? 1 : 2 };
  return ds_type === 'postgres' ? { sslmode: given.sslmode } : {};
}

/** Of what Grafana has, what the task sets. */
function pick(now: Vars, wanted: Vars): Vars {
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, now[key] ?? null]));
}

function shown(value: Vars): string {
  return `${JSON.stringify(sorted(value), null, 2)}\n`;
}
