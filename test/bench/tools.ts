import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connection } from '../../src/lab/lab.ts';
import { asWanted, hostCpu, type Timed, timed } from './measure.ts';
import { PLAYBOOK, type Stage, WORKLOAD } from './stage.ts';

export type Case = 'first' | 'rerun' | 'drift' | 'plan';
export type Tool = Readonly<{
  name: string;
  cases: readonly Case[];
  prepare?: (stage: Stage) => Promise<void>;
  run: (stage: Stage, hosts: readonly string[], what: Case) => Promise<Timed>;
}>;

const PROBE = `${WORKLOAD}/probe.sh`;

function ssh(stage: Stage, host: string, command: string): string {
  const { address, port } = stage.addressOf(host);
  const options = `-F none -i ${stage.keyFile} -o UserKnownHostsFile=${stage.knownHostsFile} -o IdentitiesOnly=yes -o LogLevel=ERROR`;
  return `ssh ${options} -p ${port} ops@${address} ${command}`;
}

/** Runs all commands at once, and fails if one of them fails. */
function atOnce(commands: readonly string[]): readonly string[] {
  const jobs = commands.map((c) => `${c} & jobs="$jobs $!"`).join('\n');
  return ['sh', '-c', `jobs=\n${jobs}\nfor j in $jobs; do wait $j || exit 1; done`];
}

const sshTrue: Tool = {
  name: 'ssh HOST true',
  cases: ['rerun'],
  run: (stage, hosts) => timed(atOnce(hosts.map((h) => ssh(stage, h, 'true </dev/null')))),
};

const sshProbe: Tool = {
  name: 'ssh HOST sh < probe.sh',
  cases: ['rerun'],
  run: (stage, hosts) => timed(atOnce(hosts.map((h) => ssh(stage, h, `'sudo -n sh -s' <${PROBE} >/dev/null`)))),
};

const ssh2Probe: Tool = {
  name: 'node + ssh2, probe.sh',
  cases: ['rerun'],
  run: (stage, hosts) => {
    const targets = JSON.stringify(hosts.map(stage.addressOf));
    return timed(['node', 'test/bench/floor.mjs', stage.keyFile, PROBE, targets]);
  },
};

const sshConverge: Tool = {
  name: 'ssh HOST sh < converge.sh',
  cases: ['first'],
  run(stage, hosts) {
    const script = pack(stage);
    return timed(atOnce(hosts.map((h) => ssh(stage, h, `'sudo -n sh -s ${h}' <${script} >/dev/null`))));
  },
};

/** converge.sh with the static files inside. */
function pack(stage: Stage): string {
  const folders = [`${WORKLOAD}/ansible/roles/shopd/files`, `${WORKLOAD}/keys`];
  const files = execFileSync('tar', ['-cz', ...folders.flatMap((f) => ['-C', join(process.cwd(), f), '.'])]);
  const packed = join(stage.rack.folder, 'converge.sh');
  const text = readFileSync(`${WORKLOAD}/converge.sh`, 'utf8');
  writeFileSync(packed, text.replace(/^@FILES@$/m, files.toString('base64')));
  return packed;
}

const bringup: Tool = {
  name: 'bringup',
  cases: ['first', 'rerun', 'drift', 'plan'],
  run: (stage, hosts, what) => {
    const limit = hosts.length === stage.hosts.length ? [] : ['-l', hosts.join(',')];
    const verb = what === 'plan' ? 'plan' : 'apply';
    const inventory = what === 'first' ? strangers(stage) : stage.inventory;
    return timed(['node', 'dist/bringup.cjs', verb, PLAYBOOK, '-i', inventory, '-o', 'json', ...limit]);
  },
};

/** Facts of earlier runs are stored by the inventory's path, so a new path has none. */
function strangers({ inventory }: Stage): string {
  const copy = inventory.replace(/\.yml$/, `-${Date.now()}.yml`);
  copyFileSync(inventory, copy);
  return copy;
}

/**
 * Whichever tool configured the hosts, bringup must find nothing to do. Otherwise that tool did less, or bringup did
 * more.
 */
export async function checkConverged(stage: Stage, hosts: readonly string[], by: Tool): Promise<void> {
  const { stdout } = await bringup.run(stage, hosts, 'rerun');
  const right = asWanted(stdout);
  if (right === hosts.length) return;
  const wrong = stdout.split('\n').filter((line) => /"status":"(changed|failed)"/.test(line));
  throw new Error(`after ${by.name}, ${right} of ${hosts.length} hosts are as wanted\n${wrong.join('\n')}`);
}

