// Who may be primary: the rules, as pure functions of what etcd and the local server say. The lease in etcd decides who
// of those that may is it; these rules only keep a host from asking for it that could lack an acknowledged write.

/** ms that a host which has seen no primary since its start leaves to the one that was primary last. */
const PATIENCE_MS = 5000;

/**
 * @typedef {{host: string, standby: string | null}} Leader
 * @typedef {{primary: string, standby: string | null}} Sync who holds every acknowledged write: the primary, and the standby
 *   without whose receipt no write is acknowledged
 * @typedef {{state: string, why: string, gtid: string, source?: string, io?: string, sql?: string, lag?: number | null}} Member
 * @typedef {{leader?: Leader, sync?: Sync, handover?: {to: string, from: string, gtid: string},
 *   request?: {to: string, force: boolean}, members: Record<string, Member>}} View
 */

/**
 * Whether this host may ask for the lease, and why (not).
 * @param {{me: string, view: View, db: object | undefined, initial: string, vacantMs: number, sawPrimary: boolean}} now
 */
export function mayLead({ me, view, db, initial, vacantMs, sawPrimary }) {
  const { sync, handover, request } = view;
  const no = (why) => ({ may: false, why });
  const yes = (why) => ({ may: true, why });
  if (db === undefined) return no('its database does not answer');
  if (request?.force === true && request.to === me) return yes('somebody forces it');
  if (handover !== undefined) {
    return handover.to === me
      ? yes(`${handover.from} hands over`)
      : no(`${handover.from} hands over to ${handover.to}`);
  }
  if (sync === undefined) {
    return me === initial ? yes('the first primary') : no(`nobody was primary yet: ${initial} will be`);
  }
  if (sync.primary === me) return yes('it was primary last');
  if (sync.standby !== me) return no(`it may lack acknowledged writes: only ${inStep(sync)} had them all`);
  if (db.replica?.sql === 'No' && db.replica.error !== '') return no(`its replication is broken: ${db.replica.error}`);
  if (!sawPrimary && vacantMs < PATIENCE_MS) return no(`${sync.primary} has its turn first`);
  return yes(`${sync.primary} is gone, and it had every acknowledged write`);
}

/** Whether a host is primary in deed: it has the lease, what it must have is written down, and its server takes writes. */
export function isPrimary({ leader, sync, members }, host) {
  return leader?.host === host && sync?.primary === host && members[host]?.state === 'primary';
}

export function inStep({ primary, standby }) {
  return standby === null ? primary : `${primary} and ${standby}`;
}

/** The standby that can take over at once: in step, and its guard alive. That it does not reach us any more is no hindrance. */
export function heirOf({ sync, members }, me) {
  const standby = sync?.primary === me ? sync.standby : null;
  return standby !== null && ['replica', 'waiting', 'stopped'].includes(members[standby]?.state) ? standby : undefined;
}

/** The replica that is to become the standby: one of the two hosts that may be primary, following and running. */
export function candidateOf({ members }, me, candidates) {
  return candidates.find((host) => host !== me && members[host]?.state === 'replica');
}

/**
 * What the server of a host that is not primary is, in one word and a reason.
 * bare: never held data; stopped: by hand, without an error; broken: its replication stopped with an error; diverged: it holds what the primary never had.
 */
export function replicaState({ db, leader, names, errant }) {
  if (db === undefined) return ['down', 'its database does not answer'];
  if (leader === undefined) return ['waiting', 'there is no primary'];
  if (errant !== '') return ['diverged', `it holds transactions that ${leader.host} never had: ${errant}`];
  const { replica } = db;
  if (replica === undefined)
    return db.gtid === '' ? ['bare', 'it holds no data yet'] : ['waiting', `is about to follow ${leader.host}`];
  if (replica.source !== names[leader.host]) return ['waiting', `follows ${replica.source}, not yet ${leader.host}`];
  if ((replica.io === 'No' || replica.sql === 'No') && replica.error !== '')
    return /diverged|has more GTIDs|out-of-order/.test(replica.error)
      ? ['diverged', `it holds transactions that ${leader.host} never had: ${replica.error}`]
      : ['broken', replica.error];
  if (replica.io === 'No' || replica.sql === 'No') return ['stopped', 'somebody stopped its replication'];
  return replica.io === 'Yes' && replica.sql === 'Yes' ? ['replica', ''] : ['waiting', `connects to ${leader.host}`];
}

/** What somebody is to do about a host in such a state; '' when nothing is. */
export function adviceFor(state) {
  const again = '`bringup apply playbooks/site.yml`';
  return (
    {
      diverged: `What only this host holds, nobody was told that it was stored. It is read-only, and no spare. ${again} keeps that in /var/backups/db and makes the host a copy of the primary.`,
      broken: `It is read-only, and no spare. ${again} makes it a copy of the primary.`,
      bare: `${again} makes it a copy of the primary.`,
      stopped: `It falls behind, and is no spare. ${again} starts it.`,
    }[state] ?? ''
  );
}
