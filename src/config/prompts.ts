import type { Prompt } from '../core/playbook.ts';
import { isOn, isOption } from './common.ts';
import { isNull, type Reading, rawOf, textOf, variableName } from './reading.ts';
import { entry, type MapNode, wrongShape } from './source.ts';

const OPTIONS = ['name', 'prompt', 'private', 'default', 'confirm', 'encrypt', 'salt', 'salt_size', 'unsafe'];

/** The variables of `vars_prompt`. Those that -e gives are not asked for. */
export function readPrompts(node: MapNode, reading: Reading): readonly Prompt[] {
  const list = entry(node, 'vars_prompt')?.value;
  if (list === undefined || isNull(list)) return [];
  if (list.kind !== 'seq') {
    reading.problems.push(wrongShape(list, "'vars_prompt'", 'a list', '- name: VARIABLE'));
    return [];
  }
  return list.items.flatMap((item): readonly Prompt[] => {
    if (item.kind !== 'map') {
      reading.problems.push(wrongShape(item, 'an item of vars_prompt', 'a map', '- name: VARIABLE'));
      return [];
    }
    for (const e of item.entries) isOption(e, OPTIONS, 'vars_prompt', reading.problems);
    const name = variableName(item, 'name', reading);
    if (name === undefined) {
      reading.problems.push(wrongShape(item, 'an item of vars_prompt', 'a map with name:', '- name: VARIABLE'));
      return [];
    }
    reading.defined.add(name);
    if (Object.hasOwn(reading.extraVars, name)) return [];
    const salt = textOf(item, 'salt', reading);
    return [
      {
        name,
        at: item.at,
        prompt: textOf(item, 'prompt', reading) ?? name,
        isPrivate: entry(item, 'private') === undefined || isOn(rawOf(item, 'private', reading)),
        isConfirmed: isOn(rawOf(item, 'confirm', reading)),
        default: rawOf(item, 'default', reading),
        encrypt: textOf(item, 'encrypt', reading),
        ...(salt !== undefined && { salt }),
        saltSize: Number(textOf(item, 'salt_size', reading) ?? 8),
      },
    ];
  });
}
