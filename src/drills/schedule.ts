/** Schedules requests at a fixed rate: when each is due, and of which kind it is. Pure and deterministic. */

const BLOCK = 100;

/**
 * When request `i` is due, in milliseconds after the start of the load. It is computed from `i`, not added up, so that
 * no error accumulates.
 */
export function dueAt(i: number, rate: number): number {
  return (i * 1000) / rate;
}

/**
 * The kind of the i-th request. In each block of 100 every kind has exactly its share, in a shuffled order, so that it
 * does not fall into step with a balancer's round robin.
 */
export function mixer(shares: readonly number[]): (i: number) => number {
  const block = apportion(shares, BLOCK).flatMap((count, kind) => new Array<number>(count).fill(kind));
  let shuffled: readonly number[] = [];
  let of = -1;
  return (i) => {
    const n = Math.floor(i / BLOCK);
    if (n !== of) {
      shuffled = shuffle(block, n + 1);
      of = n;
    }
    return shuffled[i % BLOCK] ?? 0;
  };
}

/** Whole numbers in the proportion of `shares` that add up to `total`. The remainder goes to the largest fractions. */
export function apportion(shares: readonly number[], total: number): readonly number[] {
  const sum = shares.reduce((a, b) => a + b, 0);
  const exact = shares.map((share) => (share / sum) * total);
  const counts = exact.map(Math.floor);
  const order = exact.map((e, i) => ({ i, rest: e - Math.floor(e) })).sort((a, b) => b.rest - a.rest || a.i - b.i);
  let left = total - counts.reduce((a, b) => a + b, 0);
  for (const { i } of order) {
    if (left-- <= 0) break;
    counts[i] = (counts[i] ?? 0) + 1;
  }
  return counts;
}

function shuffle(items: readonly number[], seed: number): readonly number[] {
  const random = randomFrom(seed);
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const kept = out[i] ?? 0;
    out[i] = out[j] ?? 0;
    out[j] = kept;
  }
  return out;
}

/** mulberry32: small, fast, and deterministic for a seed. */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
