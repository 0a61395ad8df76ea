// How a task reaches its host: keywords of the playbook that variables of the inventory override.

import { failure } from '../../core/errors/index.ts';
import type { Common, Item } from '../../core/playbook.ts';
import { type RawVars, Unknown, type Value } from '../../core/value.ts';
import type { Run, Scope } from './ports.ts';
import type { Session } from './session.ts';
import { type HostState, NotKnown, type Where } from './state.ts';
import { scopeFor, type World } from './variables.ts';

/** The variable that overrides each keyword. */
const VARIABLES = {
  connection: 'ansible_connection',
  remoteUser: 'ansible_user',
  port: 'ansible_port',
  becomeMethod: 'ansible_become_method',
  becomeExe: 'ansible_become_exe',
  becomeFlags: 'ansible_become_flags',
} as const;
type Keyword = keyof typeof VARIABLES;
const KEYWORDS = Object.keys(VARIABLES) as readonly Keyword[];

/** Values for variables that the inventory may leave open. */
export type Way = Readonly<Record<string, Value>>;

/** The way that keywords ask for. Empty: only the inventory's variables count. */
export function wayOf(run: Run, common: Pick<Common, Keyword | 'at'>, scope: Scope): Way {
  const asked = KEYWORDS.flatMap((keyword): readonly (readonly [string, Value])[] => {
    const raw = common[keyword];
    if (raw === undefined || raw === null) return [];
    const value = run.templates.resolve(raw, scope);
    if (value instanceof Unknown) throw new NotKnown(value.because);
    if (keyword === 'becomeMethod' && !METHODS.includes(shortName(value))) throw wrongMethod(run, value, common);
    return [[VARIABLES[keyword], keyword === 'connection' ? shortName(value) : value]];
  });
  return Object.fromEntries(asked);
}

const METHODS: readonly Value[] = ['sudo', 'doas', 'su'];
const shortName = (value: Value): Value =>
  typeof value === 'string' ? value.replace(/^(ansible\.builtin|community\.general)\./, '') : value;

function wrongMethod(run: Run, value: Value, { at }: Pick<Common, 'at'>) {
  const hint = 'set ansible_become_method in the inventory';
  const given = { keyword: 'become_method', value: run.templates.print(value), expected: METHODS.join(', '), hint };
  return failure('E_UNSUPPORTED_VALUE', given, at);
}

/** The variables of a task, a block or an include on a host. */
export function scopeOfItem(world: World, host: HostState, item: Item, where: Where): Scope {
  const vars = [...where.vars, ...item.vars];
  return scopeFor(world, host, { ...where, role: item.role, vars, way: seenWay(world.run, item) });
}

/**
 * The variables by which a task sees how it reaches its host, unless the inventory sets them. As in Ansible, all tasks
 * have ansible_connection, and ansible_user if a keyword, an option or a setting gives it.
 */
function seenWay(run: Run, { connection, remoteUser }: Pick<Common, 'connection' | 'remoteUser'>): RawVars {
  const settings = settingsSeen.get(run) ?? seenSettings(run);
  settingsSeen.set(run, settings);
  if (connection === undefined && remoteUser === undefined) return settings;
  return {
    ...settings,
    ...(connection !== undefined && { ansible_connection: connection === 'smart' ? 'ssh' : connection }),
    ...(remoteUser !== undefined && { ansible_user: remoteUser }),
  };
}

function seenSettings({ connection }: Run): RawVars {
  const { ansible_connection: via = 'ssh', ansible_user: user } = connection;
  return { ansible_connection: via === 'smart' ? 'ssh' : via, ...(user !== undefined && { ansible_user: user }) };
}
const settingsSeen = new WeakMap<Run, RawVars>();

/** Whether an item asks for another way than the play around it. */
export function isOtherWay(item: Common, play: Common): boolean {
  return KEYWORDS.some((keyword) => item[keyword] !== play[keyword]);
}

/** The scope of a connection: what the inventory says, and what keywords say where it says nothing. */
export function scopeOnWay(scope: Scope, way: Way): Scope {
  return { ...scope, get: (name) => scope.get(name) ?? way[name] };
}

/** The sessions of one host, one for each way. */
export function newSessions(open: (way: Way) => Session): HostState['sessions'] {
  const all = new Map<string, Session>();
  return {
    on(way) {
      const key = JSON.stringify(Object.entries(way).sort());
      const session = all.get(key) ?? open(way);
      all.set(key, session);
      return session;
    },
    all: () => [...all.values()],
  };
}
