import { Type } from 'typebox';
import { blocked, defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { args, flag, text } from './shared/args.ts';
import { fields } from './shared/fields.ts';

const Args = args({
  database: Type.String({ pattern: '^[a-z]+$', description: 'The database: passwd, group, hosts, services …' }),
  key: Type.Optional(
    Type.String({ pattern: '^[^-]', expected: 'a key without a leading dash', description: 'Return only this entry.' }),
  ),
  service: Type.Optional(
    Type.String({
      pattern: '^[a-z_]+$',
      expected: 'a service of nsswitch.conf, as files',
      description: 'Ask only this service of nsswitch.conf: files, dns …',
    }),
  ),
  split: text('The field separator. Default: a colon in passwd, group, shadow and gshadow, else blanks.'),
  fail_key: flag('Fail if the entry does not exist.', true),
});

type Current = Readonly<{ code: number; rows: readonly string[] }>;

export const getent = defineModule<typeof Args, Current>({
  name: 'getent',
  summary: 'Reads entries of a database of the host: users, groups, hosts.',
  args: Args,
  facts: ({ database }) => [`getent_${String(database)}`],
  examples: [
    { title: 'Read a user', args: { database: 'passwd', key: 'www-data' } },
    { title: 'Read all groups', args: { database: 'group' } },
  ],
  needs: ({ database }) => [
    database === 'group' ? 'group:*' : database === 'passwd' || database === 'shadow' ? 'user:*' : 'path:/etc',
  ],
  probe({ database, key, service }) {
    const words = [...(service === undefined ? [] : ['-s', service]), database, ...(key === undefined ? [] : [key])];
    return sh`getent ${words} | sed 's/^/row /'
getent ${words} >/dev/null; printf 'code %s\n' "$?"`;
  },
  parse(stdout) {
    const f = fields(stdout);
    return { code: Number(f.get('code') ?? 1), rows: f.all('row') };
  },
  plan({ code }, { database, key, fail_key }) {
    if (code === 0 || (code === 2 && !fail_key)) return [];
    if (code === 1) return blocked('E_NOT_IN_DATABASE', { problem: `there is no database '${database}'` });
    if (code === 3)
      return blocked('E_NOT_IN_DATABASE', { problem: `'${database}' cannot be listed`, hint: 'name a `key`' });
    return blocked('E_NOT_IN_DATABASE', {
      problem: `'${key ?? ''}' is not in ${database}`,
      hint: 'create it in an earlier task, or set `fail_key: false`',
    });
  },
  data({ rows }, given) {
    const separator = given.split ?? (/^(passwd|group|shadow|gshadow)$/.test(given.database) ? ':' : undefined);
    const found: Record<string, Value> = given.key !== undefined && rows.length === 0 ? { [given.key]: null } : {};
    for (const row of rows) {
      const [name = '', ...rest] = separator === undefined ? row.split(/\s+/) : row.split(separator);
      found[name] = rest;
    }
    return { ansible_facts: { [`getent_${given.database}`]: found } };
  },
});
