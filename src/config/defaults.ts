import { tell } from '../core/errors/index.ts';
import { isAnsibleModule } from '../core/language/ansible-modules.ts';
import { isDict, type Raw, type RawVars } from '../core/value.ts';
import { moduleName } from './arguments.ts';
import { ownModule } from './own-modules.ts';
import { type Reading, wrongValue } from './reading.ts';
import { entry, type MapNode } from './source.ts';

/** Names of modules by the groups of `module_defaults`. Groups of other modules have no effect, as in Ansible. */
const GROUPS: Readonly<Record<string, RegExp>> = {
  'group/docker': /^docker_/,
  'group/community.docker.docker': /^docker_/,
  'group/k8s': /^k8s/,
  'group/kubernetes.core.k8s': /^k8s/,
};

/** The arguments that `module_defaults` sets for a module. Those of inner blocks override those of outer ones. */
export function defaultsFor(module: string, all: readonly Raw[]): RawVars {
  return Object.assign(
    {},
    ...all.flatMap((defaults) => {
      if (!isDict(defaults)) return [];
      const groups = Object.entries(defaults).filter(([name]) => GROUPS[name]?.test(module));
      const own = Object.entries(defaults).filter(([name]) => moduleName(name) === module);
      return [...groups, ...own].map(([, args]) => args);
    }),
  );
}

/** Reports what `module_defaults` may not hold. */
export function checkDefaults(node: MapNode, reading: Reading): void {
  const found = entry(node, 'module_defaults')?.value;
  if (found === undefined) return;
  const expected = 'MODULE: {ARGUMENT: VALUE}';
  if (found.kind !== 'map') return wrongValue(node, 'module_defaults', 'a map of modules', reading, expected);
  for (const { key, keyAt, value } of found.entries) {
    const isOwn = ownModule(key, reading) !== undefined;
    const isBuiltIn = reading.ports.modules.has(moduleName(key)) || isAnsibleModule(key);
    const isKnown = key.startsWith('group/') || isOwn || isBuiltIn;
    if (!isKnown) {
      const known = reading.ports.modules.keys();
      reading.problems.push(tell('E_UNKNOWN_MODULE', { name: key, known }, keyAt));
    } else if (value.kind !== 'map') wrongValue(found, key, 'a map of arguments', reading, 'ARGUMENT: VALUE');
  }
}
