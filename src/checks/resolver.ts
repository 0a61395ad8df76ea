import dgram from 'node:dgram';
import { isIP, type LookupFunction } from 'node:net';
import packet, { type Answer, type Packet } from 'dns-packet';

/** The answer of a name server. */
export type Answers = Readonly<{ rcode: string; authoritative: boolean; answers: readonly Answer[] }>;

/**
 * Asks one server one question over UDP, and repeats it every second until `signal` aborts. It bypasses /etc/hosts and
 * every cache.
 */
export function askServer(server: string, name: string, type: 'A' | 'AAAA', signal: AbortSignal): Promise<Answers> {
  const [host, port] = hostPort(server, 53);
  const id = 1 + Math.floor(Math.random() * 65_534);
  const question = packet.encode({ type: 'query', id, flags: packet.RECURSION_DESIRED, questions: [{ type, name }] });
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const send = (): void => socket.send(question, port, host, (error) => error && end(() => reject(error)));
    const timer = setInterval(send, 1000);
    const end = (then: () => void): void => {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      socket.close();
      then();
    };
    const onAbort = (): void => end(() => reject(new Error(`no answer from the name server ${server}`)));
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (message) => {
      const reply = packet.decode(message) as Packet & { rcode?: string; flag_aa?: boolean };
      if (reply.id !== id) return;
      end(() =>
        resolve({
          rcode: reply.rcode ?? 'NOERROR',
          authoritative: reply.flag_aa === true,
          answers: reply.answers ?? [],
        }),
      );
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else send();
  });
}

/** The addresses in an answer. The server has already followed aliases. */
export function addressesIn({ answers }: Answers): readonly string[] {
  return answers.flatMap((a) => (a.type === 'A' || a.type === 'AAAA' ? [a.data] : []));
}

/**
 * A lookup function for node:http and node:net that asks `server`, so that a check takes the same path as a user's
 * request.
 */
export function lookupBy(server: string, signal: AbortSignal): LookupFunction {
  return (name, options, done) => {
    askServer(server, name, 'A', signal).then(
      (reply) => {
        const addresses = addressesIn(reply);
        const [first] = addresses;
        if (first === undefined) done(new Error(`${server} knows no address of ${name} (${reply.rcode})`), '', 4);
        else if (options.all === true)
          (done as (e: null, all: object[]) => void)(
            null,
            addresses.map((address) => ({ address, family: 4 })),
          );
        else done(null, first, 4);
      },
      (error: Error) => done(error, '', 4),
    );
  };
}

/** Parses 10.0.0.1, 10.0.0.1:5353 or [::1]:53. */
export function hostPort(text: string, otherwise: number): readonly [string, number] {
  const [, v6, v6port] = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ?? [];
  if (v6 !== undefined) return [v6, Number(v6port ?? otherwise)];
  const [, host, port] = /^([^:]+):(\d+)$/.exec(text) ?? [];
  return host === undefined ? [text, otherwise] : [host, Number(port)];
}
