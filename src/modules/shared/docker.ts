// What the modules of Docker share: they talk to the daemon through the host's docker program.
import { type Blocked, blocked } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import { isDict, type Vars } from '../../core/value.ts';
import { flag, text } from './args.ts';
import type { Fields } from './fields.ts';

/** Arguments for reaching the daemon. */
export const daemon = {
  docker_host: text('The daemon: unix:///run/docker.sock, tcp://192.0.2.1:2376. Default: the one of the host.'),
  tls: flag('Encrypt the connection to docker_host, and do not check its certificate.'),
  validate_certs: flag('Encrypt the connection to docker_host, and check its certificate.'),
  ca_path: text('The CA that verifies docker_host.'),
  client_cert: text("The client's certificate."),
  client_key: text("The key of the client's certificate."),
};
export type Daemon = Readonly<{
  docker_host?: string;
  tls: boolean;
  validate_certs: boolean;
  ca_path?: string;
  client_cert?: string;
  client_key?: string;
}>;

export const DAEMON_ALIASES = {
  docker_url: 'docker_host',
  tls_verify: 'validate_certs',
  ca_cert: 'ca_path',
  tls_ca_cert: 'ca_path',
  cacert_path: 'ca_path',
  cert_path: 'client_cert',
  tls_client_cert: 'client_cert',
  key_path: 'client_key',
  tls_client_key: 'client_key',
} as const;

export const DOCKER_NEEDS = ['live:*', 'docker:*', 'package:*'] as const;
export const DOCKER_TOUCHES = ['live:*', 'docker:*'] as const;

/** The words before docker's own command. */
export function docker({ docker_host, tls, validate_certs, ca_path, client_cert, client_key }: Daemon): Script {
  const options: readonly string[] = [
    ...(docker_host === undefined ? [] : [`--host=${docker_host}`]),
    ...(tls ? ['--tls'] : []),
    ...(validate_certs ? ['--tlsverify'] : []),
    ...(ca_path === undefined ? [] : [`--tlscacert=${ca_path}`]),
    ...(client_cert === undefined ? [] : [`--tlscert=${client_cert}`]),
    ...(client_key === undefined ? [] : [`--tlskey=${client_key}`]),
  ];
  return options.length === 0 ? sh`docker` : sh`docker ${options}`;
}

/** Ends the probe if there is no docker, and defines `look`. */
export const FIND_DOCKER: Script = sh`command -v docker >/dev/null || { echo 'docker missing'; exit 0; }
look() {
  k=$1; shift
  if out=$("$@" 2>&1); then printf '%s %s\n' "$k" "$(printf %s "$out" | base64 -w0)"; else
    case $out in *[Nn]'o such container'*|*[Nn]'o such image'*|*[Nn]'o such volume'*|*[Nn]'o such network'*|*'network '*' not found'*) ;; *) printf 'error %s\n' "$(printf %s "$out" | base64 -w0)" ;; esac
  fi
}`;

/** Prints what the daemon knows of an object, as JSON in base64 after `key`. Nothing if there is none. */
export function inspect(
  how: Daemon,
  key: string,
  kind: 'container' | 'image' | 'network' | 'volume',
  name: string,
): Script {
  return sh`look ${key} ${docker(how)} ${kind} inspect ${name}`;
}

export function inspected(f: Fields, key: string): Vars | undefined {
  const text = f.text(key);
  if (text === undefined) return undefined;
  try {
    const [first]: unknown[] = JSON.parse(text) as unknown[];
    return isDict(first) ? (first as Vars) : undefined;
  } catch {
    return undefined;
  }
}

/** Why the daemon cannot be asked. */
export function noDocker(f: Fields): Blocked | undefined {
  if (f.get('docker') !== undefined) {
    return blocked('E_TOOL_MISSING', { tool: 'docker', hint: 'install docker.io or docker-ce in an earlier task' });
  }
  const detail = f.text('error');
  return detail === undefined ? undefined : blocked('E_TOOL_REFUSED', { tool: 'docker', detail });
}

/** A value below an object: deep(container, 'State', 'Running'). */
export function deep(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isDict(at) ? at[key] : undefined), value);
}

export function dictOf(value: unknown): Vars {
  return isDict(value) ? value : {};
}

/** Every key and value as one word: key=value. */
export function pairs(
  option: string,
  dict: Readonly<Record<string, unknown>> | undefined,
  by = '=',
): readonly string[] {
  return Object.entries(dict ?? {}).flatMap(([key, value]) => [option, `${key}${by}${scalar(value)}`]);
}

export function scalar(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

/** Whether all wanted keys have the wanted values. */
export function holds(is: unknown, wanted: Readonly<Record<string, unknown>> | undefined): boolean {
  const all = dictOf(is);
  return Object.entries(wanted ?? {}).every(([key, value]) => all[key] !== undefined && all[key] === scalar(value));
}
