import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  addStep,
  beginProof,
  type Done,
  fullCycles,
  nextStep,
  type Proof,
  readProof,
  spreads,
  stepsOf,
  tellStep,
} from '../../../src/cli/prove-record.ts';
import { Failure } from '../../../src/core/diagnostic.ts';

const asked: Asked = {
  inventory: ['inventory/lab.yml'],
  playbook: 'site.yml',
  checks: 'checks.yml',
  drills: ['a.yml', 'b.yml'],
  cycles: 2,
  ms: undefined,
  rebuild: ['web1', 'web2'],
  powerCycle: ['web1', 'web2'],
};
const CYCLE = [
  'rebuild web1,web2',
  'apply',
  'apply again',
  'check',
  ...['power-cycle web1', 'check', 'power-cycle web2', 'check', 'apply again'],
  ...['drill a.yml', 'drill b.yml'],
];

/** Goes through a proof; `ms` is what each step takes. */
function walk(asks: Asked, ms = 10, steps = 100): Proof {
  let proof: Proof = { asked: asks, began: 1000, done: [] };
  for (let now = 1000; steps-- > 0; now += ms) {
    const step = nextStep(proof, now);
    if (step === undefined) break;
    proof = { ...proof, done: [...proof.done, { ...step, began: now, ms, kept: true, seen: '' }] };
  }
  return proof;
}

describe('a proof', () => {
  const folders: string[] = [];
  const file = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup-prove-'));
    folders.push(folder);
    return join(folder, 'deep', 'prove.jsonl');
  };
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  it('checks after the apply and after each host whose power was cut', () => {
    expect(stepsOf(1, asked).map(tellStep)).toEqual(CYCLE);
    const bare = { ...asked, checks: undefined, drills: [], rebuild: [], powerCycle: [] };
    expect(stepsOf(1, bare).map(tellStep)).toEqual(['apply', 'apply again']);
  });

  it('ends after its cycles', () => {
    const { done } = walk(asked);
    expect(done.map(tellStep)).toEqual([...CYCLE, ...CYCLE]);
    expect(done.map((step) => step.cycle)).toEqual([...CYCLE.map(() => 1), ...CYCLE.map(() => 2)]);
  });

  it.each([
    ['a first cycle that is longer than the time', 1, 1],
    ['the time ends in the second cycle', 150, 2],
    ['the time ends with the second cycle', 220, 2],
    ['the time ends just after the second cycle', 221, 3],
  ])('begins no cycle when its time is over: %s', (_, ms, cycles) => {
    const proof = walk({ ...asked, cycles: undefined, ms });
    expect(proof.done.length).toBe(cycles * CYCLE.length);
    expect(fullCycles(proof)).toBe(cycles);
  });

  it('counts only cycles that are complete and kept every promise', () => {
    const whole = walk(asked);
    const last = whole.done.length - 1;
    expect(fullCycles(walk(asked, 10, CYCLE.length + 3))).toBe(1);
    const broken = whole.done.map((step, n) => (n === last ? { ...step, kept: false } : step));
    expect(fullCycles({ ...whole, done: broken })).toBe(1);
  });

  it('says how long each kind of step took', () => {
    const took = (ms: number, kind: Done['kind'] = 'check'): Done => ({
      ...{ cycle: 1, kind, began: 0, ms, kept: true, seen: '' },
    });
    expect(spreads([took(9, 'apply'), took(30), took(10), took(20), took(40)])).toEqual([
      { kind: 'apply', runs: 1, min: 9, median: 9, max: 9 },
      { kind: 'check', runs: 4, min: 10, median: 20, max: 40 },
    ]);
  });

  it('is read as it was written, and continues with the step at which it stopped', () => {
    const path = file();
    let proof = beginProof(path, asked, 1000);
    for (const step of walk(asked, 10, 4).done) proof = addStep(path, proof, step);
    expect(readProof(path)).toEqual(proof);
    expect(tellStep(nextStep(readProof(path), 0) ?? stepsOf(1, asked)[0] ?? never())).toBe('power-cycle web1');
  });

  it('ignores a last line that a power cut left incomplete', () => {
    const path = file();
    const proof = addStep(path, beginProof(path, asked, 1000), walk(asked, 10, 1).done[0] ?? never());
    appendFileSync(path, '{"cycle":1,"kind":"app');
    expect(readProof(path)).toEqual(proof);
  });

  it.each(['', 'text\n', '{"version":2}\n', '{"version":1,"asked":{},"began":1}\n{"cycle":\n'])(
    'rejects the file %j',
    (text) => {
      const path = join(file(), '..', '..', 'odd');
      writeFileSync(path, text);
      expect(() => readProof(path)).toThrow(Failure);
      expect(() => readProof(`${path}.gone`)).toThrow(/there is no record/);
    },
  );
});

function never(): never {
  throw new Error('no step');
}
