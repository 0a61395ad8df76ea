import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { blocked, defineModule, type Output, type Steps } from '../core/module.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { decodeBytes } from './shared/bytes.ts';
import { fields } from './shared/fields.ts';
import { credentials, curl, headersOf, probeClient, type Request, requestHeaders, wget } from './shared/http.ts';
import { pythonJson } from './shared/json.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

const Args = args({
  url: Type.String({
    pattern: '^https?://[^\\s/]',
    expected: 'an address that begins with http:// or https://',
    description: 'The URL.',
  }),
  method: Type.Enum(METHODS, { default: 'GET', description: 'The HTTP method.' }),
  status_code: Type.Array(Type.Integer(), { default: [200], description: 'The accepted status codes.' }),
  return_content: flag('Return the response body in `content`.'),
  body: Type.Optional(
    Type.Unsafe<Value>({ description: 'The body to send. A list or dict is encoded as body_format says.' }),
  ),
  body_format: Type.Enum(['raw', 'json', 'form-urlencoded'], {
    default: 'raw',
    description: 'The encoding of the body.',
  }),
  headers: requestHeaders,
  timeout: Type.Integer({ default: 30, minimum: 1, description: 'The time limit in seconds.' }),
  follow_redirects: Type.Union([Type.Enum(['all', 'no', 'none', 'safe', 'urllib2', 'yes']), Type.Boolean()], {
    default: 'safe',
    expected: 'one of all, none, safe',
    description: 'Whether to follow redirects. safe: only for GET and HEAD.',
  }),
  ...credentials,
  ca_path: text('A file with CAs on the host.'),
  client_cert: text('A client certificate on the host.'),
  client_key: text('The key of client_cert on the host.'),
  unix_socket: text('Connect through this socket on the host.'),
  http_agent: text('Ignored.'),
});
type Args = Static<typeof Args>;

export const uri = defineModule<typeof Args, string | undefined>({
  name: 'uri',
  summary: 'Sends an HTTP request from the host and checks the response.',
  args: Args,
  aliases: { user: 'url_username', password: 'url_password' },
  examples: [
    { title: 'Check a page', args: { url: 'http://127.0.0.1:3000/healthz', return_content: true } },
    {
      title: 'Send JSON',
      args: {
        url: 'https://api.foobar.com/items',
        method: 'POST',
        body: { name: 'x' },
        body_format: 'json',
        status_code: [200, 201],
      },
    },
  ],
  verify: ({ body, body_format }): readonly ArgError[] =>
    body_format === 'raw' && typeof body === 'object' && body !== null
      ? [argError(['body'], 'E_ARGUMENT_VALUE', { problem: "'body' is not a text", hint: 'set `body_format: json`' })]
      : [],
  needs: () => ['live:*', 'package:*'],
  touches: ({ method }) => (isHarmless(method) ? [] : ['live:*']),
  probe: () => probeClient(),
  parse: (stdout) => fields(stdout).get('client'),
  plan(client, given): Steps {
    const { url, method } = given;
    const run =
      client === 'curl'
        ? byCurl(given)
        : client === 'wget'
          ? byWget(given)
          : client === 'bash' && url.startsWith('http://')
            ? byBash(given)
            : undefined;
    if (run === undefined) {
      return blocked('E_TOOL_MISSING', {
        tool: `curl and no wget${url.startsWith('https') ? ', and bash cannot speak https' : ''}`,
        hint: 'install curl in an earlier task, or `delegate_to: localhost`',
      });
    }
    return [
      {
        what: `${method} ${url}`,
        run: judged(run, given, client),
        action: true,
        // As in Ansible, a request changes nothing on the host, so the task is `ok`.
        harmless: true,
      },
    ];
  },
  data: (_, given, _ctx, ran) => (ran === undefined ? { url: given.url } : answer(ran, given)),
});

function isHarmless(method: Args['method']): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function requestOf(given: Args): Request {
  const { body, body_format, headers = {} } = given;
  const hasType = Object.keys(headers).some((key) => key.toLowerCase() === 'content-type');
  const type =
    body_format === 'json'
      ? 'application/json'
      : body_format === 'form-urlencoded'
        ? 'application/x-www-form-urlencoded'
        : undefined;
  return {
    url: given.url,
    method: given.method,
    headers: { ...headers, ...(type !== undefined && !hasType && { 'Content-Type': type }) },
    ...(body !== undefined && body !== null && { body: bodyText(body, body_format) }),
    timeout: given.timeout,
    validate_certs: given.validate_certs,
    user: given.url_username,
    password: given.url_password,
    follow: isFollowed(given) ? 'all' : 'none',
    unix_socket: given.unix_socket,
    ca_path: given.ca_path,
    client_cert: given.client_cert,
    client_key: given.client_key,
  };
}

function bodyText(body: Value, format: Args['body_format']): string {
  if (typeof body === 'string') return body;
  if (format === 'json') return pythonJson(body);
  if (format === 'raw') return String(body);
  const pairs = Array.isArray(body) ? (body as readonly (readonly [Value, Value])[]) : Object.entries(body ?? {});
  return pairs
    .flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => [key, one] as const))
    .map(([key, value]) => `${formWord(String(key))}=${formWord(String(value))}`)
    .join('&');
}

