import { wrong } from './item.ts';

const signs: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (n) => n === 0,
  '=': (n) => n === 0,
  eq: (n) => n === 0,
  '!=': (n) => n !== 0,
  '<>': (n) => n !== 0,
  ne: (n) => n !== 0,
  '<': (n) => n < 0,
  lt: (n) => n < 0,
  '<=': (n) => n <= 0,
  le: (n) => n <= 0,
  '>': (n) => n > 0,
  gt: (n) => n > 0,
  '>=': (n) => n >= 0,
  ge: (n) => n >= 0, // biome-ignore format: a table
};

/** Ansible's `version` test: loose (as Ansible's LooseVersion), strict, or semver. */
export function versionCompare(a: string, b: string, sign: string, strict: boolean, type: string | undefined): boolean {
  const holds = Object.hasOwn(signs, sign) ? signs[sign] : undefined;
  if (holds === undefined)
    return wrong(`version: no operator '${sign}'`, { expected: `one of ${Object.keys(signs).join(', ')}` });
  if (a === '') return wrong('version: the version to compare is empty');
  const kind = strict ? 'strict' : (type ?? 'loose');
  if (kind === 'loose') return holds(loose(a, b));
  if (kind === 'strict' || kind === 'semver' || kind === 'semantic') return holds(semver(a, b, kind === 'strict'));
  if (kind === 'pep440') return holds(loose(a, b));
  return wrong(`version: no version_type '${kind}'`, { expected: 'one of loose, strict, semver, semantic, pep440' });
}

function loose(a: string, b: string): number {
  const parts = (version: string) => version.split(/(\d+|[a-z]+|\.)/).filter((part) => part !== '' && part !== '.');
  const [x, y] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const [one = '', other = ''] = [x[i], y[i]];
    const digits = [one, other].map((part) => /^\d+$/.test(part));
    if (digits[0] !== digits[1])
      wrong(`version: '${a}' and '${b}' cannot be compared`, { expected: 'versions of the same form' });
    const order = digits[0] === true ? Number(one) - Number(other) : one < other ? -1 : one > other ? 1 : 0;
    if (order !== 0) return order;
  }
  return x.length - y.length;
}

function semver(a: string, b: string, strict: boolean): number {
  const pattern = strict
    ? /^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab]\d+))?$/
    : /^v?(\d+)\.(\d+)\.(\d+)(?:-([\dA-Za-z.-]+))?(?:\+[\dA-Za-z.-]+)?$/;
  const [x, y] = [a, b].map(
    (one) => pattern.exec(one) ?? wrong(`version: '${one}' is no ${strict ? 'strict' : 'semantic'} version`),
  );
  for (const i of [1, 2, 3]) {
    const order = Number(x?.[i] ?? 0) - Number(y?.[i] ?? 0);
    if (order !== 0) return order;
  }
  const [pre, other] = [x?.[4], y?.[4]];
  if (pre === undefined || other === undefined) return Number(pre === undefined) - Number(other === undefined);
  const [left, right] = [pre.split('.'), other.split('.')];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [one = '', two = ''] = [left[i], right[i]];
    const digits = [one, two].map((part) => /^\d+$/.test(part));
    const order =
      digits[0] === true && digits[1] === true
        ? Number(one) - Number(two)
        : digits[0] !== digits[1]
          ? digits[0] === true
            ? -1
            : 1
          : one < two
            ? -1
            : one > two
              ? 1
              : 0;
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
