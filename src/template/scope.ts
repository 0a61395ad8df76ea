import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { type Raw, type RawVars, TemplateText, type Value } from '../core/value.ts';
import type { Env, Ports } from './env.ts';
import { compileText, isPlain, resolve, templatesIn } from './template.ts';

/** Variables in layers, each evaluated at its first use, once. */
export type Scope = Env &
  Readonly<{
    has: (name: string) => boolean;
    names: () => readonly string[];
    /** One more layer on top. What does not depend on its names keeps what is already resolved. */
    with: (layer: RawVars) => Scope;
    /** What a name stands for before it is resolved. */
    raw: (name: string) => Raw | undefined;
    /** The same scope. Tells the names that are read through it, and those that these are made of: EFFECT for what is no variable. */
    watched: (onRead: (name: string) => void) => Scope;
  }>;

/** Stands for a file, the clock or the environment that a variable was made of. */
const EFFECT = '\0';

/** Layers go from the lowest precedence to the highest. A variable that needs itself is a Failure (E_VARS). */
export function makeScope(layers: readonly RawVars[], ports: Ports): Scope {
  return scopeOf(layers, ports, undefined);
}

type Resolved = Readonly<{ value: Value; uses: ReadonlySet<string> }>;
type Inner = Scope &
  Readonly<{
    /** A variable's value, and the names it was made of. */
    resolved: (name: string) => Resolved | undefined;
  }>;

function scopeOf(layers: readonly RawVars[], ports: Ports, below: Inner | undefined): Inner {
  const done = new Map<string, Resolved>();
  const busy: string[] = [];
  const using: Set<string>[] = [];
  // The layers are searched, not merged: a scope is made for every task and host, and most read a few names of hundreds.
  const layerOf = (name: string): RawVars | undefined => layers.findLast((layer) => Object.hasOwn(layer, name));
  const own = (name: string): boolean => layerOf(name) !== undefined;
  const raw = (name: string): Raw | undefined => {
    const layer = layerOf(name);
    return layer === undefined ? below?.raw(name) : layer[name];
  };
  const note = (uses: Iterable<string>): void => {
    for (const set of using) for (const name of uses) set.add(name);
  };
  const resolved = (name: string): Resolved | undefined => {
    const known = done.get(name);
    if (known !== undefined) return known;
    const found = raw(name);
    if (found === undefined) return undefined;
    const made = shared(name) ?? fresh(name, found);
    done.set(name, made);
    return made;
  };
  const fresh = (name: string, found: Raw): Resolved => {
    if (busy.includes(name)) throw circle([...busy.slice(busy.indexOf(name)), name], found);
    const uses = new Set<string>();
    const before = ports.effects?.();
    busy.push(name);
    using.push(uses);
    try {
      const value = resolve(found, scope);
      if (ports.effects?.() !== before) note([EFFECT]);
      return { value, uses };
    } finally {
      busy.pop();
      using.pop();
    }
  };
  /** The value below, where nothing that it was made of is named in this layer. */
  const shared = (name: string): Resolved | undefined => {
    if (below === undefined || own(name) || !settled(name, own, raw)) return undefined;
    const found = attempt(() => below.resolved(name));
    return found !== undefined && ![...found.uses].some(own) ? found : undefined;
  };

  const scope: Inner = {
    ports,
    raw,
    resolved,
    get: (name) => {
      note([name]);
      const found = resolved(name);
      if (found !== undefined) note(found.uses);
      return found?.value;
    },
    has: (name) => raw(name) !== undefined,
    names: () => [...new Set([...(below?.names() ?? []), ...layers.flatMap((layer) => Object.keys(layer))])],
    with: (more) => scopeOf([more], ports, scope),
    watched: (onRead) => watch(scope, onRead),
  };
  return scope;
}

function watch(scope: Inner, onRead: (name: string) => void): Scope {
  return {
    ...scope,
    get(name) {
      onRead(name);
      for (const used of scope.resolved(name)?.uses ?? []) onRead(used);
      return scope.get(name);
    },
    has(name) {
      onRead(name);
      return scope.has(name);
    },
    names() {
      onRead(EFFECT);
      return scope.names();
    },
    // What the layer brings is its maker's own.
    with: (layer) => watch(scopeOf([layer], scope.ports, scope), (name) => Object.hasOwn(layer, name) || onRead(name)),
  };
}

/**
 * Whether asking the layer below can do no harm: evaluated there, a variable must not fail for want of a name that only
 * this layer has. Names that templates read are known beforehand, so they are followed.
 */
function settled(
  name: string,
  changed: (name: string) => boolean,
  raw: (name: string) => Raw | undefined,
  seen = new Set<string>(),
): boolean {
  if (seen.has(name)) return true;
  seen.add(name);
  const found = raw(name);
  if (found === undefined || isPlain(found)) return true;
  for (const text of templatesIn(found)) {
    for (const used of compileText(text).names) {
      if (changed(used) || !settled(used, changed, raw, seen)) return false;
    }
  }
  return true;
}

/** What fails below may not fail here: a name that is looked up by a computed name may be in this layer. */
function attempt(make: () => Resolved | undefined): Resolved | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function circle(names: readonly string[], raw: Raw): Failure {
  const at: Pos | undefined = raw instanceof TemplateText ? raw.at : [...templatesIn(raw)][0]?.at;
  return failure('E_RECURSIVE_VARIABLE', { names }, at);
}
