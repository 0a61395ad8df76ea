import type { Value, Vars } from '../../core/value.ts';
import { decodeText } from './bytes.ts';
import type { Sections } from './facts-sections.ts';

/** .fact files: JSON, or INI as { section: { key: text } }. */
export function localFacts(s: Sections): Vars {
  const out: Record<string, Value> = {};
  for (const [name, content] of s) {
    if (name.startsWith('local ')) out[name.slice(6)] = jsonOrIni(decodeText(content));
  }
  return out;
}

function jsonOrIni(text: string): Value {
  try {
    return JSON.parse(text) as Value;
  } catch {
    const out: Record<string, Record<string, string>> = {};
    let section: Record<string, string> = {};
    for (const line of text.split('\n')) {
      const [, name] = /^\s*\[(.+)\]\s*$/.exec(line) ?? [];
      const [, key, value] = /^\s*([^=:#;[]+?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
      if (name !== undefined) {
        section = {};
        out[name] = section;
      } else if (key !== undefined && value !== undefined) section[key.toLowerCase()] = value;
    }
    return out;
  }
}
