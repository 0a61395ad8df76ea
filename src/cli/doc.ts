import { checks } from '../checks/index.ts';
import { checkDoc, moduleDoc, stepDoc, variableDoc } from '../core/doc.ts';
import { failure } from '../core/errors/index.ts';
import type { Module } from '../core/module.ts';
import { steps } from '../drills/index.ts';
import { ways } from '../hardware/boot/ways/index.ts';
import { consoles } from '../hardware/console/drivers/index.ts';
import { drivers } from '../hardware/power/index.ts';
import { modules } from '../modules/index.ts';
import { table } from '../report/summary.ts';
import { streams } from './output.ts';

type Page = Readonly<{ kind: string; name: string; summary: string; text: string }>;

/**
 * Prints the pages of what has this name, or one line for each page. A name may stand for a module and for a check, such
 * as `command`.
 */
export function docs(name: string | undefined): number {
  const pages = allPages();
  if (name === undefined) {
    for (const kind of new Set(pages.map((p) => p.kind))) {
      const rows = pages.filter((p) => p.kind === kind).map((p) => [p.name, p.summary]);
      streams.out(`${kind}s\n\n${table(rows)}\n\n`);
    }
    return 0;
  }
  const wanted = name.replace(/^.*\./, '');
  const found = pages.filter((p) => p.name === wanted);
  if (found.length === 0) throw failure('E_UNKNOWN_PAGE', { name, known: pages.map((p) => p.name) });
  streams.out(found.map(({ kind, text }) => (found.length > 1 ? `# ${kind}\n\n${text}` : text)).join('\n'));
  return 0;
}

export function pageNames(): readonly string[] {
  return allPages().map((page) => page.name);
}

function allPages(): readonly Page[] {
  const moduleOf = ([name, module]: [string, Module]): Page => ({
    kind: 'module',
    name,
    summary: name === module.name ? module.summary : `as ${module.name}`,
    text: moduleDoc(module),
  });
  return [
    ...Object.entries(modules).map(moduleOf),
    ...[...checks.values()].map((c) => ({ kind: 'check', ...c, text: checkDoc(c) })),
    ...[...steps.values()].map((s) => ({ kind: 'step of a drill', ...s, text: stepDoc(s) })),
    ...Object.values(drivers).map((d) => ({ kind: 'power driver', ...d, text: variableDoc(d, 'power', 'driver') })),
    ...Object.values(consoles).map((d) => ({
      kind: 'console driver',
      ...d,
      text: variableDoc(d, 'console', 'driver'),
    })),
    ...Object.values(ways).map((w) => ({ kind: 'boot way', ...w, text: variableDoc(w, 'boot', 'way') })),
  ];
}
