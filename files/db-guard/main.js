// db-guard run | status | switchover HOST | failover HOST --force
// (renew, and the switch that watches over run: the shell script db-guard)
import fs from 'node:fs';
import { PID_FILE, readConfig, STATE_FILE, viewOf } from './config.js';
import { adviceFor, isPrimary } from './decide.js';
import { NoQuorum, openEtcd } from './etcd.js';
import { exchange, inheritance } from './exchange.js';
import { makeGuard } from './guard.js';
import { openServer } from './server.js';

const [verb = 'status', to, ...flags] = process.argv.slice(2);
const config = readConfig();
const etcd = openEtcd(config.etcd);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const verbs = {
  async run() {
    const inherits = await inheritance();
    const guard = makeGuard({ config, etcd, server: openServer(config), tell, inherits });
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, guard.stop);
    fs.writeFileSync(PID_FILE, `${process.pid}\n`);
    const left = new Promise((resolve) => {
      process.on('SIGHUP', () => exchange(guard).then(resolve, (error) => console.log(error.message)));
    });
    if (await guard.run()) await left;
    return 0;
  },
  async status() {
    console.log(statusText(viewOf(await etcd.all(2000))));
    return 0;
  },
  /** The primary hands over: nothing is lost, writes are held for some tenths of a second. */
  switchover: () => move(to, false),
  /** Before this host's data are replaced: returns when nobody counts on them any more. The primary finds that it gives no receipts. */
  async 'out-of-step'() {
    for (let tries = 0; tries < 75; tries++) {
      if (viewOf(await etcd.all(2000)).sync?.standby !== config.host) return 0;
      await sleep(200);
    }
    return refuse(`${config.host} still counts as in step: it may hold acknowledged writes that nobody else has`);
  },
  /** For when there is no primary and nobody may lead by itself: with --force, what only the lost host had is given up. */
  failover: () => move(to, flags.includes('--force')),
};

/** Where others on this host read what it is, why, and what to do: bringup and its checks, the monitoring. */
function tell(state, why) {
  fs.writeFileSync(`${STATE_FILE}.new`, `${state}\n${why}\n${adviceFor(state)}\n`);
  fs.renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

async function move(target, force) {
  const began = Date.now();
  const view = viewOf(await etcd.all(2000));
  if (!(target in config.names))
    return refuse(`there is no database host '${target}': ${Object.keys(config.names).join(', ')}`);
  if (view.leader?.host === target) {
    console.log(`${target} is the primary already`);
    return 0;
  }
  if (view.members[target] === undefined) return refuse(`the guard of ${target} does not answer`);
  if (view.sync?.standby !== target && !force) {
    return refuse(
      `${target} may lack acknowledged writes (${view.members[target].state}${view.members[target].why === '' ? '' : `: ${view.members[target].why}`}); in step: ${view.sync?.primary ?? 'nobody'}${view.sync?.standby ? `, ${view.sync.standby}` : ''}`,
    );
  }
  if (force && view.leader !== undefined) return refuse(`${view.leader.host} is primary and alive: use switchover`);
  const lease = await etcd.grant(15);
  await etcd.change({ put: { request: { value: { to: target, force }, lease } } });
  for (let tries = 0; tries < 300; tries++) {
    await sleep(50);
    const current = viewOf(await etcd.all(2000));
    if (isPrimary(current, target)) {
      console.log(`${target} is the primary, after ${Date.now() - began} ms`);
      return 0;
    }
    if (
      current.request === undefined &&
      current.handover === undefined &&
      current.leader?.host !== target &&
      tries > 20
    )
      break;
  }
  return refuse(`${target} did not become primary: see journalctl -u db-guard on both hosts`);
}

function refuse(why) {
  console.error(`refused: ${why}`);
  return 1;
}

function statusText({ leader, sync, members }) {
  const rows = Object.keys(config.names).map((host) => {
    const m = members[host];
    if (m === undefined) return `  ${host}  its guard does not answer`;
    const role = leader?.host === host ? 'primary' : m.state;
    const lag = m.lag === undefined || m.lag === null ? '' : `  ${m.lag} s behind`;
    const step = sync?.standby === host ? '  in step' : '';
    return `  ${host}  ${role}${step}${lag}  ${m.gtid}${m.why === '' ? '' : `  (${m.why})`}`;
  });
  const advice = Object.entries(members)
    .map(([host, m]) => [host, adviceFor(m.state)])
    .filter(([, text]) => text !== '')
    .map(([host, text]) => `${host}: ${text}`);
  return [`primary: ${leader?.host ?? 'nobody'}`, ...rows, ...advice].join('\n');
}

try {
  const code = await (verbs[verb] ?? (() => refuse(`unknown verb '${verb}': run, status, switchover, failover`)))();
  process.exit(code ?? 0);
} catch (error) {
  if (!(error instanceof NoQuorum)) throw error;
  console.error(
    `refused: ${error.message}. Without a majority of ${config.etcd.endpoints.length} nobody may be made primary.`,
  );
  process.exit(1);
}
