import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import { Type } from 'typebox';
import type { OwnModulePorts } from '../config/own-modules.ts';
import { argError } from '../core/bind.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { blocked, defineModule, type Module } from '../core/module.ts';
import { sh, verbatim } from '../core/sh.ts';
import { absolutePath, args, flag, names, text } from '../modules/shared/args.ts';
import { fields } from '../modules/shared/fields.ts';
import { declared, UNDECLARED, type WrongOption } from '../modules/shared/own-options.ts';
import { interpreterOf, ownScript } from '../modules/shared/own-script.ts';
import { transpile } from './transpile.ts';

/** Makes modules of files of the project: library/NAME.sh and library/NAME.ts. */
export const ownModules: OwnModulePorts = {
  script({ options, ...own }) {
    if (interpreterOf(own.text) === undefined) {
      const wrong = { file: own.file, problem: 'its #! line names no shell', expected: '#!/bin/sh' };
      throw failure('E_OWN_MODULE', wrong, { file: own.file, line: 1, col: 1 });
    }
    const wrong: WrongOption[] = [];
    const { args, aliases } = options === undefined ? UNDECLARED : declared(options, wrong);
    return wrong.length > 0 ? wrong : ownScript({ ...own, args, aliases });
  },
  typescript(name, file) {
    const refused = (problem: string, detail?: string): Failure => {
      const expected = `export const ${name} = defineModule({ name: '${name}', … })`;
      return failure('E_OWN_MODULE', { file, problem, expected, ...(detail !== undefined && { detail }) });
    };
    const exported = load(file, new Map(), refused);
    const found = Object.values(exported).filter(isModule);
    const [module] = found;
    if (module === undefined || found.length > 1) throw refused(`it exports ${found.length} modules`);
    if (module.name !== name) throw refused(`the module in it has the name '${module.name}'`);
    return module;
  },
};

type Refused = (problem: string, detail?: string) => Failure;
type Exports = Readonly<Record<string, unknown>>;

/** Runs a file of TypeScript and returns what it exports. It may import `bringup` and files beside it. */
function load(file: string, loaded: Map<string, Exports>, refused: Refused): Exports {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const exports: Exports = {};
  loaded.set(file, exports);
  const required = (wanted: string): unknown => {
    if (wanted === 'bringup') return apiFor(file);
    if (/^\.\.?\/.*\.ts$/.test(wanted)) return load(resolve(dirname(file), wanted), loaded, refused);
    throw refused(`it imports '${wanted}'; a module may import 'bringup' and './FILE.ts'`);
  };
  try {
    const code = transpile(readFileSync(file, 'utf8'), file);
    compileFunction(code, ['require', 'exports'], { filename: file })(required, exports);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw refused('it cannot be loaded', error instanceof Error ? error.message : String(error));
  }
  return exports;
}

/** What a module may import from `bringup`. */
function apiFor(file: string) {
  const define: typeof defineModule = (spec) => defineModule(spec, `own module ${file}`);
  return { Type, absolutePath, argError, args, blocked, defineModule: define, fields, flag, names, sh, text, verbatim };
}

function isModule(value: unknown): value is Module {
  return typeof value === 'object' && value !== null && 'bind' in value && 'examples' in value;
}
