import { Type } from 'typebox';
import { type Script, sh, verbatim } from '../../core/sh.ts';
import { flag, text } from './args.ts';
import { encodeBase64 } from './bytes.ts';

export const requestHeaders = Type.Optional(
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer()]), {
    secret: true,
    description: 'Headers of the request.',
  }),
);

/** Arguments for authentication and certificate verification. */
export const credentials = {
  url_username: text('The user name.'),
  url_password: Type.Optional(Type.String({ secret: true, description: 'The password of url_username.' })),
  force_basic_auth: flag('No effect: user and password are always sent with the first request.'),
  validate_certs: flag("Verify the server's certificate.", true),
};

/** How a request travels. */
export const transport = {
  http_agent: Type.String({
    default: 'ansible-httpget',
    pattern: '^[^\\n\\r]*$',
    expected: 'one line',
    description: 'The header User-Agent.',
  }),
  client_cert: text('A file with a client certificate on the host, in PEM. It may hold the key too.'),
  client_key: text('A file with the key of client_cert, on the host.'),
  ciphers: Type.Optional(
    Type.Array(Type.String(), { description: 'The TLS ciphers, with the names of OpenSSL. They need curl.' }),
  ),
  use_proxy: flag('Use the proxy that the environment of the task names.', true),
  use_netrc: flag("Without url_username: take user and password from the user's ~/.netrc on the host.", true),
  decompress: flag('Unpack a response that the server packed with gzip (Content-Encoding).', true),
};

export type Request = Readonly<{
  url: string;
  method?: string;
  headers?: Readonly<Record<string, string | number>>;
  body?: string;
  timeout: number;
  validate_certs: boolean;
  user?: string | undefined;
  password?: string | undefined;
  follow?: 'all' | 'none';
  unix_socket?: string | undefined;
  ca_path?: string | undefined;
  client_cert?: string | undefined;
  client_key?: string | undefined;
  ciphers?: readonly string[] | undefined;
  use_proxy: boolean;
  use_netrc: boolean;
  decompress: boolean;
  http_agent: string;
  /** A file on the host whose content is the body. */
  bodyFile?: string | undefined;
}>;

/** A GET request with Ansible's defaults. It may take ten minutes. */
export function getRequest(url: string, validate_certs: boolean): Request {
  return {
    url,
    validate_certs,
    timeout: 600,
    use_proxy: true,
    use_netrc: true,
    decompress: true,
    http_agent: 'ansible-httpget',
  };
}

/** The headers with basic authentication if a user is given. */
export function headersOf({ headers = {}, user, password, http_agent }: Request): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(headers)) out[key] = String(value);
  if (!hasHeader(headers, 'user-agent')) out['User-Agent'] = http_agent;
  if (user !== undefined) out['Authorization'] = `Basic ${encodeBase64(`${user}:${password ?? ''}`)}`;
  return out;
}

export function hasHeader(headers: Readonly<Record<string, unknown>>, name: string): boolean {
  return Object.keys(headers).some((key) => key.toLowerCase() === name);
}

/** Prints which client the host has (curl, wget, bash or none) and whether it has CA certificates. */
export function probeClient(): Script {
  return sh`for c in curl wget bash; do if command -v "$c" >/dev/null; then printf 'client %s\n' "$c"; break; fi; done
if [ -s /etc/ssl/certs/ca-certificates.crt ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ]; then echo 'ca yes'; fi`;
}

/** Passes curl's options as a config file on stdin, so that they do not show up in its argument list. */
export function curl(
  request: Request,
  more: readonly (readonly [string, string])[],
  switches: readonly string[] = [],
): Script {
  const { url, method, body, timeout, validate_certs, follow, unix_socket, ca_path, client_cert, client_key } = request;
  const { ciphers, use_proxy, use_netrc, decompress, user, bodyFile } = request;
  const options: readonly (readonly [string, string | undefined])[] = [
    ['url', url],
    // A POST that is set explicitly would be repeated after a redirect. A POST that follows from the data becomes a GET
    // there.
    ['request', method === 'HEAD' || method === 'POST' ? undefined : method],
    ...Object.entries(headersOf(request)).map(([key, value]) => ['header', `${key}: ${value}`] as const),
    // curl unpacks what it did not ask for only with this option, which alone would ask the server to pack.
    [
      'header',
      decompress && !hasHeader(request.headers ?? {}, 'accept-encoding') ? 'Accept-Encoding: identity' : undefined,
    ],
    ['data-binary', bodyFile === undefined ? undefined : `@${bodyFile}`],
    ['data-raw', body ?? (method === 'POST' && bodyFile === undefined ? '' : undefined)],
    ['max-time', String(timeout)],
    ['unix-socket', unix_socket],
    ['cacert', ca_path],
    ['cert', client_cert],
    ['key', client_key],
    ['ciphers', ciphers?.join(':')],
    ['noproxy', use_proxy ? undefined : '*'],
    ...more,
  ];
  const flags = [
    'silent',
    'show-error',
    ...switches,
    ...(method === 'HEAD' ? ['head'] : []),
    ...(validate_certs ? [] : ['insecure']),
    ...(use_netrc && user === undefined ? ['netrc-optional'] : []),
    ...(decompress ? ['compressed'] : []),
    ...(follow === 'none' ? [] : ['location']),
  ];
  const config = [
    ...flags,
    ...options.flatMap(([key, value]) => (value === undefined ? [] : [`${key} = "${escaped(value)}"`])),
  ].join('\n');
  return sh`curl -q -K - <<'END'
${verbatim(config)}
END`;
}

function escaped(value: string): string {
  const letters: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' };
  return value.replace(/[\n\r\t"\\]/g, (c) => letters[c] ?? c);
}

/** Runs wget with the headers in a config file. `more` are plain options. */
export function wget(request: Request, more: readonly string[]): Script {
  const { url, method, body, timeout, validate_certs, follow, ca_path, client_cert, client_key } = request;
  const file = body === undefined ? request.bodyFile : sh`"$w.body"`;
  const config = Object.entries(headersOf(request))
    .map(([key, value]) => `header = ${key}: ${value}\n`)
    .join('');
  const options = [
    '--no-verbose',
    `--timeout=${timeout}`,
    '--tries=1',
    ...(validate_certs ? [] : ['--no-check-certificate']),
    ...(follow === 'none' ? ['--max-redirect=0'] : []),
    ...(method === undefined || method === 'GET' ? [] : [`--method=${method}`]),
    ...given('--ca-certificate', ca_path),
    ...given('--certificate', client_cert),
    ...given('--private-key', client_key),
    ...(request.use_proxy ? [] : ['--no-proxy']),
    ...(request.use_netrc ? [] : ['--no-netrc']),
    ...(request.decompress ? ['--compression=auto'] : []),
    ...more,
  ];
  // wget reads its config only from a regular file
  return sh`w=$(umask 077; mktemp) || exit 1
printf %s ${config} >|"$w"
${body === undefined ? sh`:` : sh`(umask 077; printf %s ${body} >"$w.body")`}
wget --config="$w" ${options} ${file === undefined ? sh`` : sh`--body-file=${file}`} -- ${url}
rc=$?; rm -f -- "$w" "$w.body"; (exit "$rc")`;
}

function given(option: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`${option}=${value}`];
}
