// A client for the part of etcd's v3 API (JSON gateway) that a lease, a lock and a few keys need. Every request is hedged: if the
// first member does not answer in time, the next one is asked too, and the first good answer counts. That is safe because all
// requests are idempotent: a range, a compare-and-put, a keep-alive.
import https from 'node:https';

/** There is no quorum: no member answered in time, or the members that did have no leader. */
export class NoQuorum extends Error {
  constructor(cause) {
    super(`no quorum: ${cause?.message ?? 'no etcd member answers'}`, { cause });
    this.name = 'NoQuorum';
  }
}

const HEDGE_MS = 120;

/**
 * @param {{endpoints: string[], ca: Buffer, cert: Buffer, key: Buffer, prefix: string}} options endpoints as
 *   https://HOST:2379; prefix goes before every key, '/db/'
 */
export function openEtcd({ endpoints, ca, cert, key, prefix }) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca, cert, key, minVersion: 'TLSv1.2' });
  let preferred = 0;

  const postTo = (endpoint, path, body, signal) =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const request = https.request(`${endpoint}${path}`, { method: 'POST', agent, headers, signal }, (response) => {
        let got = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          got += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          try {
            const answer = JSON.parse(got);
            if (response.statusCode === 200) resolve(answer);
            else reject(Object.assign(new Error(answer.message ?? got), { code: answer.code }));
          } catch {
            reject(new Error(`${endpoint} answered with status ${response.statusCode}: ${got.slice(0, 200)}`));
          }
        });
      });
      request.on('error', reject);
      request.end(text);
    });

  /** The first good answer of any member within `limit` ms. Throws NoQuorum, or the error if etcd rejects the request itself. */
  const post = (path, body, limit = 1000) =>
    new Promise((resolve, reject) => {
      const stop = new AbortController();
      const timers = [];
      let left = endpoints.length;
      let settled = false;
      const settle = (then) => {
        if (settled) return;
        settled = true;
        for (const timer of timers) clearTimeout(timer);
        stop.abort();
        then();
      };
      const ask = (i, turn) => {
        if (settled || turn >= endpoints.length) return;
        const n = (i + turn) % endpoints.length;
        const next = setTimeout(() => ask(i, turn + 1), HEDGE_MS);
        timers.push(next);
        postTo(endpoints[n], path, body, stop.signal).then(
          (answer) => {
            preferred = n;
            settle(() => resolve(answer));
          },
          (error) => {
            if (isAboutTheRequest(error)) return settle(() => reject(error));
            clearTimeout(next);
            left--;
            if (left === 0) settle(() => reject(new NoQuorum(error)));
            else ask(i, turn + 1);
          },
        );
      };
      timers.push(
        setTimeout(
          () => settle(() => reject(new NoQuorum(new Error(`no etcd member answered within ${limit} ms`)))),
          limit,
        ),
      );
      ask(preferred, 0);
    });

  const encode = (text) => Buffer.from(text).toString('base64');
  const decode = (text) => Buffer.from(text ?? '', 'base64').toString('utf8');
  const keyed = (name) => encode(prefix + name);
  const entriesOf = (answer) =>
    new Map(
      (answer.kvs ?? []).map((kv) => [
        decode(kv.key).slice(prefix.length),
        { value: JSON.parse(decode(kv.value)), lease: kv.lease ?? '0', revision: kv.mod_revision },
      ]),
    );

  return {
    /** All keys below the prefix: name → {value, lease, revision}. A linearizable read, never stale. */
    async all(limit) {
      const end = encode(prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1));
      return entriesOf(await post('/v3/kv/range', { key: encode(prefix), range_end: end }, limit));
    },

    /**
     * Puts and deletes in one transaction, if every condition holds. Conditions: {absent: NAME}, {name: NAME, lease: ID}.
     * @returns whether the conditions held
     */
    async change({ when = [], put = {}, remove = [] }, limit) {
      const compare = when.map((c) =>
        c.absent === undefined
          ? { key: keyed(c.name), target: 'LEASE', result: 'EQUAL', lease: c.lease }
          : { key: keyed(c.absent), target: 'CREATE', result: 'EQUAL', create_revision: '0' },
      );
      const success = [
        ...Object.entries(put).map(([name, { value, lease = '0' }]) => ({
          requestPut: { key: keyed(name), value: encode(JSON.stringify(value)), lease },
        })),
        ...remove.map((name) => ({ requestDeleteRange: { key: keyed(name) } })),
      ];
      return (await post('/v3/kv/txn', { compare, success }, limit)).succeeded === true;
    },

    /** Creates a lease of `seconds`. etcd deletes its keys when it expires. */
    async grant(seconds) {
      return (await post('/v3/lease/grant', { TTL: String(seconds) })).ID;
    },
    /** @returns whether the lease is still valid */
    async keepAlive(lease, limit) {
      return Number((await post('/v3/lease/keepalive', { ID: lease }, limit)).result?.TTL ?? 0) > 0;
    },
    async revoke(lease) {
      await post('/v3/lease/revoke', { ID: lease }).catch(() => {});
    },
    close: () => agent.destroy(),
  };
}

/** gRPC's NotFound (5) and InvalidArgument (3): another member would answer the same. */
function isAboutTheRequest({ code }) {
  return code === 3 || code === 5;
}
