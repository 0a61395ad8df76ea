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
  return touched.some((t) => needed.some((n) => overlap(t, n)));
}

function overlap(a: Resource, b: Resource): boolean {
  if (a === b || a === '*' || b === '*') return true;
  const [one, other] = [parsed(a), parsed(b)];
  if (one.kind === 'dir' && other.kind === 'path') return one.name === other.folder;
  if (one.kind !== other.kind) return false;
  if (one.name === '*' || other.name === '*' || one.name === other.name) return true;
  return one.kind === 'path' && (inside(one.name, other.name) || inside(other.name, one.name));
}

/** `folder`: of a path, the one that it is in. */
type Parsed = Readonly<{ kind: string; name: string; folder: string | undefined }>;

/** The engine compares the same few resources all the time. */
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
  if (name === '*' || (kind !== 'path' && kind !== 'dir')) return { kind, name, folder: undefined };
  return { kind, name: plain(name), folder: kind === 'path' ? plain(`${name}/..`) : undefined };
}

/** The folders above a path, as resources of a change that makes them: /a/b/c → dir:/a/b, dir:/a. */
export function parentsOf(path: string): readonly Resource[] {
  const parts = plain(path).split('/').slice(1, -1);
  return parts.map((_, i) => `dir:/${parts.slice(0, i + 1).join('/')}`).reverse();
}

/** Without `.`, `..`, doubled and trailing slashes: /etc/a/../b/ is /etc/b. */
function plain(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function inside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
