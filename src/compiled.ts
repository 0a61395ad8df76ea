import { _, Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';
import type { TObject } from 'typebox';
import { checks } from './checks/index.ts';
import { OPTIONS, WORDS } from './core/compile.ts';
import { Expect, Find, Ledger, Load, Watch } from './core/drill-args.ts';
import { steps } from './drills/index.ts';
import { ways } from './hardware/boot/ways/index.ts';
import { consoles } from './hardware/console/drivers/index.ts';
import { RecipeFile } from './hardware/image/recipe.ts';
import { NetworkVariable } from './hardware/image/variables.ts';
import { drivers } from './hardware/power/index.ts';
import { modules } from './modules/index.ts';

/** Every schema that the command may compile, by the id that its binder passes. */
export function schemas(): Readonly<Record<string, TObject>> {
  const of = (kind: string, all: Iterable<Readonly<{ name: string; args: TObject }>>) =>
    [...all].map(({ name, args }) => [`${kind} ${name}`, args] as const);
  return Object.fromEntries([
    ...of('module', Object.values(modules)),
    ...of('check', checks.values()),
    ...of('step', steps.values()),
    ...of('power', Object.values(drivers)),
    ...of('boot', Object.values(ways)),
    ...of('console', Object.values(consoles)),
    ['host network', NetworkVariable] as const,
    ['image recipe', RecipeFile] as const,
    ...Object.entries({ load: Load, find: Find, watch: Watch, ledger: Ledger, expect: Expect }).map(
      ([key, schema]) => [`drill ${key}`, schema] as const,
    ),
  ]);
}

/**
 * Replaces core/compile.ts in the built command: the same `compile`, with all schemas of bringup compiled. Those of a
 * project's own modules are compiled by ajv, which is loaded for them alone.
 */
export function compiledModule(): string {
  const code = { source: true, esm: true, lines: false, formats: _`formats` };
  const ajv = new Ajv({ ...OPTIONS, code }).addFormat('regex', () => true).addVocabulary(WORDS);
  const ids = Object.entries(schemas()).map(([id, schema], i) => {
    ajv.addSchema(schema, `v${i}`);
    return [id, `v${i}`] as const;
  });
  const generate = standaloneCode as unknown as (a: Ajv, names: Record<string, string>) => string;
  const validators = generate(ajv, Object.fromEntries(ids.map(([, name]) => [name, name])));
  return `const formats = { regex: (source) => { try { new RegExp(source); return true; } catch { return false; } } };
${validators}
let ajv;
const all = { ${ids.map(([id, name]) => `${JSON.stringify(id)}: ${name}`).join(', ')} };
export function compile(schema, id) {
  if (all[id] !== undefined) return all[id];
  if (!id.startsWith('own module ')) throw new Error('the build knows no schema of ' + id);
  ajv ??= new (require('ajv').Ajv)(${JSON.stringify(OPTIONS)}).addFormat('regex', formats.regex).addVocabulary(${JSON.stringify(WORDS)});
  return ajv.compile(schema);
}
`;
}
