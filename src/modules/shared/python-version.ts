// Versions of Python packages and what a requirement says about them: PEP 440, PEP 508.

export type Requirement = Readonly<{
  /** As pip compares names: lower case, with dashes. */
  name: string;
  /** 'Flask[async]': as it was written, without versions. */
  written: string;
  clauses: readonly Readonly<{ op: string; version: string }>[];
  /** It depends on the host whether the requirement counts ('; python_version < "3.9"'). */
  hasMarker: boolean;
}>;

const OPERATORS = '===|==|~=|!=|<=|>=|<|>';
const REQUIREMENT = /^\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*([^;]*?)\s*(;.*)?$/s;

/** undefined: an address, a path, or anything else that is no name with versions. */
export function parseRequirement(text: string): Requirement | undefined {
  const [all, name = '', extras = '', versions = '', marker] = REQUIREMENT.exec(text) ?? [];
  if (all === undefined) return undefined;
  const clauses = versions
    .replace(/^\((.*)\)$/, '$1')
    .split(',')
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '')
    .map((clause) => new RegExp(`^(${OPERATORS})\\s*([^\\s<>=!~]+)$`).exec(clause));
  if (clauses.some((clause) => clause === null)) return undefined;
  return {
    name: canonicalName(name),
    written: name + extras,
    clauses: clauses.map((clause) => ({ op: clause?.[1] ?? '', version: clause?.[2] ?? '' })),
    hasMarker: marker !== undefined,
  };
}

export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** A list that was split at each comma, with the parts of one requirement joined again: 'a>=1', '<2' → 'a>=1,<2'. */
export function rejoined(parts: readonly string[]): readonly string[] {
  const out: string[] = [];
  let isOpen = false;
  for (const part of parts.flatMap((one) => one.split(',')).map((one) => one.trim())) {
    if (part === '') continue;
    const last = out.at(-1);
    if (last !== undefined && (isOpen || new RegExp(`^(${OPERATORS})`).test(part)))
      out[out.length - 1] = `${last},${part}`;
    else out.push(part);
    isOpen = part.lastIndexOf('[') > part.lastIndexOf(']') || (isOpen && !part.includes(']'));
  }
  return out;
}

export function satisfies(version: string, { clauses }: Pick<Requirement, 'clauses'>): boolean {
  return clauses.every((clause) => holds(version, clause.op, clause.version));
}

function holds(version: string, op: string, wanted: string): boolean {
  if (op === '===') return version === wanted;
  if (op === '~=') {
    const parts = wanted.split('.');
    return holds(version, '>=', wanted) && holds(version, '==', `${parts.slice(0, -1).join('.')}.*`);
  }
  if (op === '==' || op === '!=') return isEqual(version, wanted) === (op === '==');
  const order = compareVersions(publicPart(version), wanted);
  if (op === '<=') return order <= 0;
  if (op === '>=') return order >= 0;
  const [mine, theirs] = [parse(version), parse(wanted)];
  const isSameRelease = compareVersions(releaseOf(version), releaseOf(wanted)) === 0;
  // '<1.0' leaves out 1.0rc1, '>1.0' leaves out 1.0.post1 and 1.0+local.
  if (op === '<') return order < 0 && !(isSameRelease && mine.pre !== undefined && theirs.pre === undefined);
  return order > 0 && !(isSameRelease && mine.post !== undefined && theirs.post === undefined);
}

function isEqual(version: string, wanted: string): boolean {
  if (wanted.endsWith('.*')) {
    const [mine, theirs] = [parse(version), parse(wanted.slice(0, -2))];
    return mine.epoch === theirs.epoch && theirs.release.every((n, i) => (mine.release[i] ?? 0) === n);
  }
  return compareVersions(wanted.includes('+') ? version : publicPart(version), wanted) === 0;
}

const publicPart = (version: string): string => version.replace(/\+.*$/, '');
const releaseOf = (version: string): string => {
  const { epoch, release } = parse(version);
  return `${epoch}!${release.join('.')}`;
};

type Parsed = Readonly<{
  epoch: number;
  release: readonly number[];
  pre: readonly [number, number] | undefined;
  post: number | undefined;
  dev: number | undefined;
  local: string;
}>;

const VERSION =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|alpha|b|beta|c|rc|pre|preview)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9.]+))?$/;
const PHASES: Readonly<Record<string, number>> = { a: 0, alpha: 0, b: 1, beta: 1, c: 2, rc: 2, pre: 2, preview: 2 };

function parse(text: string): Parsed {
  const [, epoch, release = '0', phase, pre, implicit, post, postNumber, dev, devNumber, local = ''] =
    VERSION.exec(text.trim().toLowerCase()) ?? [];
  return {
    epoch: Number(epoch ?? 0),
    release: release.split('.').map(Number),
    pre: phase === undefined ? undefined : [PHASES[phase] ?? 2, Number(pre === '' ? 0 : pre)],
    post: implicit !== undefined ? Number(implicit) : post === undefined ? undefined : Number(postNumber || 0),
    dev: dev === undefined ? undefined : Number(devNumber || 0),
    local,
  };
}

/** Negative: the first is older. */
export function compareVersions(first: string, second: string): number {
  const [a, b] = [parse(first), parse(second)];
  const length = Math.max(a.release.length, b.release.length);
  const keys: (readonly [number, number])[] = [
    [a.epoch, b.epoch],
    ...Array.from({ length }, (_, i) => [a.release[i] ?? 0, b.release[i] ?? 0] as const),
    [phaseOf(a), phaseOf(b)],
    [a.pre?.[1] ?? 0, b.pre?.[1] ?? 0],
    [a.post ?? -1, b.post ?? -1],
    [a.dev ?? Number.POSITIVE_INFINITY, b.dev ?? Number.POSITIVE_INFINITY],
  ];
  for (const [x, y] of keys) if (x !== y) return x < y ? -1 : 1;
  return a.local === b.local ? 0 : a.local < b.local ? -1 : 1;
}

/** A development version of a release comes before its alpha versions. */
function phaseOf({ pre, post, dev }: Parsed): number {
  if (pre !== undefined) return pre[0];
  return post === undefined && dev !== undefined ? -1 : 3;
}
