import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Raw, RawVars } from '../core/value.ts';
import { copyVars } from './source.ts';

/** The result of both the YAML and the INI reader: groups that are not linked yet. */
export type Draft = Readonly<{
  hosts: Map<string, { at: Pos; vars: Record<string, Raw> }>;
  groups: Map<string, { at: Pos; hosts: Set<string>; children: Map<string, Pos>; vars: Record<string, Raw> }>;
}>;

export function group(draft: Draft, name: string, at: Pos) {
  const found = draft.groups.get(name) ?? { at, hosts: new Set<string>(), children: new Map<string, Pos>(), vars: {} };
  draft.groups.set(name, found);
  return found;
}

export function addHost(draft: Draft, groupName: string, name: string, at: Pos, vars: RawVars): void {
  const host = draft.hosts.get(name) ?? { at, vars: {} };
  copyVars(host.vars, vars);
  draft.hosts.set(name, host);
  if (groupName !== 'all') group(draft, groupName, at).hosts.add(name);
}

/**
 * Expands web[1:3] to web1, web2, web3. [01:10] keeps leading zeros, [a:f] counts letters, [1:9:2] has a step. Both
 * ends are included.
 */
export function expandRange(pattern: string, at: Pos, problems: Diagnostic[]): readonly string[] {
  const found = /^(.*?)\[([^\]]*)\](.*)$/.exec(pattern);
  if (found === null) return [pattern];
  const [, before = '', range = '', after = ''] = found;
  const [from = '', to = '', step = '1'] = range.split(':');
  const digits = /^\d+$/.test(from) && /^\d+$/.test(to);
  const letters = /^[a-zA-Z]$/.test(from) && /^[a-zA-Z]$/.test(to);
  const [low, high] = digits ? [Number(from), Number(to)] : [from.charCodeAt(0), to.charCodeAt(0)];
  if (!(digits || letters) || !/^[1-9]\d*$/.test(step) || high < low || high - low > 100_000) {
    problems.push(tell('E_HOST_RANGE', { range }, at));
    return [];
  }
  const names: string[] = [];
  for (let i = low; i <= high; i += Number(step)) {
    names.push(digits ? String(i).padStart(from.startsWith('0') ? from.length : 0, '0') : String.fromCharCode(i));
  }
  return expandRange(after, at, problems)
    .flatMap((rest) => names.map((n) => `${before}${n}${rest}`))
    .sort(
      (a, b) => names.findIndex((n) => a.startsWith(before + n)) - names.findIndex((n) => b.startsWith(before + n)),
    );
}
