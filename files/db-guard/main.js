// db-guard run | status | switchover HOST | failover HOST --force
// The shell script db-guard calls this file, and implements `renew` and the dead-man switch of `run` itself.
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
  /** The primary hands over: no write is lost, and writes wait for some tenths of a second. */
  switchover: () => move(to, false),
  /** Run before the data of this host are replaced: returns when the primary has removed this host from the in-sync set. */
  async 'out-of-step'() {
    for (let tries = 0; tries < 75; tries++) {
      if (viewOf(await etcd.all(2000)).sync?.standby !== config.host) return 0;
      await sleep(200);
    }
    return refuse(`${config.host} is still in sync: it may hold acknowledged writes that no other host has`);
  },
  /** For when there is no primary and no host may claim the lease. --force gives up the writes that only the lost host had. */
  failover: () => move(to, flags.includes('--force')),
};

/** Writes the state, its reason and the advice to a file that bringup, its checks and the monitoring read. */
function tell(state, why) {
  fs.writeFileSync(`${STATE_FILE}.new`, `${state}\n${why}\n${adviceFor(state)}\n`);
  fs.renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

async function move(target, force) {
  const began = Date.now();
  const view = viewOf(await etcd.all(2000));
  if (!(target in config.names))
    return refuse(`unknown database host '${target}'; expected one of ${Object.keys(config.names).join(', ')}`);
  if (view.leader?.host === target) {
    console.log(`${target} is already the primary`);
    return 0;
  }
  if (view.members[target] === undefined) return refuse(`db-guard on ${target} does not answer`);
  if (view.sync?.standby !== target && !force) {
    return refuse(
      `${target} may lack acknowledged writes (${view.members[target].state}${view.members[target].why === '' ? '' : `: ${view.members[target].why}`}); in sync: ${view.sync?.primary ?? 'none'}${view.sync?.standby ? `, ${view.sync.standby}` : ''}`,
    );
  }
  if (force && view.leader !== undefined)
    return refuse(`${view.leader.host} is primary and alive; use 'db-guard switchover ${target}'`);
  const lease = await etcd.grant(15);
  await etcd.change({ put: { request: { value: { to: target, force }, lease } } });
  for (let tries = 0; tries < 300; tries++) {
    await sleep(50);
    const current = viewOf(await etcd.all(2000));
    if (isPrimary(current, target)) {
      console.log(`${target} became the primary after ${Date.now() - began} ms`);
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
  return refuse(`${target} did not become primary; run 'journalctl -u db-guard' on both hosts`);
}

function refuse(why) {
  console.error(`refused: ${why}`);
  return 1;
}

function statusText({ leader, sync, members }) {
  const rows = Object.keys(config.names).map((host) => {
    const m = members[host];
    if (m === undefined) return `  ${host}  db-guard does not answer`;
    const role = leader?.host === host ? 'primary' : m.state;
    const lag = m.lag === undefined || m.lag === null ? '' : `  lag ${m.lag} s`;
    const step = sync?.standby === host ? '  in sync' : '';
    return `  ${host}  ${role}${step}${lag}  ${m.gtid}${m.why === '' ? '' : `  (${m.why})`}`;
  });
  const advice = Object.entries(members)
    .map(([host, m]) => [host, adviceFor(m.state)])
    .filter(([, text]) => text !== '')
    .map(([host, text]) => `${host}: ${text}`);
  return [`primary: ${leader?.host ?? 'none'}`, ...rows, ...advice].join('\n');
}

try {
  const code = await (
    verbs[verb] ??
    (() => refuse(`unknown command '${verb}'; expected status, switchover, failover, out-of-step, renew or run`))
  )();
  process.exit(code ?? 0);
} catch (error) {
  if (!(error instanceof NoQuorum)) throw error;
  console.error(
    `refused: ${error.message}. No host can become primary without a majority of the ${config.etcd.endpoints.length} etcd members.`,
  );
  process.exit(1);
}
