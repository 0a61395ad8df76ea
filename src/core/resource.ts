/**
 * What a probe reads or a change alters, as `kind:name`:
 * `path:/etc/nginx` (and all below it), `unit:nginx.service`, `package:nginx`, `user:`, `group:`, `sysctl:`, `cron:`,
 * `mysql:`, `hostname:`, `live:` (what only running things show: open ports, answers, processes), or `*` for anything.
 * A name of `*` stands for every name of that kind. A change that makes a folder with its parents touches `dir:PARENT` for
 * each parent beside it: what needs `path:` of anything right in that folder is stale then, and nothing else is.
 */
export type Resource = string;

/** Whether a change of `touched` may make what was read of `needed` stale. */
export function overlaps(touched: readonly Resource[], needed: readonly Resource[]): boolean {
  const read = allParsed(needed);
  return allParsed(touched).some((one) => read.some((other) => meet(one, other)));
}

function meet(one: Parsed, other: Parsed): boolean {
  if (one.kind === '*' || other.kind === '*') return true;
  if (one.kind === 'dir' && other.kind === 'path') return one.name === other.folder;
  if (one.kind !== other.kind) return false;
  if (one.name === '*' || other.name === '*' || one.name === other.name) return true;
  return one.kind === 'path' && (one.name.startsWith(other.within) || other.name.startsWith(one.within));
}

/** Of a path: `folder`, the one that it is in; `within`, how all begins that is in it. */
type Parsed = Readonly<{ kind: string; name: string; folder: string | undefined; within: string }>;

/** The engine compares the same few resources all the time, and the same lists of them. */
function allParsed(resources: readonly Resource[]): readonly Parsed[] {
  const known = lists.get(resources);
  if (known !== undefined) return known;
  const made = resources.map(parsed);
  lists.set(resources, made);
  return made;
}
const lists = new WeakMap<readonly Resource[], readonly Parsed[]>();

function parsed(resource: Resource): Parsed {
  const known = cache.get(resource);
  if (known !== undefined) return known;
  if (cache.size >= CACHED) cache.clear();
  const made = parse(resource);
  cache.set(resource, made);
  return made;
}
const cache = new Map<Resource, Parsed>();
const CACHED = 10_000;

function parse(resource: Resource): Parsed {
  const at = resource.indexOf(':');
  const [kind, name] = at < 0 ? [resource, '*'] : [resource.slice(0, at), resource.slice(at + 1)];
  if (name === '*' || (kind !== 'path' && kind !== 'dir')) return { kind, name, folder: undefined, within: '' };
  const path = plainPath(name);
  const folder = kind === 'path' ? plainPath(`${name}/..`) : undefined;
  return { kind, name: path, folder, within: path === '/' ? path : `${path}/` };
}

/** The path itself and the folders above it, but for the root, the shortest first. The path is a plain one. */
export function prefixesOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1);
  return path === '/' ? [] : parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`);
}

/** The folders above a path, as resources of a change that makes them: /a/b/c → dir:/a/b, dir:/a. */
export function parentsOf(path: string): readonly Resource[] {
  const parts = plainPath(path).split('/').slice(1, -1);
  return parts.map((_, i) => `dir:/${parts.slice(0, i + 1).join('/')}`).reverse();
}

/** Without `.`, `..`, doubled and trailing slashes: /etc/a/../b/ is /etc/b. */
export function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
