import { failure } from '../core/errors/index.ts';
import { globMatches } from '../core/glob.ts';
import type { Block, Item, Play, Playbook } from '../core/playbook.ts';
import { type Raw, TemplateText } from '../core/value.ts';

/**
 * The playbook from the first task on whose name matches: equal, with its role (`web : Install`), or by `*` and `?`. As
 * in Ansible, tasks of files that are included during the run are not searched, and facts are gathered as usual.
 * Throws Failure if no task matches.
 */
export function startAt(playbook: Playbook, name: string): Playbook {
  const names: string[] = [];
  const isIt = (item: Item): boolean => {
    const own = nameOf(item.name);
    if (own === '') return false;
    names.push(own);
    return [own, ...(item.role === undefined ? [] : [`${item.role.name} : ${own}`])].some(
      (one) => one === name || globMatches(name, one),
    );
  };
  const from = (items: readonly Item[]): readonly Item[] | undefined => {
    for (const [i, item] of items.entries()) {
      if (item.kind !== 'block') {
        if (isIt(item)) return items.slice(i);
        continue;
      }
      const body = from(item.body);
      if (body !== undefined) return [{ ...item, body } satisfies Block, ...items.slice(i + 1)];
    }
    return undefined;
  };
  for (const [i, play] of playbook.plays.entries()) {
    for (const [n, section] of play.sections.entries()) {
      const body = from(section.body);
      if (body === undefined) continue;
      const rest: Play = { ...play, sections: [{ ...section, body }, ...play.sections.slice(n + 1)] };
      return { ...playbook, plays: [rest, ...playbook.plays.slice(i + 1)] };
    }
  }
  throw failure('E_NO_SUCH_TASK', { name, known: names });
}

function nameOf(name: Raw | undefined): string {
  return name instanceof TemplateText ? name.text : typeof name === 'string' ? name : '';
}
