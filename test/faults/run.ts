// npm run faults -- [COUNT] [SEED] [KIND] [NET]: interrupts runs at random points and checks the hosts afterwards. 300
// faults take about two hours. NET is the third number of the lab's network (default 141): campaigns that run side by
// side need different ones.
import { makeLab } from '../lab/support/rack.ts';
import { chances, type Fault, faultInventory, KINDS, strike, untouched } from './campaign.ts';

const [count = '300', seed = String(Date.now() % 1_000_000), only = '', third = '141'] = process.argv.slice(2);
const net = `10.83.${Number(third)}`;
const kinds = KINDS.filter(({ name }) => name.includes(only));
const rack = makeLab(faultInventory(net), net);
const chance = chances(Number(seed));
const faults: Fault[] = [];
console.log(`seed ${seed}, ${count} faults of ${kinds.length} kinds`);
try {
  await rack.up();
  const quiet = await untouched(rack);
  console.log(`a quiet run takes ${(quiet.ms / 1000).toFixed(1)} s`);
  for (let n = 0; n < Number(count); n++) {
    const kind = kinds[n % kinds.length];
    if (kind === undefined) break;
    const fault = await strike(rack, quiet, kind, chance);
    faults.push(fault);
    console.log(
      `${n + 1} ${fault.kind} on ${fault.host} after ${fault.afterMs} ms: ${fault.wrong.length === 0 ? 'converged' : `WRONG\n${fault.wrong.join('\n')}`}`,
    );
  }
} finally {
  await rack.down();
}
const bad = faults.filter(({ wrong }) => wrong.length > 0).length;
console.log(`${faults.length} faults, ${bad} not as they should be (seed ${seed})`);
process.exitCode = bad === 0 ? 0 : 1;
