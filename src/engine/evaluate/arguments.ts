// The arguments of a task on a host: evaluated, checked against the module's schema.
import { type ArgError, argDiagnostic } from '../../core/bind.ts';
import { Failure } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import { withFullPaths } from '../../core/host-paths.ts';
import { isStep, type Module, type Step } from '../../core/module.ts';
import { SPREAD, type Task } from '../../core/playbook.ts';
import { isDict, type Raw, type RawVars, Secret, TemplateText, Unknown, type Value } from '../../core/value.ts';
import type { Run, Scope } from '../host/ports.ts';
import { NotKnown } from '../host/state.ts';
import { baseOf } from './here.ts';
import { homeOf } from './home.ts';

/** Throws Failure E_…ARGUMENT…, and NotKnown if a value depends on a change. */
export function bindArgs(run: Run, task: Task, module: Module, scope: Scope, user: string | undefined): Step {
  const args: Record<string, unknown> = {};
  const given = spread(run, task, scope);
  for (const [name, raw] of Object.entries(given)) {
    const isOwn = Object.hasOwn(task.args, name);
    const key = isOwn && name.includes('{{') ? run.templates.print(run.templates.render(name, task.at, scope)) : name;
    if (module.expressions?.includes(key) === true) {
      const isList = module.args.properties[key]?.['type' as never] === 'array';
      const text = isOwn ? textsOf(raw) : asValues(raw);
      args[key] = isList && !Array.isArray(raw) ? [text] : text;
      continue;
    }
    const value = run.templates.resolve({ value: raw }, scope);
    const kept = (value as { value?: Value }).value;
    if (kept === undefined) continue; // omit
    const unknown = run.templates.findUnknown(kept);
    if (unknown !== undefined) throw new NotKnown(unknown.because);
    args[key] =
      module.isNative === true ? listsOnly(kept) : run.templates.toPlain(kept, (text) => noteSecret(run, text));
  }
  const places = { homeOf: (account: string) => homeOf(account, user, scope), base: () => baseOf(run, task, scope) };
  const bound = module.bind(withFullPaths(args, module, places));
  if (isStep(bound)) {
    noteSecretArgs(run, module, bound);
    return bound;
  }
  throw new Failure(bound.map((wrong) => argFailure(wrong, module, task)));
}

/** The arguments, with those of a template that stands for several: `user: "{{ item }}"`. The others override them. */
function spread(run: Run, task: Task, scope: Scope): RawVars {
  if (!Object.hasOwn(task.args, SPREAD)) return task.args;
  const { [SPREAD]: whole = {}, ...others } = task.args;
  const value = run.templates.resolve(whole, scope);
  if (value instanceof Unknown) throw new NotKnown(value.because);
  const dict = value instanceof Secret ? undefined : value;
  if (!isDict(dict)) throw failure('E_ARGUMENT_FORM', { module: task.module, found: 'not a map' }, task.argAt([]));
  return { ...dict, ...others };
}

/** Tuples as lists, as Ansible has them where a template ends. */
function listsOnly(value: Value): Value {
  return Array.isArray(value) ? value.map(listsOnly) : value;
}

/** Expressions that a value holds, as templates that print them: they are evaluated without lookups. */
function asValues(raw: Raw): Raw {
  if (Array.isArray(raw)) return (raw as readonly Raw[]).map(asValues);
  return typeof raw === 'string' ? `{{ '${raw.replace(/[\\']/g, '\\$&')}' }}` : raw;
}

/** Expressions as texts. One that looks like a template stays as it is written. */
function textsOf(raw: Raw): Raw {
  if (raw instanceof TemplateText) return raw.text;
  return Array.isArray(raw) ? (raw as readonly Raw[]).map(textsOf) : raw;
}

function argFailure(wrong: ArgError, module: Module, task: Task) {
  return argDiagnostic(module.name, wrong, task.argAt(wrong.path));
}

/**
 * Registers a secret for redaction. Texts of several lines (a file with a password in it) are built from values that
 * are already registered, so only those parts are hidden.
 */
function noteSecret(run: Run, text: string): void {
  if (!text.trimEnd().includes('\n')) run.redactor.add(text);
}

function noteSecretArgs(run: Run, module: Module, step: Step): void {
  for (const name of secretArgs(module)) {
    const value = step.args[name];
    if (typeof value === 'string') run.redactor.add(value);
  }
}

/** The arguments that are always secret, by the module's schema. */
function secretArgs(module: Module): readonly string[] {
  const known = secretArgsOf.get(module);
  if (known !== undefined) return known;
  const all = Object.entries<{ secret?: boolean }>(module.args.properties);
  const names = all.flatMap(([name, schema]) => (schema.secret === true ? [name] : []));
  secretArgsOf.set(module, names);
  return names;
}
const secretArgsOf = new WeakMap<Module, readonly string[]>();
