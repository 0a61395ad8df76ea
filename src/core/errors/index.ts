// The catalogue of all errors that bringup reports, with one code for each cause. `bringup explain` and docs/errors.md
// print it.
import { type Diagnostic, Failure, type Pos } from '../diagnostic.ts';
import { adoption, adoptionRuns } from './adoption.ts';
import { args } from './arguments.ts';
import { boot, bootRuns } from './boot.ts';
import { checkRuns, checks, pages } from './checks.ts';
import { connection } from './connection.ts';
import { consoleRuns, consoles } from './consoles.ts';
import { drillRuns, drills } from './drills.ts';
import type { Entry, ErrorText, Kind } from './entry.ts';
import { files } from './files.ts';
import { hardware, power } from './hardware.ts';
import { imageRuns, images } from './images.ts';
import { installRuns, requirements } from './install.ts';
import { inventory } from './inventory.ts';
import { lab, labCommands } from './lab.ts';
import { playbook } from './playbook.ts';
import { privileges } from './privileges.ts';
import { rebuild, rebuildRuns } from './rebuild.ts';
import { run } from './run.ts';
import { services } from './services.ts';
import { settings } from './settings.ts';
import { software } from './software.ts';
import { state } from './state.ts';
import { stateRuns } from './states.ts';
import { trust } from './trust.ts';
import { variables } from './variables.ts';
import { vault } from './vault.ts';
import { yaml } from './yaml.ts';

const all = {
  ...yaml,
  ...playbook,
  ...args,
  ...variables,
  ...files,
  ...vault,
  ...settings,
  ...inventory,
  ...hardware,
  ...power,
  ...boot,
  ...bootRuns,
  ...adoption,
  ...adoptionRuns,
  ...requirements,
  ...installRuns,
  ...connection,
  ...privileges,
  ...trust,
  ...run,
  ...state,
  ...software,
  ...services,
  ...checks,
  ...pages,
  ...checkRuns,
  ...drills,
  ...drillRuns,
  ...labCommands,
  ...lab,
  ...images,
  ...imageRuns,
  ...consoles,
  ...consoleRuns,
  ...stateRuns,
  ...rebuild,
  ...rebuildRuns,
};
type All = typeof all;

/** The stable name of a cause. Scripts may match on it. */
export type Code = keyof All;
export type ErrorArgs<C extends Code> = Parameters<All[C]['tell']>[0];

/** The codes of one area, as the list of codes groups them. */
export type Area = Readonly<{ title: string; kind: Kind; codes: readonly Code[] }>;
const area = (title: string, kind: Kind, entries: Partial<Record<Code, unknown>>): Area => ({
  title,
  kind,
  codes: Object.keys(entries) as Code[],
});
export const AREAS: readonly Area[] = [
  area('YAML', 'input', yaml),
  area('Playbooks and roles', 'input', playbook),
  area('Arguments and options', 'input', args),
  area('Variables and templates', 'input', variables),
  area('Files on the controller', 'input', files),
  area('Vault', 'input', vault),
  area('Settings', 'input', settings),
  area('Inventory', 'input', inventory),
  area('Hardware', 'input', hardware),
  area('Power switches', 'run', power),
  area('Boot ways', 'input', boot),
  area('Installation of systems', 'run', bootRuns),
  area('Discovery and adoption', 'input', adoption),
  area('Hosts that are adopted', 'run', adoptionRuns),
  area('Requirements', 'input', requirements),
  area('Installing requirements', 'run', installRuns),
  area('Connections', 'run', connection),
  area('Privileges', 'run', privileges),
  area('Locks and trust', 'run', trust),
  area('Changes on hosts', 'run', run),
  area('State of hosts', 'run', state),
  area('Software on hosts', 'run', software),
  area('Services on hosts', 'run', services),
  area('Checks', 'input', checks),
  area('Pages', 'input', pages),
  area('Checks that run', 'run', checkRuns),
  area('Drills', 'input', drills),
  area('Drills that run', 'run', drillRuns),
  area('Lab commands', 'input', labCommands),
  area('Lab', 'run', lab),
  area('Images', 'input', images),
  area('Images that are made', 'run', imageRuns),
  area('Consoles', 'input', consoles),
  area('Consoles that are open', 'run', consoleRuns),
  area('States of machines', 'run', stateRuns),
  area('Rebuilds', 'input', rebuild),
  area('Rebuilds that run', 'run', rebuildRuns),
];

/** An entry of any code. */
export type AnyEntry = Omit<Entry<never>, 'example'> & Readonly<{ example: unknown }>;
export const ENTRIES: Readonly<Record<Code, AnyEntry>> = all;

/** The diagnostic of one cause, always with the same text. */
export function tell<C extends Code>(code: C, given: ErrorArgs<C>, at?: Pos): Diagnostic & Readonly<{ code: C }> {
  const say = all[code].tell as (given: ErrorArgs<C>) => ErrorText;
  const { message, expected, hint, detail } = say(given);
  return {
    code,
    message,
    ...(at !== undefined && { at }),
    ...(expected !== undefined && { expected }),
    ...(hint !== undefined && { hint }),
    ...(detail !== undefined && { detail }),
  };
}

/** The diagnostic as a Failure that can be thrown. */
export function failure<C extends Code>(code: C, given: ErrorArgs<C>, at?: Pos, options?: ErrorOptions): Failure {
  return new Failure(tell(code, given, at), options);
}

/** A realistic message of a code, built from its example. */
export function exampleOf(code: Code): Diagnostic {
  const { tell: say, example } = ENTRIES[code];
  return { code, ...say(example as never) };
}

const within = (entries: object) => {
  const codes = new Set(Object.keys(entries));
  return (code: Code | undefined): boolean => code !== undefined && codes.has(code);
};
/** Whether a connection failed or broke. */
export const isOfConnection = within(connection);
export const isOfFiles = within(files);
const isOfItems = within({ ...args, ...variables, ...files, ...yaml, ...software });
/**
 * Whether a mistake in a task or an include matters only on hosts that reach it: a module, an argument, a template, a
 * role or a file. A mistake in a keyword always matters.
 */
export function mattersIfReached(code: Code): boolean {
  return isOfItems(code) || REACHED.includes(code);
}
const REACHED: readonly Code[] = [
  'E_UNKNOWN_MODULE',
  'E_MODULE_MISSING',
  'E_OWN_MODULE',
  'E_FOREIGN_MODULE',
  'E_UNKNOWN_ROLE',
  'E_UNKNOWN_LOOP',
];
/** Whether nothing more can be done on the host in this run. */
export const isCutOff = within({ ...connection, ...privileges, ...trust });
/** Whether a code occurs only while hosts are contacted. It then gives exit code 1; wrong input gives 2. */
export function isOfRun(code: Code): boolean {
  return AREAS.some(({ kind, codes }) => kind === 'run' && codes.includes(code));
}
