// The rules that decide whether a host may be primary, as pure functions of the state in etcd and of the local server. The lease
// in etcd selects one host. The rules only prevent a claim by a host that could lack an acknowledged write.

/** ms that a host without a primary since its start waits, so that the last primary can claim the lease first. */
const PATIENCE_MS = 5000;

/**
 * @typedef {{host: string, standby: string | null}} Leader
 * @typedef {{primary: string, standby: string | null}} Sync the in-sync set: the primary, and the standby
 *   whose acknowledgement every write waits for
 * @typedef {{state: string, why: string, gtid: string, source?: string, io?: string, sql?: string, lag?: number | null}} Member
 * @typedef {{leader?: Leader, sync?: Sync, handover?: {to: string, from: string, gtid: string},
 *   request?: {to: string, force: boolean}, members: Record<string, Member>}} View
 */

/**
 * Whether this host may claim the lease, with the reason.
 * @param {{me: string, view: View, db: object | undefined, initial: string, vacantMs: number, sawPrimary: boolean}} now
 */
export function mayLead({ me, view, db, initial, vacantMs, sawPrimary }) {
  const { sync, handover, request } = view;
  const no = (why) => ({ may: false, why });
  const yes = (why) => ({ may: true, why });
  if (db === undefined) return no('the database on this host does not answer');
  if (request?.force === true && request.to === me) return yes('a failover to this host is forced');
  if (handover !== undefined) {
    return handover.to === me
      ? yes(`${handover.from} hands over to this host`)
      : no(`${handover.from} hands over to ${handover.to}`);
  }
  if (sync === undefined) {
    return me === initial
      ? yes('this host is the configured first primary')
      : no(`waiting for the first primary, ${initial}`);
  }
  if (sync.primary === me) return yes('this host was the last primary');
  if (sync.standby !== me) return no(`this host may lack acknowledged writes: only ${inStep(sync)} had all of them`);
  if (db.replica?.sql === 'No' && db.replica.error !== '')
    return no(`replication on this host is broken: ${db.replica.error}`);
  if (!sawPrimary && vacantMs < PATIENCE_MS)
    return no(`${sync.primary} was the last primary and may claim the lease first`);
  return yes(`${sync.primary} is gone, and this host has every acknowledged write`);
}

/** Whether a host really is primary: it holds the lease, etcd records it in the in-sync set, and its server is writable. */
export function isPrimary({ leader, sync, members }, host) {
  return leader?.host === host && sync?.primary === host && members[host]?.state === 'primary';
}

export function inStep({ primary, standby }) {
  return standby === null ? primary : `${primary} and ${standby}`;
}

/** The standby that can take over at once: in sync, and its db-guard alive. It need not be able to reach this host. */
export function heirOf({ sync, members }, me) {
  const standby = sync?.primary === me ? sync.standby : null;
  return standby !== null && ['replica', 'waiting', 'stopped'].includes(members[standby]?.state) ? standby : undefined;
}

/** The replica that can become the standby: one of the two hosts that may be primary, with running replication. */
export function candidateOf({ members }, me, candidates) {
  return candidates.find((host) => host !== me && members[host]?.state === 'replica');
}

/**
 * The state of a server that is not primary, with the reason.
 * bare: no data yet; stopped: replication stopped by hand; broken: replication stopped with an error; diverged: has
 * transactions that the primary never had.
 */
export function replicaState({ db, leader, names, errant }) {
  if (db === undefined) return ['down', 'the database does not answer'];
  if (leader === undefined) return ['waiting', 'there is no primary'];
  if (errant !== '') return ['diverged', `has transactions that ${leader.host} never had: ${errant}`];
  const { replica } = db;
  if (replica === undefined)
    return db.gtid === '' ? ['bare', 'has no data yet'] : ['waiting', `about to follow ${leader.host}`];
  if (replica.source !== names[leader.host]) return ['waiting', `still follows ${replica.source}, not ${leader.host}`];
  if ((replica.io === 'No' || replica.sql === 'No') && replica.error !== '')
    return /diverged|has more GTIDs|out-of-order/.test(replica.error)
      ? ['diverged', `has transactions that ${leader.host} never had: ${replica.error}`]
      : ['broken', replica.error];
  if (replica.io === 'No' || replica.sql === 'No') return ['stopped', 'replication was stopped by hand'];
  return replica.io === 'Yes' && replica.sql === 'Yes' ? ['replica', ''] : ['waiting', `connecting to ${leader.host}`];
}

/** Advice for a host in this state; '' if no action is needed. */
export function adviceFor(state) {
  const fix = 'Run `bringup apply playbooks/site.yml`';
  return (
    {
      diverged: `This host has writes that were never acknowledged and that the primary does not have. It is read-only and cannot take over. ${fix} to save these writes in /var/backups/db and to reseed the host from the primary.`,
      broken: `This host is read-only and cannot take over. ${fix} to reseed it from the primary.`,
      bare: `${fix} to seed this host from the primary.`,
      stopped: `The replica lags and cannot take over. ${fix} to start its replication.`,
    }[state] ?? ''
  );
}
