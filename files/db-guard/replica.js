// The role of a host while another host is primary: read-only, and replicating from that primary.
import { replicaState } from './decide.js';

export function makeReplica({ config, server, lease, seen, log, say }) {
  let errant = '';

  const follow = async (view, db) => {
    const { leader } = view;
    seen.primary = true;
    seen.vacantSince = undefined;
    if (db !== undefined && !db.readOnly) await lease.closeOrKill();
    const source = config.names[leader.host];
    const isOther = db !== undefined && db.replica?.source !== source;
    if (isOther && db.gtid !== '') {
      const theirs = view.members[leader.host]?.gtid;
      if (theirs === undefined) return say('waiting', `the GTID position of ${leader.host} is unknown`);
      errant = await server.errant(db.gtid, theirs);
      if (errant === '') {
        log(`following ${leader.host}`);
        await server.waitForReplica(false);
        await server.acknowledge(true);
        await server.follow(sourceAt(source), db.replica === undefined);
      }
    } else errant = '';
    say(...replicaState({ db, leader, names: config.names, errant }));
  };
  const sourceAt = (host) => ({
    host,
    port: config.port,
    user: config.repl_user,
    password: config.replPassword,
    ca: config.repl_ca,
  });

  return { follow };
}
