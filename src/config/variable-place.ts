import type { Pos } from '../core/diagnostic.ts';
import type { InventoryHost } from '../core/playbook.ts';
import { TemplateText } from '../core/value.ts';
import { placeIn } from './source.ts';

/**
 * Where an inventory sets a variable of a host, or a value (with `mark` its key) inside of it. The position of the host if
 * the variable is set nowhere, or in a source that has no positions, such as a script.
 */
export function placeOfVariable(
  host: InventoryHost,
  name: string,
  path: readonly (string | number)[] = [],
  mark: 'key' | 'value' = 'value',
): Pos {
  const layer = host.layers.findLast(({ vars }) => Object.hasOwn(vars, name));
  const raw = layer?.vars[name];
  const own = raw instanceof TemplateText ? raw.at : undefined;
  return own ?? (layer && placeIn(layer.vars, [name, ...path], mark)) ?? host.at;
}
