// What the catalog of PostgreSQL says about privileges on objects of each type.
import type { Vars } from '../../core/value.ts';
import { identifier, literal } from './postgresql.ts';

/** `catalog`: the query of the objects, as columns name, acl and owner. `letter`: the object's type for acldefault. */
type Kind = Readonly<{ sql: string; letter: string; catalog: string; inSchema?: true }>;

const RELATION = (kinds: string): string =>
  `SELECT c.relname::text AS name, c.relacl AS acl, c.relowner AS owner, n.nspname::text AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN (${kinds})`;
const ROUTINE = (kind: string): string =>
  `SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, p.proacl AS acl, p.proowner AS owner, n.nspname::text AS schema, p.oid AS oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind ${kind}`;

export const KINDS = {
  table: { sql: 'TABLE', letter: 'r', inSchema: true, catalog: RELATION("'r', 'v', 'm', 'f', 'p'") },
  sequence: { sql: 'SEQUENCE', letter: 's', inSchema: true, catalog: RELATION("'S'") },
  function: { sql: 'FUNCTION', letter: 'f', inSchema: true, catalog: ROUTINE("<> 'p'") },
  procedure: { sql: 'PROCEDURE', letter: 'f', inSchema: true, catalog: ROUTINE("= 'p'") },
  type: {
    sql: 'TYPE',
    letter: 'T',
    inSchema: true,
    catalog:
      'SELECT t.typname::text AS name, t.typacl AS acl, t.typowner AS owner, n.nspname::text AS schema FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace',
  },
  database: { sql: 'DATABASE', letter: 'd', catalog: catalogOf('pg_database', 'dat', 'datdba') },
  schema: { sql: 'SCHEMA', letter: 'n', catalog: catalogOf('pg_namespace', 'nsp') },
  language: { sql: 'LANGUAGE', letter: 'l', catalog: catalogOf('pg_language', 'lan') },
  tablespace: { sql: 'TABLESPACE', letter: 't', catalog: catalogOf('pg_tablespace', 'spc') },
  foreign_data_wrapper: {
    sql: 'FOREIGN DATA WRAPPER',
    letter: 'F',
    catalog: catalogOf('pg_foreign_data_wrapper', 'fdw'),
  },
  foreign_server: { sql: 'FOREIGN SERVER', letter: 'S', catalog: catalogOf('pg_foreign_server', 'srv') },
} satisfies Readonly<Record<string, Kind>>;
export type KindName = keyof typeof KINDS;

function catalogOf(table: string, prefix: string, owner = `${prefix}owner`): string {
  return `SELECT ${prefix}name::text AS name, ${prefix}acl AS acl, ${owner} AS owner, NULL::text AS schema FROM ${table} WHERE true`;
}

const GRANTS = `coalesce((SELECT json_agg(json_build_array(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END, a.privilege_type, a.is_grantable)) FROM aclexplode(ACL) a), '[]')`;

/** The query of the objects with what is granted on each, and of all privileges that such an object can have. */
export function objectsQuery(kind: Kind, objects: readonly string[] | 'all', schema: string): string {
  const { letter, catalog, inSchema } = kind;
  const within = inSchema === true ? ` AND n.nspname = ${literal(schema)}` : '';
  const some =
    objects === 'all'
      ? ''
      : letter === 'f'
        ? ` AND p.oid IN (${objects.map((one) => `to_regprocedure(${literal(routine(one, schema))})`).join(', ')})`
        : ` AND name IN (${objects.map(literal).join(', ')})`;
  const source =
    letter === 'f' ? `${catalog}${within}${some}` : `SELECT * FROM (${catalog}${within}) listed WHERE true${some}`;
  const asked = letter === 'f' && objects !== 'all' ? ASKED(objects, schema) : 'o.name';
  return `SELECT ${asked} AS name, ${GRANTS.replace('ACL', `coalesce(o.acl, acldefault('${letter}', o.owner))`)} AS grants, (SELECT json_agg(privilege_type) FROM aclexplode(acldefault('${letter}', o.owner)) WHERE grantee = o.owner) AS all_privileges FROM (${source}) o`;
}

/** A function is found by its signature, and known by the words of the task. */
const ASKED = (objects: readonly string[], schema: string): string =>
  `CASE o.oid ${objects.map((one) => `WHEN to_regprocedure(${literal(routine(one, schema))}) THEN ${literal(one)}`).join(' ')} END`;

/** The object as GRANT names it. */
export function objectSql(kind: Kind, name: string, schema: string): string {
  if (kind.letter === 'f') return routine(name, schema);
  return kind.inSchema === true ? `${identifier(schema)}.${identifier(name)}` : identifier(name);
}

/** `add(int:int)`, as a playbook writes a signature, becomes `"schema"."add"(int,int)`. */
function routine(name: string, schema: string): string {
  const [, bare = name, signature = '()'] = /^([^(]*)(\(.*\))$/s.exec(name) ?? [];
  return `${identifier(schema)}.${identifier(bare.trim())}${signature.replaceAll(':', ',')}`;
}

export type Grant = Readonly<{ to: string; privilege: string; isGrantable: boolean }>;

export function grantsOf(row: Vars): readonly Grant[] {
  const list = row['grants'];
  return (Array.isArray(list) ? list : []).map((one: unknown) => {
    const [to, privilege, grantable] = Array.isArray(one) ? (one as readonly unknown[]) : [];
    return { to: String(to), privilege: String(privilege), isGrantable: grantable === true };
  });
}

/** Objects of default privileges: the letter in pg_default_acl, and the one for acldefault. */
export const DEFAULTS: Readonly<Record<string, string>> = {
  TABLES: 'r',
  SEQUENCES: 'S',
  FUNCTIONS: 'f',
  TYPES: 'T',
  SCHEMAS: 'n',
};

/** The query of default privileges of what these roles create. `name` is ROLE/OBJECTS. */
export function defaultsQuery(
  objects: readonly string[],
  creators: readonly string[] | undefined,
  schema: string | undefined,
): string {
  const who = creators === undefined ? 'current_user' : 'creator';
  const list = (creators ?? ['']).flatMap((one) =>
    objects.map((kind) => `(${literal(one)}, ${literal(kind)}, ${literal(DEFAULTS[kind] ?? '')})`),
  );
  const space =
    schema === undefined ? '0' : `coalesce((SELECT oid FROM pg_namespace WHERE nspname = ${literal(schema)}), 1)`;
  // Outside of a schema, a missing entry means the built-in privileges. In a schema, entries only add to them.
  const builtIn = `acldefault(CASE w.letter WHEN 'S' THEN 's' ELSE w.letter END::"char", r.oid)`;
  const missing = schema === undefined ? builtIn : `CASE w.letter WHEN 'n' THEN ${builtIn} ELSE NULL::aclitem[] END`;
  return `SELECT w.creator || '/' || w.kind AS name, ${GRANTS.replace('ACL', `coalesce(d.defaclacl, ${missing})`)} AS grants, (SELECT json_agg(privilege_type) FROM aclexplode(${builtIn}) WHERE grantee = r.oid) AS all_privileges FROM (VALUES ${list.join(', ')}) w(creator, kind, letter) JOIN pg_roles r ON r.rolname = ${who} LEFT JOIN pg_default_acl d ON d.defaclrole = r.oid AND d.defaclobjtype = w.letter::"char" AND d.defaclnamespace = CASE w.letter WHEN 'n' THEN 0 ELSE ${space} END`;
}
