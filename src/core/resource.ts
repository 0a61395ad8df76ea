/**
 * What a probe reads or a change alters, as `kind:name`: `path:/etc/nginx` (with everything below it),
 * `unit:nginx.service`, `package:nginx`, `user:`, `group:`, `sysctl:`, `cron:`, `mysql:`, `hostname:`, `live:` (state
 * that only running software shows: open ports, answers, processes), or `*` for anything. The name `*` stands for every
 * name of that kind. A change that creates a directory with its parents also touches `dir:PARENT` for each parent. That
 * makes stale only what needs the `path:` of an entry directly in that parent.
 */
export type Resource = string;

/** Whether a change of the `touched` resources may make an answer about the `needed` resources stale. */
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

/** For a path, `folder` is the directory that contains it, and `within` is the prefix of everything below it. */
type Parsed = Readonly<{ kind: string; name: string; folder: string | undefined; within: string }>;

/** Parsed lists are cached, because the engine compares the same few resources and lists all the time. */
function allParsed(resources: readonly Resource[]): readonly Parsed[] {
  const known = lists.get(resources);
  if (known !== undefined) return known;
  const list = resources.map(parsed);
  lists.set(resources, list);
  return list;
}
const lists = new WeakMap<readonly Resource[], readonly Parsed[]>();

function parsed(resource: Resource): Parsed {
  const known = cache.get(resource);
  if (known !== undefined) return known;
  if (cache.size >= CACHED) cache.clear();
  const result = parse(resource);
  cache.set(resource, result);
  return result;
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

/** A path's parent directories and the path itself, shortest first, without the root. The path must be normalised. */
export function prefixesOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1);
  return path === '/' ? [] : parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`);
}

/** The parent directories of a path, as resources of a change that creates them: /a/b/c gives dir:/a/b and dir:/a. */
export function parentsOf(path: string): readonly Resource[] {
  const parts = plainPath(path).split('/').slice(1, -1);
  return parts.map((_, i) => `dir:/${parts.slice(0, i + 1).join('/')}`).reverse();
}

/** Normalises a path: removes `.`, `..`, doubled and trailing slashes. /etc/a/../b/ becomes /etc/b. */
export function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
