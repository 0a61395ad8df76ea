import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { type Raw, type RawVars, TemplateText, type Value } from '../core/value.ts';
import type { Env, TemplatePorts } from './env.ts';
import { compileText, isPlain, resolve, templatesIn } from './template.ts';

/** Variables in layers. Each is evaluated once, at its first use. */
export type Scope = Env &
  Readonly<{
    has: (name: string) => boolean;
    names: () => readonly string[];
    /** Adds one layer on top. Resolved values that do not depend on the layer's names are kept. */
    with: (layer: RawVars) => Scope;
    /** The value of a variable before its templates are resolved. */
    raw: (name: string) => Raw | undefined;
    /**
     * The same scope, which reports the names that are read through it and the names that those are built from. It
     * reports EFFECT for anything that is not a variable.
     */
    watched: (onRead: (name: string) => void) => Scope;
  }>;

/** Stands for a file, the clock or the environment that a variable's value depends on. */
const EFFECT = '\0';

/**
 * Layers are ordered from the lowest precedence to the highest. A variable that depends on itself throws Failure.
 */
export function makeScope(layers: readonly RawVars[], ports: TemplatePorts): Scope {
  return scopeOf(layers, ports, undefined);
}

type Resolved = Readonly<{ value: Value; uses: ReadonlySet<string> }>;
type Inner = Scope &
  Readonly<{
    /** A variable's value, and the names that it was built from. */
    resolved: (name: string) => Resolved | undefined;
  }>;

function scopeOf(layers: readonly RawVars[], ports: TemplatePorts, below: Inner | undefined): Inner {
  const done = new Map<string, Resolved>();
  const busy: string[] = [];
  const using: Set<string>[] = [];
  // The layers are searched, not merged: a scope is created for every task and host, and most scopes read a few of
  // hundreds of names.
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
    if (found === undefined) return name === 'vars' ? { value: allOf(scope), uses: new Set([EFFECT]) } : undefined;
    const resolution = shared(name) ?? fresh(name, found);
    done.set(name, resolution);
    return resolution;
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
  /** The value from the layer below, if this layer has none of the names that it was built from. */
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

/** The variable `vars`: all variables by name, each evaluated when it is read. */
function allOf(scope: Inner): Value {
  const all: Record<string, Value> = {};
  for (const name of scope.names()) {
    if (name === 'hostvars') continue; // it leads back to all variables of all hosts
    Object.defineProperty(all, name, { enumerable: true, get: () => scope.get(name) });
  }
  return all;
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
    // Names of the new layer are not reported, because the caller knows them.
    with: (layer) => watch(scopeOf([layer], scope.ports, scope), (name) => Object.hasOwn(layer, name) || onRead(name)),
  };
}

/**
 * Whether the variable can be evaluated in the layer below. It must not fail there because a name exists only in this
 * layer. The names that templates read are known in advance, so they are followed.
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

/**
 * A failure below need not be one here: a variable that is looked up by a computed name may exist only in this layer.
 */
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
