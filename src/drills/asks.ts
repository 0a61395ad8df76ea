import type { Request } from '../core/drill-args.ts';
import type { Answer, Ask, Client, Outcome } from './client.ts';

/** An acknowledged write. */
export type Write = Readonly<{ token: string; request: Request }>;

/** How many writes are looked up at a time, and how often each is tried, because a write may still be replicating. */
const AT_ONCE = 8;
const TRIES = 3;
const PAUSE_MS = 300;

/** Looks up each acknowledged write again, a few at a time. */
export async function lookUp(
  writes: readonly Write[],
  client: Client,
): Promise<{ lost: readonly string[]; unknown: number }> {
  const lost: string[] = [];
  let unknown = 0;
  const queue = writes.filter((w) => w.request.verify !== undefined);
  const work = async (): Promise<void> => {
    for (let write = queue.shift(); write !== undefined; write = queue.shift()) {
      const found = await lookUpOne(write, client);
      if (found === 'lost') lost.push(write.token);
      if (found === 'unknown') unknown++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  client.close();
  return { lost: lost.sort(), unknown };
}

async function lookUpOne({ token, request }: Write, client: Client): Promise<'found' | 'lost' | 'unknown'> {
  const { verify } = request;
  if (verify === undefined) return 'unknown';
  let last: 'lost' | 'unknown' = 'unknown';
  for (let i = 0; i < TRIES; i++) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const outcome = await sent(client, lookAsk(verify, token));
    if (faultOf(outcome, verify.status, []) !== '') last = 'unknown';
    else if (outcome.answer?.body.includes(token) === true) return 'found';
    else last = 'lost';
  }
  return last;
}

export const sent = (client: Client, ask: Ask): Promise<Outcome> => new Promise((resolve) => client.send(ask, resolve));

export function askOf(request: Request, token: string): Ask {
  return {
    method: request.method,
    path: request.path.replaceAll('{token}', token),
    headers: request.headers,
    body: request.body?.replaceAll('{token}', token),
    wantsBody: request.contains.length > 0,
  };
}

export function lookAsk(look: NonNullable<Request['verify']>, token: string): Ask {
  const path = look.path.replaceAll('{token}', token);
  return { method: 'GET', path, headers: look.headers, body: undefined, wantsBody: true };
}

/** Whether a request writes: it contains a token and its method changes something. Acknowledged tokens are recorded. */
export function isWrite({ method, body, path }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD' && (body?.includes('{token}') === true || path.includes('{token}'));
}

export function faultOf({ answer, cause }: Outcome, status: readonly number[], contains: readonly string[]): string {
  if (answer === undefined) return cause;
  if (!status.includes(answer.status)) return `status ${answer.status}`;
  return wrongBody(answer, contains);
}

function wrongBody({ body }: Answer, contains: readonly string[]): string {
  return contains.every((text) => body.includes(text)) ? '' : 'not the right body';
}

/** Assigns numbers to names, from 0 on. The 256th name and all after it share one number. */
export function namer() {
  const all: string[] = [];
  const known = new Map<string, number>();
  return {
    all,
    of(name: string): number {
      const found = known.get(name);
      if (found !== undefined) return found;
      if (all.length >= 255) {
        all[255] = '(others)';
        return 255;
      }
      known.set(name, all.length);
      return all.push(name) - 1;
    },
  };
}