/** Encodes a text as Python's urlencode does. */
function formWord(text: string): string {
  const code = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, code)
    .replaceAll('%20', '+');
}

/** `safe`: only requests that read are repeated at the new address; data is never sent twice. */
function isFollowed({ method, follow_redirects: follow }: Args): boolean {
  if (follow === 'safe') return method === 'GET' || method === 'HEAD';
  return follow !== 'no' && follow !== 'none' && follow !== false;
}

/** Each client leaves the response's headers in "$h" and its body in "$b". */
function byCurl(given: Args): Script {
  return sh`${curl(requestOf(given), [])}`;
}

function byWget(given: Args): Script {
  return wget(requestOf(given), []);
}

/** HTTP in a few lines of bash, which Debian has before anything is installed. */
function byBash(given: Args): Script {
  const request = requestOf(given);
  const { host, hostname, port, pathname, search } = new URL(given.url);
  const body = request.body ?? '';
  const head = [
    `${given.method} ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    ...Object.entries(headersOf(request)).map(([key, value]) => `${key}: ${value}`),
    ...(body === '' ? [] : [`Content-Length: ${new TextEncoder().encode(body).length}`]),
    '',
    body,
  ].join('\r\n');
  return sh`printf '%s\n' ${head} | timeout ${given.timeout} bash -c 'exec 9<>"/dev/tcp/$0/$1" && cat >&9 && cat <&9' ${hostname} ${port === '' ? '80' : port}`;
}

function judged(run: Script, given: Args, client: string | undefined): Script {
  const isBash = client === 'bash';
  const isCurl = client === 'curl';
  const ask = isBash
    ? sh`{ ${run}
} >"$d/all" || lost
tr -d '\r' <"$d/all" | sed '/^$/q' >"$d/head"
n=$(LC_ALL=C awk '{ n += length($0) + 1 } /^\r?$/ { print n; exit }' "$d/all")
tail -c "+$((n + 1))" "$d/all" >"$d/body"`
    : isCurl
      ? sh`{ ${verbatim(run.text.replace('curl -q -K -', 'curl -q -D "$d/head" -o "$d/body" -K -'))}
} || lost`
      : sh`{ ${verbatim(run.text.replace('wget ', 'wget -S --content-on-error -O "$d/body" '))}
} 2>"$d/err" || :
sed -n 's/^  //p' "$d/err" >"$d/head"`;
  const codes = given.status_code;
  return sh`d=$(mktemp -d) || exit 1
trap 'rm -rf -- "$d"' EXIT
: >"$d/body"
: >"$d/err"
lost() { cat "$d/err" >&2; printf 'no HTTP answer from %s\n' ${given.url} >&2; exit 1; }
${ask}
status=$(sed -n 's/^HTTP[^ ]* \([0-9][0-9]*\).*/\1/p' "$d/head" | tail -n 1)
[ -n "$status" ] || lost
printf 'status %s\n' "$status"
tr -d '\r' <"$d/head" | sed 's/^/header /'
${isBash ? sh`echo 'raw yes'` : sh`:`}
printf 'body %s\n' "$(base64 -w0 <"$d/body")"
case ${` ${codes.join(' ')} `} in *" $status "*) ;; *) printf 'the answer is %s, not %s\n' "$status" ${codes.join(' or ')} >&2; exit 1 ;; esac`;
}

function answer(ran: Output, given: Args): Vars {
  const f = fields(ran.stdout);
  const status = Number(f.get('status') ?? -1);
  const heads = f.all('header');
  const headers: Record<string, Value> = {};
  for (const line of heads.slice(heads.findLastIndex((one) => one.startsWith('HTTP/')))) {
    const at = line.indexOf(':');
    if (at > 0) headers[line.slice(0, at).toLowerCase().replaceAll('-', '_')] = line.slice(at + 1).trim();
  }
  const isChunked = f.get('raw') === 'yes' && headers['transfer_encoding'] === 'chunked';
  const content = new TextDecoder().decode(
    (isChunked ? joined : (b: Uint8Array) => b)(decodeBytes(f.get('body') ?? '')),
  );
  const isJson = /[/+]json\b/.test(String(headers['content_type'] ?? ''));
  return {
    ...headers,
    url: given.url,
    status,
    msg: status > 0 ? `HTTP status ${status}` : ran.stderr.trim(),
    redirected: heads.filter((one) => one.startsWith('HTTP/')).length > 1,
    ...((given.return_content || isJson) && given.return_content && { content }),
    ...(isJson && json(content)),
  };
}

function json(content: string): Vars {
  try {
    return { json: JSON.parse(content) as Value };
  } catch {
    return {};
  }
}

/** A chunked body (RFC 9112, 7.1) without the headers of its chunks. */
function joined(body: Uint8Array): Uint8Array {
  const parts: number[] = [];
  let at = 0;
  while (at < body.length) {
    const end = body.indexOf(10, at);
    const size = Number.parseInt(new TextDecoder('latin1').decode(body.subarray(at, end)), 16);
    if (end < 0 || !(size > 0)) break;
    parts.push(...body.subarray(end + 1, end + 1 + size));
    at = end + 1 + size + 2;
  }
  return Uint8Array.from(parts);
}
