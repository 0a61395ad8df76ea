import { setTimeout as sleep } from 'node:timers/promises';
import * as snmp from 'net-snmp';
import { type Static, Type } from 'typebox';
import { argError } from '../../core/bind.ts';
import { Failure } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import { defineDriver, type PowerScene, type PowerState, powerArgs, secret } from '../contract.ts';
import { sameDevice } from '../identity.ts';
import { SETTLE } from '../settle.ts';

const Args = powerArgs({
  host: Type.String({ minLength: 1, description: 'The address of the switch.' }),
  snmp_port: Type.Integer({ default: 161, minimum: 1, maximum: 65_535, description: 'The UDP port of SNMP.' }),
  port: Type.Integer({ minimum: 1, description: 'The number of the port (pethPsePortIndex).' }),
  group: Type.Integer({
    default: 1,
    minimum: 1,
    description: 'The number of the switch in a stack (pethPsePortGroupIndex).',
  }),
  community: Type.Optional(secret('The community that may write. SNMP v2c is used.')),
  user: Type.Optional(Type.String({ minLength: 1, description: 'The user. SNMP v3 is used.' })),
  auth_password: Type.Optional(
    Type.String({ secret: true, minLength: 8, description: 'The authentication password of the user.' }),
  ),
  auth_protocol: Type.Union([Type.Literal('sha'), Type.Literal('sha256'), Type.Literal('sha512')], {
    default: 'sha256',
    description: 'The hash of the authentication.',
  }),
  priv_password: Type.Optional(
    Type.String({ secret: true, minLength: 8, description: 'The encryption password. Default: auth_password.' }),
  ),
  priv_protocol: Type.Union([Type.Literal('aes'), Type.Literal('aes256')], {
    default: 'aes',
    description: 'The encryption: AES with 128 or 256 bits.',
  }),
  name: Type.Optional(
    Type.String({
      description: 'The name that the switch must have (sysName); with another one, nothing is switched.',
    }),
  ),
  settle: SETTLE,
});
type Args = Static<typeof Args>;

/** pethPsePortAdminEnable of POWER-ETHERNET-MIB (RFC 3621): 1 true, 2 false. */
const ADMIN = '1.3.6.1.2.1.105.1.1.1.3';
const SYS_NAME = '1.3.6.1.2.1.1.5.0';

export const poe = defineDriver({
  name: 'poe',
  summary: 'A port of a switch that supplies power over Ethernet, by SNMP.',
  args: Args,
  examples: [
    { title: 'SNMP v2c', args: { host: '10.0.0.2', port: 4, community: '{{ poe_community }}' } },
    { title: 'SNMP v3', args: { host: '10.0.0.2', port: 4, user: 'poe', auth_password: '{{ poe_password }}' } },
  ],
  verify: ({ community, user, auth_password }) => {
    if ((community === undefined) === (user === undefined))
      return [argError([], 'E_ARGUMENT_CONFLICT', { problem: "give either 'community' (v2c) or 'user' (v3)" })];
    if (user !== undefined && auth_password === undefined)
      return [argError([], 'E_MISSING_ARGUMENT', { name: "'auth_password'", hint: 'a user needs a password' })];
    return [];
  },
  outlet: ({ host, group, port }) => `${host} port ${group}.${port}`,
  settle: ({ settle }) => settle,
  async identify(args, scene) {
    if (args.name === undefined) return;
    const name = await ask(args, scene, 'sysName', (session, done) => session.get([SYS_NAME], done));
    sameDevice(scene, deviceOf(args), args, { name: String(name), mac: undefined });
  },
  async status(args, scene): Promise<PowerState> {
    const get = () => ask(args, scene, 'status', (session, done) => session.get([oidOf(args)], done));
    // Just after a change an agent may deny for a moment that it has the port.
    const value = await get().catch(async (error: unknown) => {
      if (!(error instanceof Failure) || error.diagnostics[0]?.code !== 'E_POWER_OUTLET') throw error;
      await sleep(300, undefined, { signal: scene.signal });
      return get();
    });
    return value === 1 ? 'on' : 'off';
  },
  on: (args, scene) => turn(args, scene, 1),
  cut: (args, scene) => turn(args, scene, 2),
});

const deviceOf = ({ host }: Args): string => `poe ${host}`;
const oidOf = ({ group, port }: Args): string => `${ADMIN}.${group}.${port}`;

async function turn(args: Args, scene: PowerScene, value: 1 | 2): Promise<void> {
  const varbind = { oid: oidOf(args), type: snmp.ObjectType.Integer, value };
  await ask(args, scene, value === 1 ? 'on' : 'off', (session, done) => session.set([varbind], done));
}

type Done = (error: Error | null, varbinds: readonly snmp.Varbind[] | undefined) => void;

/** Sends one request. Returns the value of its only variable. */
function ask(
  args: Args,
  scene: PowerScene,
  doing: string,
  send: (session: snmp.Session, done: Done) => void,
): Promise<unknown> {
  const { host, signal } = scene;
  const device = deviceOf(args);
  const session = open(args, scene);
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    session.on('error', (error) => reject(failure('E_POWER_SILENT', { host, device, why: error.message })));
    send(session, (error, varbinds) => {
      signal.removeEventListener('abort', stop);
      if (error !== null) return reject(failureOf(error, args, scene, doing));
      const varbind = varbinds?.[0];
      if (varbind === undefined || snmp.isVarbindError(varbind))
        return reject(failure('E_POWER_OUTLET', { host, device, outlet: `port ${args.group}.${args.port}` }));
      resolve(varbind.value);
    });
  }).finally(() => session.close());
}

function open(args: Args, { patience }: PowerScene): snmp.Session {
  const { host, snmp_port, community, user, auth_password = '', priv_password = auth_password } = args;
  const times = { port: snmp_port, timeout: patience * 1000, retries: 0 };
  if (user === undefined) return snmp.createSession(host, community ?? '', { ...times, version: snmp.Version2c });
  const login = {
    name: user,
    level: snmp.SecurityLevel.authPriv,
    authProtocol: snmp.AuthProtocols[args.auth_protocol],
    authKey: auth_password,
    privProtocol: snmp.PrivProtocols[args.priv_protocol === 'aes256' ? 'aes256r' : 'aes'],
    privKey: priv_password,
  };
  return snmp.createV3Session(host, login, { ...times, version: snmp.Version3 });
}

/** A switch does not answer to a community that it does not know, or to what it cannot decrypt. */
function silence(args: Args, { host, patience }: PowerScene) {
  const also = args.community === undefined ? 'a password' : 'the community';
  const why = `no answer within ${patience} s, or ${also} is wrong`;
  return failure('E_POWER_SILENT', { host, device: deviceOf(args), why });
}

function failureOf(error: Error, args: Args, scene: PowerScene, doing: string) {
  const { host } = scene;
  const device = deviceOf(args);
  const { name, message, status } = error as Error & { status?: number };
  if (name === 'RequestTimedOutError') return silence(args, scene);
  if (status === undefined && /auth|user|digest|security|decrypt/i.test(message))
    return failure('E_POWER_LOGIN', { host, device });
  const said = String(status === undefined ? message : (snmp.ErrorStatus[status] ?? message));
  if (['NoSuchName', 'NoCreation', 'InconsistentName', 'NotWritable'].includes(said))
    return failure('E_POWER_OUTLET', { host, device, outlet: `port ${args.group}.${args.port} that can be switched` });
  if (['NoAccess', 'AuthorizationError'].includes(said)) return failure('E_POWER_LOGIN', { host, device });
  return failure('E_POWER_REFUSED', { host, device, doing, detail: said });
}
