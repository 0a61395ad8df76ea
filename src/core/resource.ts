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
  if (a === '*' || b === '*') return true;
  const [kindA, nameA] = split(a);
  const [kindB, nameB] = split(b);
  if (kindA === 'dir' && kindB === 'path') return plain(`${nameB}/..`) === plain(nameA);
  if (kindA !== kindB) return false;
  if (nameA === '*' || nameB === '*' || nameA === nameB) return true;
  if (kindA !== 'path') return false;
  const [pathA, pathB] = [plain(nameA), plain(nameB)];
  return pathA === pathB || inside(pathA, pathB) || inside(pathB, pathA);
}

function split(resource: Resource): readonly [string, string] {
  const at = resource.indexOf(':');
  return at < 0 ? [resource, '*'] : [resource.slice(0, at), resource.slice(at + 1)];
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
