import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A device whose outlet or machine is on or off. `asked` holds the methods and paths of its requests. */
export type Device = {
  address: string;
  isOn: boolean;
  readonly asked: string[];
  /** Requests that get no answer, from now on. */
  ignores: number;
  /** The device accepts requests to switch and does not obey. */
  isStuck: boolean;
  close: () => Promise<void>;
};
export const PASSWORD = 'secret-of-the-plug';
const MAC = '34945401A2B3';

type Reply = (code: number, body: unknown, headers?: Readonly<Record<string, string>>) => void;
type Handler = (device: Device, request: IncomingMessage & { url: string }, reply: Reply, body: string) => void;

async function start(handler: Handler, tls?: Readonly<{ cert: string; key: string }>): Promise<Device> {
  const device: Device = {
    address: '',
    isOn: false,
    asked: [],
    ignores: 0,
    isStuck: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const listener: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      device.asked.push(`${request.method} ${request.url}`);
      if (device.ignores > 0) {
        device.ignores--;
        return;
      }
      const reply: Reply = (code, answer, headers = {}) => {
        response.writeHead(code, { 'content-type': 'application/json', ...headers });
        response.end(answer === undefined ? '' : JSON.stringify(answer));
      };
      handler(device, request as IncomingMessage & { url: string }, reply, body);
    });
  };
  const server: Server =
    tls === undefined ? createServer(listener) : (createSecure(tls, listener) as unknown as Server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  device.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return device;
}

const turn = (device: Device, on: boolean): void => {
  if (!device.isStuck) device.isOn = on;
};
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** A plug of the first generation: /relay/0, basic authentication. */
export const oldShelly = (): Promise<Device> =>
  start((device, { url, headers }, reply) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    if (pathname === '/shelly') return reply(200, { type: 'SHPLG-S', mac: MAC, auth: true, fw: '1.14.0' });
    if (headers.authorization !== basic('admin', PASSWORD))
      return reply(401, '401 Unauthorized', { 'www-authenticate': 'Basic realm="shellyplug-s"' });
    if (pathname === '/settings') return reply(200, { device: { mac: MAC }, name: 'plug-web1' });
    if (pathname !== '/relay/0') return reply(404, 'Not Found');
    if (searchParams.has('turn')) turn(device, searchParams.get('turn') === 'on');
    return reply(200, { ison: device.isOn, has_timer: false });
  });

/** A plug of the second generation and later: /rpc, digest authentication with SHA-256. */
export const newShelly = (): Promise<Device> => {
  const realm = 'shellyplusplugs-34945401a2b3';
  const nonces = new Set<string>();
  return start((device, { url, method, headers: { authorization = '' } }, reply) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    if (pathname === '/shelly')
      return reply(200, { name: 'plug-web1', id: realm, mac: MAC, gen: 2, auth_en: true, auth_domain: realm });
    const given = Object.fromEntries(
      [...authorization.matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]+))/g)].map((m) => [m[1], m[2] ?? m[3]]),
    );
    const { nonce = '', nc, cnonce, qop, response, username, uri } = given;
    const wanted = hash(
      [hash(`admin:${realm}:${PASSWORD}`), nonce, nc, cnonce, qop, hash(`${method}:${url}`)].join(':'),
    );
    if (!nonces.delete(nonce) || username !== 'admin' || uri !== url || response !== wanted) {
      const fresh = randomBytes(8).toString('hex');
      nonces.add(fresh);
      const challenge = `Digest qop="auth", realm="${realm}", nonce="${fresh}", algorithm=SHA-256`;
      return reply(401, { code: 401, message: 'Unauthorized' }, { 'www-authenticate': challenge });
    }
    const id = searchParams.get('id');
    if (id !== '0') return reply(500, { code: -105, message: `Argument 'id', value ${id} not found!` });
    if (pathname === '/rpc/Switch.GetStatus') return reply(200, { id: 0, output: device.isOn, apower: 0 });
    if (pathname !== '/rpc/Switch.Set') return reply(404, { code: 404, message: `No handler for ${pathname}` });
    const was_on = device.isOn;
    turn(device, searchParams.get('on') === 'true');
    return reply(200, { was_on });
  });
};

