import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { openLab } from '../../src/cli/lab.ts';
import { connection } from '../../src/lab/lab.ts';
import { makeLab } from '../lab/support/rack.ts';
import { argumentsOf, hasOutcome, type Outcome, readCases, writeOutcome } from './case.ts';

/**
 * Records Ansible's outcomes of all cases, or of those whose names contain a word: npm run oracle -- WORD. --new
 * records only those that have no outcome yet. They run on a
 * lab host with Debian 13 and its ansible-core. With ORACLE_LAB=INVENTORY, the host d13 of a running lab is used.
 */
const NET = '10.83.175';
const { ORACLE_LAB: given } = process.env;
const [filter = ''] = process.argv.slice(2).filter((one) => !one.startsWith('-'));
const onlyNew = process.argv.includes('--new');
const showsLog = process.argv.includes('--log');

if (given === undefined) {
  const lab = makeLab(
    `all:\n  vars: {lab_name: x, lab_subnet: ${NET}.0/24}\n  hosts:\n    d13: {ansible_host: ${NET}.13, lab_image: debian-13}\n`,
    NET,
  );
  try {
    await lab.up();
    await record(lab.name);
  } finally {
    await lab.down();
  }
} else {
  await record(openLab(given).name);
}

async function record(lab: string): Promise<void> {
  const host = await hostOf(lab);
  host(
    'which ansible-playbook >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ansible-core python3-passlib >/dev/null 2>&1; }; mkdir -p /tmp/oracle-program',
    '',
  );
  for (const file of ['record.py', 'oracle.py']) {
    host(`cat >/tmp/oracle-program/${file}`, readFileSync(`test/differential/ansible/${file}`));
  }
  const cases = readCases(filter).filter(({ name }) => !onlyNew || !hasOutcome(name));
  const asked = cases.map((one) => ({
    name: one.name,
    files: one.files,
    arguments: argumentsOf(one),
    runs: one.runs,
  }));
  const outcomes: Record<string, Outcome & { log: string }> = JSON.parse(
    host('python3 /tmp/oracle-program/record.py', JSON.stringify(asked)),
  );
  for (const { name } of cases) {
    const { log, runs, files } = outcomes[name] ?? { log: '', runs: [], files: {} };
    if (runs.length === 0) throw new Error(`${name}: no outcome`);
    writeOutcome(name, { runs, files });
    if (showsLog || runs[0]?.exit !== 'done') console.log(`${name}: ${runs[0]?.exit}\n${log.replace(/^/gm, '  ')}`);
  }
  console.log(`${cases.length} cases recorded`);
}

/** Runs commands on the lab host as root. */
async function hostOf(lab: string): Promise<(command: string, input: string | Buffer) => string> {
  const { address, user, privateKeyFile, knownHostsFile } = await connection(lab, 'd13');
  const options = ['-i', privateKeyFile, '-o', `UserKnownHostsFile=${knownHostsFile}`, '-o', 'IdentitiesOnly=yes'];
  return (command, input) => {
    const ran = spawnSync('ssh', [...options, `${user}@${address}`, `sudo sh -c '${command}'`], {
      input,
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    if (ran.status !== 0) throw new Error(`${command}: ${ran.stderr}`);
    return ran.stdout;
  };
}
