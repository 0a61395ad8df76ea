// Requests of JSON to the API of a service, from the host, through its curl.
import { type Blocked, blocked } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { Value } from '../../core/value.ts';
import type { Fields } from './fields.ts';
import { curl, type Request } from './http.ts';

export type Answer = Readonly<{ status: number; body: Value | undefined }>;

/** Prints the answer under `key`. Needs `NEEDS_CURL` before it. */
export function ask(key: string, request: Request): Script {
  return sh`if out=$( { ${sent(request)}
} 2>&1 ); then printf ${`${key} %s\n`} "$(printf %s "$out" | base64 -w0)"; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; exit 0; fi`;
}

export const NEEDS_CURL = sh`command -v curl >/dev/null || { echo 'curl missing'; exit 0; }`;

/** Sends a request that alters something, and prints the answer. It fails unless the service agrees. */
export function send(request: Request): Script {
  return sh`set -e
out=$( { ${sent(request)}
} )
case $out in *'
2'??) printf 'answer %s\n' "$(printf %s "$out" | base64 -w0)" ;; *) printf '%s\n' "$out" >&2; exit 1 ;; esac`;
}

/** The status follows the body, on a line of its own. */
function sent(request: Request): Script {
  return curl(request, [['write-out', '\n%{http_code}']]);
}

export function answerOf(text: string | undefined): Answer | undefined {
  const [, body = '', status = ''] = /^([\s\S]*)\n(\d+)$/.exec(text ?? '') ?? [];
  if (status === '') return undefined;
  try {
    return { status: Number(status), body: JSON.parse(body) as Value };
  } catch {
    return { status: Number(status), body: undefined };
  }
}

/** Why there is no answer, or none that helps. `accepted`: the statuses that the module understands. */
export function noAnswer(
  f: Fields,
  answers: readonly (Answer | undefined)[],
  accepted: readonly number[],
): Blocked | undefined {
  if (f.get('curl') !== undefined)
    return blocked('E_TOOL_MISSING', { tool: 'curl', hint: 'install curl in an earlier task' });
  const error = f.text('error');
  if (error !== undefined) return blocked('E_API', { why: error });
  const strange = answers.find((one) => one !== undefined && !accepted.includes(one.status));
  if (strange === undefined) return undefined;
  const message =
    typeof strange.body === 'object' && strange.body !== null && 'message' in strange.body
      ? `: ${String(strange.body['message'])}`
      : '';
  return blocked('E_API', { why: `HTTP status ${strange.status}${message}` });
}
