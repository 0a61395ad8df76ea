// The answer to an HTTP request, as the script of the module uri printed it.
import type { Output } from '../../core/module.ts';
import type { Value, Vars } from '../../core/value.ts';
import { decodeBytes } from './bytes.ts';
import { fields } from './fields.ts';

type Asked = Readonly<{ url: string; return_content: boolean }>;

/** The registered result, with the headers as keys. */
export function answerData(ran: Output, given: Asked): Vars {
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
