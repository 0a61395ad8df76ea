import { Failure, type Pos } from '../core/diagnostic.ts';
import { type Raw, type RawVars, TemplateText, type Value } from '../core/value.ts';
import type { Env, Ports } from './env.ts';
import { compileText, resolve, templatesIn } from './template.ts';

/** Variables in layers, each evaluated at its first use, once. */
export type Scope = Env &
  Readonly<{
    has: (name: string) => boolean;
    names: () => readonly string[];
    /** One more layer on top. What does not depend on its names keeps what is already resolved. */
    with: (layer: RawVars) => Scope;
  }>;

/** Layers go from the lowest precedence to the highest. A variable that needs itself is a Failure (E_VARS). */
export function makeScope(layers: readonly RawVars[], ports: Ports): Scope {
  const merged = new Map<string, Raw>();
  for (const layer of layers) for (const name of Object.keys(layer)) merged.set(name, layer[name] ?? null);
  return scopeOf(merged, ports, undefined, new Set());
}

type Resolved = Readonly<{ value: Value; uses: ReadonlySet<string> }>;
type Inner = Scope & Readonly<{ resolved: (name: string) => Resolved | undefined }>;

function scopeOf(
  vars: ReadonlyMap<string, Raw>,
  ports: Ports,
  below: Inner | undefined,
  changed: ReadonlySet<string>,
): Inner {
  const done = new Map<string, Resolved>();
  const busy: string[] = [];
  const using: Set<string>[] = [];

  const note = (uses: Iterable<string>): void => {
    for (const set of using) for (const name of uses) set.add(name);
  };
  const resolved = (name: string): Resolved | undefined => {
    const known = done.get(name);
    if (known !== undefined) return known;
    const raw = vars.get(name);
    if (raw === undefined) return undefined;
    const shared = shareable(name);
    if (shared !== undefined) {
      done.set(name, shared);
      return shared;
    }
    if (busy.includes(name)) throw circle([...busy.slice(busy.indexOf(name)), name], raw);
    const uses = new Set<string>();
    busy.push(name);
    using.push(uses);
    try {
      const made = { value: resolve(raw, scope), uses };
      done.set(name, made);
      return made;
    } finally {
      busy.pop();
      using.pop();
    }
  };
  /** The value below, where nothing that it was made of is named in this layer. */
  const shareable = (name: string): Resolved | undefined => {
    if (below === undefined || changed.has(name) || !settled(name, vars, changed)) return undefined;
    const found = attempt(() => below.resolved(name));
    return found !== undefined && ![...found.uses].some((one) => changed.has(one)) ? found : undefined;
  };

  const scope: Inner = {
    ports,
    get: (name) => {
      note([name]);
      const found = resolved(name);
      if (found !== undefined) note(found.uses);
      return found?.value;
    },
    has: (name) => vars.has(name),
    names: () => [...vars.keys()],
    with: (layer) => {
      const names = Object.keys(layer);
      if (names.length === 0) return scope;
      const all = new Map(vars);
      for (const name of names) all.set(name, layer[name] ?? null);
      return scopeOf(all, ports, scope, new Set(names));
    },
    resolved,
  };
  return scope;
}

/**
 * Whether asking the layer below can do no harm: evaluated there, a variable must not fail for want of a name that only
 * this layer has. Names that templates read are known beforehand, so they are followed.
 */
function settled(
  name: string,
  vars: ReadonlyMap<string, Raw>,
  changed: ReadonlySet<string>,
  seen = new Set<string>(),
): boolean {
  if (seen.has(name)) return true;
  seen.add(name);
  const raw = vars.get(name);
  if (raw === undefined) return true;
  for (const text of templatesIn(raw)) {
    for (const used of compileText(text).names) {
      if (changed.has(used) || !settled(used, vars, changed, seen)) return false;
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
  return new Failure({
    code: 'E_VARS',
    message: `recursive: ${names.join(' -> ')}`,
    at,
    mend: 'give one of them a value of its own',
  });
}
