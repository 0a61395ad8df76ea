import { describe, expect, it } from 'vitest';
import { grafana_datasource } from '../../../src/modules/grafana_datasource.ts';
import { service } from './api.ts';
import { refusal } from './harness.ts';

const PROMETHEUS = { name: 'My Source', url: 'http://g:3000/', ds_type: 'prometheus', ds_url: 'http://p:9090' };
/** In the format of Grafana 11. */
const NOW = {
  id: 3,
  uid: 'abc',
  orgId: 1,
  name: 'My Source',
  type: 'prometheus',
  typeLogoUrl: 'x',
  access: 'proxy',
  url: 'http://p:9090',
  user: '',
  database: '',
  basicAuth: false,
  basicAuthUser: '',
  withCredentials: false,
  isDefault: false,
  jsonData: { tlsAuth: false, tlsAuthWithCACert: false },
  secureJsonFields: {},
  version: 1,
  readOnly: false,
};
const GET = 'GET /api/datasources/name/My%20Source';

/** The JSON that was sent. */
function body(asked: string): Readonly<Record<string, unknown>> {
  const [, raw = '""'] = /^data-raw = (".*")$/m.exec(asked) ?? [];
  return JSON.parse(JSON.parse(raw) as string) as Readonly<Record<string, unknown>>;
}

