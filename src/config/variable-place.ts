import type { Pos } from '../core/diagnostic.ts';
import type { Inventory, InventoryHost } from '../core/playbook.ts';
import type { Files } from './files.ts';
import { entry, type MapNode, type Node, placeOf } from './source.ts';

/**
 * Where an inventory sets a variable of a host, or a value inside of it. The position of the host if the variable is set
 * nowhere, or in a source that has no positions, such as a script.
 */
export function placeOfVariable(
  host: InventoryHost,
  name: string,
  path: readonly (string | number)[],
  { files, inventory }: Readonly<{ files: Files; inventory: Inventory }>,
): Pos {
  const layer = host.layers.findLast(({ vars }) => Object.hasOwn(vars, name));
  if (layer === undefined) return host.at;
  const [, kind, owner] = /^(group|host) (\S+) in /.exec(layer.from) ?? [];
  const maps =
    kind === undefined
      ? mapIn(layer.from, files)
      : inventory.given.flatMap((source) => mapIn(source, files).flatMap((map) => mapsOf(map, kind, owner ?? '')));
  const found = maps.findLast((map) => entry(map, name) !== undefined);
  return found === undefined ? host.at : placeOf(found, [name, ...path]);
}

function mapIn(file: string, files: Files): readonly MapNode[] {
  if (!/\.(ya?ml|json)$/.test(file) || !files.isFile(file)) return [];
  const node = files.yaml(file);
  return node?.kind === 'map' ? [node] : [];
}

/** All maps of variables of the group or host in an inventory's YAML. */
function mapsOf(node: Node, kind: string, owner: string): readonly MapNode[] {
  if (node.kind !== 'map') return [];
  return node.entries.flatMap(({ key, value }): readonly MapNode[] => {
    if (value.kind !== 'map') return [];
    const own = kind === 'group' && key === owner ? entry(value, 'vars')?.value : undefined;
    const hosts = entry(value, 'hosts')?.value;
    const host = kind === 'host' && hosts?.kind === 'map' ? entry(hosts, owner)?.value : undefined;
    const children = entry(value, 'children')?.value;
    const below = children === undefined ? [] : mapsOf(children, kind, owner);
    return [own, host].flatMap((map) => (map?.kind === 'map' ? [map] : [])).concat(below);
  });
}
