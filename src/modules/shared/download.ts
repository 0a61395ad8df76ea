// Fetches a file by HTTP: on the host, if it has a client for that, or else on the controller.
import { type Blocked, blocked } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { Fields } from './fields.ts';
import { curl, headersOf, type Request, wget } from './http.ts';

/** `fill` writes "$s" on the host. The controller sends `fetched`. */
export type Download = Readonly<
  { fill: Script } | { fetched: Readonly<{ url: string; headers?: Readonly<Record<string, string>> }> }
>;

/** A connection must succeed within `seconds`. The whole transfer may take ten times as long, and at least 600 s. */
export function transferLimit(seconds: number): number {
  return Math.max(600, seconds * 10);
}

/**
 * How to fetch what `request` asks for, by what probeClient printed. Without CA certificates the host cannot verify
 * https, so the controller fetches the file.
 */
export function download(request: Request, seconds: number, fields: Fields): Download | Blocked {
  const { url, validate_certs } = request;
  const cannotVerify = url.startsWith('https:') && validate_certs && request.ca_path === undefined;
  const client = cannotVerify && fields.get('ca') !== 'yes' ? undefined : fields.get('client');
  if (client === 'curl')
    return {
      fill: sh`{ ${curl(request, [['connect-timeout', String(seconds)]], ['fail'])}
} >"$s" || exit 1`,
    };
  // Debian's wget knows ciphers only as GnuTLS writes them.
  if (client === 'wget' && request.ciphers === undefined)
    return {
      fill: sh`{ ${wget(request, [`--connect-timeout=${seconds}`, '-O', '/dev/fd/5'])}
} 5>"$s" || exit 1`,
    };
  return isForHosts(request)
    ? blocked('E_TOOL_MISSING', {
        tool: 'HTTP client that can verify and fetch this',
        hint: 'install curl and ca-certificates in an earlier task',
      })
    : { fetched: { url, headers: headersOf(request) } };
}

/** Whether the request has options that only a client on the host has. */
function isForHosts({ validate_certs, ca_path, client_cert, client_key, ciphers, use_proxy }: Request): boolean {
  return (
    !validate_certs ||
    use_proxy === false ||
    [ca_path, client_cert, client_key, ciphers].some((one) => one !== undefined)
  );
}