/** Ansible of Debian 13 on a lab host of its own, with the settings that make it fast. */
function ansible(name: string, strategy: string): Tool {
  return {
    name,
    cases: ['first', 'rerun', 'drift', 'plan'],
    prepare: (stage) => prepareController(stage),
    async run(stage, hosts, what) {
      const before = hostCpu(stage.rack.name, ['ctl']);
      const began = performance.now();
      const more = `${what === 'plan' ? '--check' : ''} -l ${hosts.join(',')}`;
      const stdout = await stage.rack.root(
        'ctl',
        `cd /root/bench && rm -rf /root/.ansible/cp ${what === 'first' ? '/root/facts' : ''} && ANSIBLE_STRATEGY=${strategy} bash -c "TIMEFORMAT='took %R'; time ansible-playbook -i hosts.ini ansible/site.yml ${more}" 2>&1`,
      );
      const wall = Number(/took ([\d.]+)/.exec(stdout)?.[1] ?? (performance.now() - began) / 1000);
      if (/failed=[1-9]|unreachable=[1-9]/.test(stdout)) throw new Error(stdout.slice(-3000));
      return { wall, cpu: hostCpu(stage.rack.name, ['ctl']) - before, stdout };
    },
  };
}

const prepared = new WeakSet<Stage>();
async function prepareController(stage: Stage): Promise<void> {
  if (prepared.has(stage)) return;
  prepared.add(stage);
  const { rack, hosts } = stage;
  await rack.root(
    'ctl',
    'export DEBIAN_FRONTEND=noninteractive; apt-get -q update >/dev/null && apt-get -qy install --no-install-recommends ansible ansible-mitogen openssh-client >/dev/null 2>&1 && apt-get clean; mkdir -p /root/.ssh /root/bench; test -e /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519',
  );
  const pub = (await rack.root('ctl', 'cat /root/.ssh/id_ed25519.pub')).trim();
  for (const host of hosts)
    await rack.root(host, `grep -qF '${pub}' ~ops/.ssh/authorized_keys || echo '${pub}' >> ~ops/.ssh/authorized_keys`);
  const { stdout } = await timed(['sh', '-c', `tar -C ${WORKLOAD} -cf - . | base64 -w0`]);
  const { knownHostsFile } = await connection(rack.name, 'h1');
  const ini = hosts.map((h) => `${h} ansible_host=${addressIn(readFileSync(knownHostsFile, 'utf8'), h)}`).join('\n');
  await rack.root(
    'ctl',
    `cd /root/bench && echo ${stdout} | base64 -d | tar -xf -
cat > hosts.ini <<'END'
[all]
${ini}
[all:vars]
ansible_user=ops
ansible_become=true
END
cat > /root/.ssh/known_hosts <<'END'
${readFileSync(knownHostsFile, 'utf8')}
END
cat > ansible.cfg <<'END'
[defaults]
forks = 50
gathering = smart
fact_caching = jsonfile
fact_caching_connection = /root/facts
strategy_plugins = /usr/share/ansible-mitogen/plugins/strategy:/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy
interpreter_python = /usr/bin/python3
[ssh_connection]
pipelining = True
END`,
  );
}

/** The versions that Debian packages. */
export function peerVersions(stage: Stage): Promise<string> {
  return stage.rack.root(
    'ctl',
    "dpkg-query -W -f '${Package} ${Version}\\n' ansible-core ansible-mitogen | paste -sd, | sed 's/,/, /g'",
  );
}

function addressIn(knownHosts: string, host: string): string {
  return new RegExp(`^([\\d.]+),${host} `, 'm').exec(knownHosts)?.[1] ?? host;
}

const FLOOR: readonly Tool[] = [sshTrue, sshProbe, ssh2Probe, sshConverge];
const PEERS: readonly Tool[] = [ansible('ansible', 'linear'), ansible('ansible + mitogen', 'mitogen_linear')];

/** The values of --tools. */
export const TOOLS: Readonly<Record<string, readonly Tool[]>> = {
  bringup: [bringup],
  floor: FLOOR,
  ansible: PEERS.slice(0, 1),
  mitogen: PEERS.slice(1),
  peers: PEERS,
  all: [bringup, ...FLOOR, ...PEERS],
};
/** The base of ratios: for a first converge, the one done by hand; for everything else, one probe done by hand. */
export const baseOf = (what: Case): Readonly<{ tool: string; what: Case }> =>
  what === 'first' ? { tool: sshConverge.name, what } : { tool: sshProbe.name, what: 'rerun' };
