import { identifier } from './mysql.ts';

/** An account's privileges: 'db.table' → privileges, in upper case. */
export type Privileges = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The meaning of GRANT ALL on *.* where SHOW GRANTS lists the privileges, as in MySQL 8. Dynamic privileges are listed
 * in addition.
 */
const STATIC = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'CREATE',
  'DROP',
  'RELOAD',
  'SHUTDOWN',
  'PROCESS',
  'FILE',
  'REFERENCES',
  'INDEX',
  'ALTER',
  'SHOW DATABASES',
  'SUPER',
  'CREATE TEMPORARY TABLES',
  'LOCK TABLES',
  'EXECUTE',
  'REPLICATION SLAVE',
  'REPLICATION CLIENT',
  'CREATE VIEW',
  'SHOW VIEW',
  'CREATE ROUTINE',
  'ALTER ROUTINE',
  'CREATE USER',
  'EVENT',
  'TRIGGER',
  'CREATE TABLESPACE',
  'CREATE ROLE',
  'DROP ROLE',
];

/** Synonyms of privileges, among them MariaDB's names. */
const SAME: Readonly<Record<string, string>> = {
  ALL: 'ALL PRIVILEGES',
  GRANT: 'GRANT OPTION',
  'BINLOG MONITOR': 'REPLICATION CLIENT',
  'REPLICATION REPLICA': 'REPLICATION SLAVE',
  'REPLICA MONITOR': 'SLAVE MONITOR',
  'DELETE VERSIONING ROWS': 'DELETE HISTORY',
};

/** Parses 'db.*:SELECT,INSERT/other.*:ALL' or { 'db.*': 'SELECT,INSERT' }. undefined: it cannot be parsed. */
export function parsePrivileges(
  given: string | Readonly<Record<string, string | readonly string[]>>,
): Privileges | undefined {
  const out = new Map<string, ReadonlySet<string>>();
  const entries =
    typeof given === 'string'
      ? given.split('/').map((part) => {
          const at = part.lastIndexOf(':');
          return at < 0 ? [part.trim(), ''] : [part.slice(0, at).trim(), part.slice(at + 1)];
        })
      : Object.entries(given);
  for (const [target = '', list = ''] of entries) {
    const where = normalTarget(target);
    if (where === undefined || list.length === 0) return undefined;
    out.set(
      where,
      new Set([...(out.get(where) ?? []), ...splitList(typeof list === 'string' ? list : list.join(','))]),
    );
  }
  return out;
}

/** Parses the lines of SHOW GRANTS. Roles and PROXY are ignored. */
export function parseGrants(lines: readonly string[]): Privileges {
  const out = new Map<string, ReadonlySet<string>>();
  for (const line of lines) {
    const match =
      /^GRANT (.+?) ON ((?:PROCEDURE |FUNCTION )?(?:`(?:[^`]|``)*`|\*)\.(?:`(?:[^`]|``)*`|\*)) TO (.*)$/.exec(line);
    if (match === null) continue;
    const [, list = '', target = '', rest = ''] = match;
    const where = normalTarget(target) ?? target;
    const found = splitList(list).filter((one) => one !== 'USAGE');
    if (/WITH .*GRANT OPTION/.test(rest)) found.push('GRANT OPTION');
    const all = [...(out.get(where) ?? []), ...found];
    if (all.length > 0) out.set(where, new Set(all));
  }
  return out;
}

export type Difference = Readonly<{ grant: Privileges; revoke: Privileges }>;

/** The privileges to grant and revoke. `append` revokes nothing. `subtract` revokes only the named ones. */
export function difference(have: Privileges, want: Privileges, how: 'exact' | 'append' | 'subtract'): Difference {
  const grant = new Map<string, ReadonlySet<string>>();
  const revoke = new Map<string, ReadonlySet<string>>();
  const put = (map: Map<string, ReadonlySet<string>>, where: string, list: readonly string[]): void => {
    if (list.length > 0) map.set(where, new Set(list));
  };
  for (const where of new Set([...have.keys(), ...want.keys()])) {
    const has = have.get(where) ?? new Set();
    const wants = new Set([...(want.get(where) ?? [])].filter((one) => one !== 'USAGE'));
    if (how === 'subtract') {
      put(
        revoke,
        where,
        [...wants].filter((one) => has.has(one)),
      );
      continue;
    }
    const everything = isAll(has);
    put(
      grant,
      where,
      [...wants].filter(
        (one) => !has.has(one) && !(one === 'ALL PRIVILEGES' ? everything : everything && one !== 'GRANT OPTION'),
      ),
    );
    if (how === 'append') continue;
    const keepsAll = wants.has('ALL PRIVILEGES');
    const extra = [...has].filter((one) => !wants.has(one) && !(keepsAll && one !== 'GRANT OPTION'));
    put(revoke, where, extra);
    // ALL was revoked, so what remains has to be granted by name
    if (extra.includes('ALL PRIVILEGES')) put(grant, where, [...wants]);
  }
  return { grant, revoke };
}

