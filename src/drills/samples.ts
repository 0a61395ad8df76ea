/**
 * The prober's records of all requests, in arrays that both threads share. The prober writes them, and the main thread
 * reads them meanwhile. A million requests take 18 MB.
 */
export type Samples = Readonly<{
  /** When the request was due, not when it was sent, in milliseconds since the load began. */
  due: Float64Array;
  /** How much later than due the request was sent, and how long after it was due its outcome came, in ms. */
  late: Float32Array;
  took: Float32Array;
  outcome: Uint8Array;
  /** An index into the load's requests. For a read-back: the index of its write plus READ_BACK. */
  kind: Uint8Array;
  /** An index into the prober's list of causes of failures, or of backends. */
  detail: Uint8Array;
  /** 1: repeated once on a new connection. */
  repeated: Uint8Array;
  /** [0]: the number of records; scheduled requests come first, in order. [1]: how many of them are read-backs. */
  count: Int32Array;
}>;

/** Outcomes: good, failed, or a read-back that did not find its write. 0: no outcome yet. */
export const OK = 1;
export const FAILED = 2;
export const STALE = 3;
export const READ_BACK = 100;

/** The names behind `detail`, at most 255 of each. */
export type Names = Readonly<{ causes: readonly string[]; backends: readonly string[] }>;

const FIELDS = { due: 8, late: 4, took: 4, outcome: 1, kind: 1, detail: 1, repeated: 1 } as const;

export function samplesBuffer(capacity: number): SharedArrayBuffer {
  const bytes = Object.values(FIELDS).reduce((a, b) => a + b, 0);
  return new SharedArrayBuffer(16 + bytes * capacity);
}

/** The arrays in a buffer, the widest first, so that each is aligned. */
export function samplesIn(buffer: SharedArrayBuffer, capacity: number): Samples {
  const at = (offset: number): number => 16 + offset * capacity;
  return {
    count: new Int32Array(buffer, 0, 4),
    due: new Float64Array(buffer, at(0), capacity),
    late: new Float32Array(buffer, at(8), capacity),
    took: new Float32Array(buffer, at(12), capacity),
    outcome: new Uint8Array(buffer, at(16), capacity),
    kind: new Uint8Array(buffer, at(17), capacity),
    detail: new Uint8Array(buffer, at(18), capacity),
    repeated: new Uint8Array(buffer, at(19), capacity),
  };
}
