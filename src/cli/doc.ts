import { moduleDoc } from '../core/doc.ts';
import { failure } from '../core/errors/index.ts';
import { modules } from '../modules/index.ts';
import { table } from '../report/summary.ts';
import { streams } from './output.ts';

/** Prints a module's page, or one line for each module. */
export function moduleDocs(name: string | undefined): number {
  if (name === undefined) {
    streams.out(
      `${table(Object.entries(modules).map(([key, module]) => [key, key === module.name ? module.summary : `as ${module.name}`]))}\n`,
    );
    return 0;
  }
  const module = Object.entries(modules).find(([key]) => key === name.split('.').at(-1))?.[1];
  if (module === undefined) throw failure('E_UNKNOWN_MODULE', { name, known: Object.keys(modules) });
  streams.out(moduleDoc(module));
  return 0;
}