/** A service that switches machines, as the driver `manual` calls it. */
export const webhook = (): Promise<Device> =>
  start((device, { headers }, reply, body) => {
    if (headers.authorization !== `Bearer ${PASSWORD}`) return reply(401, {});
    const { host, action } = JSON.parse(body) as { host: string; action: string };
    if (host !== 'web1') return reply(404, {});
    if (action !== 'status') turn(device, action === 'on');
    return reply(200, action === 'status' ? { state: device.isOn ? 'on' : 'off' } : {});
  });

/** A plug with the firmware Tasmota. */
export const tasmota = (): Promise<Device> =>
  start((device, { url }, reply) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    if (pathname !== '/cm') return reply(404, {});
    if (searchParams.get('user') !== 'admin' || searchParams.get('password') !== PASSWORD)
      return reply(401, { WARNING: 'Need user=<username>&password=<password>' });
    const [command = '', to] = (searchParams.get('cmnd') ?? '').split(' ');
    if (command === 'Status')
      return reply(200, { Status: { DeviceName: 'plug-web1' }, StatusNET: { Mac: '34:94:54:01:A2:B3' } });
    if (command !== 'Power1') return reply(200, { Command: 'Unknown' });
    if (to !== undefined) turn(device, to === 'ON');
    return reply(200, { POWER: device.isOn ? 'ON' : 'OFF' });
  });

/** Home Assistant with one switch. */
export const homeassistant = (): Promise<Device> =>
  start((device, { url, method, headers }, reply, body) => {
    if (headers.authorization !== `Bearer ${PASSWORD}`) return reply(401, '401: Unauthorized');
    const state = () => ({
      entity_id: 'switch.plug_web1',
      state: device.isOn ? 'on' : 'off',
      attributes: { friendly_name: 'plug-web1' },
    });
    if (url === '/api/states/switch.plug_web1') return reply(200, state());
    if (url === '/api/states/switch.gone') return reply(200, { ...state(), state: 'unavailable' });
    const [, action] = /^\/api\/services\/switch\/turn_(on|off)$/.exec(url) ?? [];
    if (method !== 'POST' || action === undefined) return reply(404, { message: 'Entity not found.' });
    if (JSON.parse(body).entity_id !== 'switch.plug_web1') return reply(400, { message: 'no such entity' });
    turn(device, action === 'on');
    return reply(200, [state()]);
  });

/** A BMC with Redfish and one system. */
export const redfish = (tls: Readonly<{ cert: string; key: string }>): Promise<Device> =>
  start((device, { url, method, headers }, reply, body) => {
    const path = url.replace(/(.)\/$/, '$1');
    const wrong = (code: number, message: string) =>
      reply(code, { error: { code: 'Base.1.11.GeneralError', message } });
    const root = '/redfish/v1';
    if (path === root)
      return reply(200, {
        '@odata.id': root,
        '@odata.type': '#ServiceRoot.v1_11_0.ServiceRoot',
        Id: 'RootService',
        Name: 'Root',
        RedfishVersion: '1.11.0',
        Systems: { '@odata.id': `${root}/Systems` },
      });
    if (headers.authorization !== basic('admin', PASSWORD)) return wrong(401, 'log in first');
    if (path === `${root}/Systems`)
      return reply(200, {
        '@odata.id': path,
        '@odata.type': '#ComputerSystemCollection.ComputerSystemCollection',
        Name: 'Systems',
        Members: [{ '@odata.id': `${root}/Systems/1` }],
        'Members@odata.count': 1,
      });
    const action = `${root}/Systems/1/Actions/ComputerSystem.Reset`;
    const types = ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart'];
    if (path === `${root}/Systems/1`)
      return reply(200, {
        '@odata.id': path,
        '@odata.type': '#ComputerSystem.v1_16_0.ComputerSystem',
        Id: '1',
        Name: 'System',
        PowerState: device.isOn ? 'On' : 'Off',
        Actions: { '#ComputerSystem.Reset': { target: action, 'ResetType@Redfish.AllowableValues': types } },
      });
    if (path !== action || method !== 'POST') return wrong(404, path);
    const { ResetType: type } = JSON.parse(body) as { ResetType: string };
    if (!types.includes(type)) return wrong(400, `no ${type}`);
    if ((type === 'On') === device.isOn) return wrong(409, 'the system is in this state');
    turn(device, type === 'On' || type === 'ForceRestart');
    return reply(204, undefined);
  }, tls);
