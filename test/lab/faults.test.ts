import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chances, faultInventory, KINDS, strike, untouched } from '../faults/campaign.ts';
import { makeLab } from './support/rack.ts';

// A small part of `npm run faults` with a fixed seed. The campaign tries other seeds.
const NET = '10.83.142';
const PART = ['SIGKILL', 'SIGINT', 'power cut', 'wire cut for 3 s', 'dpkg killed', 'disk full', 'two controllers'];
const seed = 1;
const lab = makeLab(faultInventory(NET), NET);

describe(`a run that is interrupted at a random point (seed ${seed})`, () => {
  let quiet: Awaited<ReturnType<typeof untouched>>;
  const chance = chances(seed);
  beforeAll(async () => {
    await lab.up();
    quiet = await untouched(lab);
  });
  afterAll(() => lab.down());

  it.each(KINDS.filter(({ name }) => PART.includes(name)).map((kind) => [kind.name, kind] as const))(
    '%s: at most two more runs restore the state of an undisturbed run',
    async (_, kind) => {
      const fault = await strike(lab, quiet, kind, chance);
      expect(fault.wrong.join('\n'), `${fault.host} after ${fault.afterMs} ms`).toBe('');
    },
  );
});