/** The privileges after these grants and revocations. */
export function applied(have: Privileges, { grant, revoke }: Difference): Privileges {
  const out = new Map<string, ReadonlySet<string>>();
  for (const where of new Set([...have.keys(), ...grant.keys()])) {
    const left = [...(have.get(where) ?? [])].filter((one) => revoke.get(where)?.has(one) !== true);
    const all = [...left, ...(grant.get(where) ?? [])];
    if (all.length > 0) out.set(where, new Set(all));
  }
  return out;
}

export function grantStatements({ grant, revoke }: Difference, account: string): readonly string[] {
  const out: string[] = [];
  for (const [where, list] of revoke) {
    // ALL PRIVILEGES and GRANT OPTION cannot be combined in one REVOKE
    const groups = list.has('ALL PRIVILEGES')
      ? [['ALL PRIVILEGES'], [...list].filter((one) => one !== 'ALL PRIVILEGES')]
      : [[...list]];
    for (const group of groups)
      if (group.length > 0) out.push(`REVOKE ${group.join(', ')} ON ${targetSql(where)} FROM ${account}`);
  }
  for (const [where, list] of grant) {
    const privileges = [...list].filter((one) => one !== 'GRANT OPTION');
    const option = list.has('GRANT OPTION') ? ' WITH GRANT OPTION' : '';
    out.push(
      `GRANT ${privileges.length === 0 ? 'USAGE' : privileges.join(', ')} ON ${targetSql(where)} TO ${account}${option}`,
    );
  }
  return out;
}

export function describePrivileges(privileges: Privileges): string {
  return [...privileges]
    .map(([where, list]) => `${where}: ${[...list].sort().join(', ')}\n`)
    .sort()
    .join('');
}

function isAll(has: ReadonlySet<string>): boolean {
  return has.has('ALL PRIVILEGES') || STATIC.every((one) => has.has(one));
}

/** Commas inside parentheses separate columns: SELECT (a, b). */
function splitList(list: string): string[] {
  return list
    .split(/,(?![^(]*\))/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((one) => {
      const [, name = one, cols] = /^([^(]+?)\s*(?:\((.*)\))?$/.exec(one) ?? [];
      const upper = name.toUpperCase().replace(/\s+/g, ' ');
      const base = SAME[upper] ?? upper;
      if (cols === undefined) return base;
      const names = cols
        .split(',')
        .map((c) => c.trim().replaceAll('`', ''))
        .sort();
      return `${base} (${names.map(identifier).join(', ')})`;
    });
}

/** db.table without quotes. undefined: it is no such name. */
function normalTarget(target: string): string | undefined {
  const match = /^(?:(PROCEDURE|FUNCTION)\s+)?(`(?:[^`]|``)*`|[^.`]+)\.(`(?:[^`]|``)*`|[^.`]+)$/i.exec(target.trim());
  if (match === null) return undefined;
  const [, kind, database = '', table = ''] = match;
  const bare = (name: string): string => (name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name);
  return `${kind === undefined ? '' : `${kind.toUpperCase()} `}${bare(database)}.${bare(table)}`;
}

function targetSql(where: string): string {
  const [, kind = '', rest = where] = /^(PROCEDURE |FUNCTION )?(.*)$/.exec(where) ?? [];
  const at = rest.indexOf('.');
  const part = (name: string): string => (name === '*' ? '*' : identifier(name));
  return `${kind}${part(rest.slice(0, at))}.${part(rest.slice(at + 1))}`;
}