describe('grafana_datasource', () => {
  it('creates a data source, with passwords in no argument', () => {
    const grafana = service({ [GET]: [404, {}], 'POST /api/datasources': [200, { message: 'Datasource added' }] });
    const args = {
      ...PROMETHEUS,
      password: 's3cret',
      grafana_password: 'pw"',
      basic_auth_user: 'u',
      basic_auth_password: 'b',
    };
    const task = grafana.do(grafana_datasource, args);
    expect(task.steps).toEqual(['create the data source My Source']);
    expect(task.changes[0]?.diff?.after).not.toMatch(/s3cret/);
    expect(task.make()).toMatchObject({ code: 0, data: { msg: 'Datasource My Source created' } });
    expect(body(grafana.asked())).toEqual({
      orgId: 1,
      name: 'My Source',
      type: 'prometheus',
      access: 'proxy',
      url: 'http://p:9090',
      database: '',
      withCredentials: false,
      isDefault: false,
      user: '',
      basicAuth: true,
      basicAuthUser: 'u',
      jsonData: { tlsAuth: false, tlsAuthWithCACert: false },
      secureJsonData: { password: 's3cret', basicAuthPassword: 'b' },
    });
    expect(grafana.asked()).toContain('header = "X-Grafana-Org-Id: 1"');
    expect(grafana.asked()).toContain(`header = "Authorization: Basic ${Buffer.from('admin:pw"').toString('base64')}"`);
    expect(grafana.arguments()).not.toMatch(/s3cret|pw/);
  });

  it('leaves one that is the same, whatever its secrets, unless they are enforced', () => {
    const grafana = service({
      [GET]: [200, NOW],
      'PUT /api/datasources/uid/abc': [200, { message: 'Datasource updated' }],
    });
    const same = grafana.do(grafana_datasource, { ...PROMETHEUS, password: 'x' });
    expect([same.steps, same.data]).toEqual([[], { datasource: NOW, msg: 'Datasource My Source unchanged' }]);
    expect(grafana.do(grafana_datasource, { ...PROMETHEUS, enforce_secure_data: true }).steps).toEqual([]);
    const forced = grafana.do(grafana_datasource, { ...PROMETHEUS, password: 'x', enforce_secure_data: true });
    expect(forced.changes).toMatchObject([{ action: true }]);
    expect(forced.make()).toMatchObject({ code: 0, data: { msg: 'Datasource My Source updated' } });
  });

  it.each([
    [{ ds_url: 'http://q' }, { url: 'http://q' }],
    [
      { is_default: true, access: 'direct', with_credentials: true },
      { isDefault: true, access: 'direct', withCredentials: true },
    ],
    [
      { ds_type: 'postgres', database: 'd', user: 'u', sslmode: 'require' },
      { type: 'postgres', database: 'd', user: 'u', jsonData: { sslmode: 'require' } },
    ],
    [{ ds_type: 'influxdb', database: 'd', time_interval: '>10s' }, { jsonData: { timeInterval: '>10s' } }],
    [
      { ds_type: 'elasticsearch', database: 'd', es_version: 70, interval: 'Daily' },
      { jsonData: { esVersion: 70, timeField: '@timestamp', interval: 'Daily', maxConcurrentShardRequests: 256 } },
    ],
    [
      { ds_type: 'opentsdb', tsdb_version: 3, tsdb_resolution: 'millisecond' },
      { jsonData: { tsdbVersion: 3, tsdbResolution: 2 } },
    ],
    [
      { tls_client_cert: 'c', tls_client_key: 'k', tls_skip_verify: true },
      { jsonData: { tlsAuth: true, tlsSkipVerify: true }, secureJsonData: { tlsClientCert: 'c', tlsClientKey: 'k' } },
    ],
    [{ tls_ca_cert: 'a' }, { jsonData: { tlsAuthWithCACert: true }, secureJsonData: { tlsCACert: 'a' } }],
    [
      { additional_json_data: { httpMethod: 'POST' }, additional_secure_json_data: { h: 'v' } },
      { jsonData: { httpMethod: 'POST' }, secureJsonData: { h: 'v' } },
    ],
  ])('writes %o', (more, expected) => {
    const grafana = service({ [GET]: [200, NOW], 'PUT /api/datasources/uid/abc': [200, {}] });
    const task = grafana.do(grafana_datasource, { ...PROMETHEUS, ...more });
    expect(task.steps).toEqual(['update the data source My Source']);
    expect(task.make().code).toBe(0);
    expect(body(grafana.asked())).toMatchObject(expected);
    const { secureJsonData: _, ...kept } = body(grafana.asked());
    expect(
      service({ [GET]: [200, { ...NOW, ...kept }] }).do(grafana_datasource, { ...PROMETHEUS, ...more }).steps,
    ).toEqual([]);
  });

  it('removes one that is there', () => {
    const absent = { name: 'My Source', url: 'http://g', state: 'absent', grafana_api_key: 'token' };
    const grafana = service({ [GET]: [200, NOW], 'DELETE /api/datasources/name/My%20Source': [200, {}] });
    const task = grafana.do(grafana_datasource, absent);
    expect(task.steps).toEqual(['remove the data source My Source']);
    expect(task.make()).toMatchObject({ code: 0, data: { datasource: null, msg: 'Datasource My Source deleted.' } });
    expect(grafana.asked()).toContain('header = "Authorization: Bearer token"');
    expect(service({ [GET]: [404, {}] }).do(grafana_datasource, absent)).toMatchObject({
      steps: [],
      data: { msg: 'Datasource My Source does not exist.' },
    });
  });

  it('says why Grafana does not answer', () => {
    expect(service({ [GET]: [401, { message: 'Unauthorized' }] }).do(grafana_datasource, PROMETHEUS).detail).toMatch(
      /401: Unauthorized/,
    );
    expect(service({}).do(grafana_datasource, PROMETHEUS).detail).toMatch(/Failed to connect/);
  });

  it.each([
    [{ name: 'x', url: 'http://g' }, /'ds_type' is missing\n.*'ds_url' is missing/],
    [{ ...PROMETHEUS, ds_type: 'mysql' }, /'database' is missing/],
    [{ ...PROMETHEUS, tls_client_cert: 'x' }, /given together/],
    [{ ...PROMETHEUS, tls_ca_cert: 'x', tls_skip_verify: true }, /exclude each other/],
    [{ ...PROMETHEUS, url: 'g' }, /begins with http/],
    [{ ...PROMETHEUS, aws_access_key: 'x' }, /unknown argument/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(grafana_datasource, args)).toMatch(expected);
  });
});
