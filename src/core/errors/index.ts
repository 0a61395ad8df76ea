// Every error that bringup tells: one code for each cause, in one catalogue. `bringup explain` and docs/errors.md print it.
import { type Diagnostic, Failure, type Pos } from '../diagnostic.ts';
import { args } from './arguments.ts';
import { checkRuns, checks } from './checks.ts';
import { connection } from './connection.ts';
import { drillRuns, drills } from './drills.ts';
import type { Entry, Kind, Told } from './entry.ts';
import { files } from './files.ts';
import { inventory } from './inventory.ts';
import { lab, labCommands } from './lab.ts';
import { playbook } from './playbook.ts';
import { privileges } from './privileges.ts';
import { run } from './run.ts';
import { software } from './software.ts';
import { state } from './state.ts';
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
  ...inventory,
  ...connection,
  ...privileges,
  ...trust,
  ...run,
  ...state,
  ...software,
  ...checks,
  ...checkRuns,
  ...drills,
  ...drillRuns,
  ...labCommands,
  ...lab,
};
type All = typeof all;

/** A stable name of a cause: scripts may match on it. */
export type Code = keyof All;
export type Given<C extends Code> = Parameters<All[C]['tell']>[0];

/** Codes of one area, as the list of codes groups them. */
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
  area('Inventory', 'input', inventory),
  area('Connections', 'run', connection),
  area('Privileges', 'run', privileges),
  area('Locks and trust', 'run', trust),
  area('Changes on hosts', 'run', run),
  area('State of hosts', 'run', state),
  area('Software on hosts', 'run', software),
  area('Checks', 'input', checks),
  area('Checks that run', 'run', checkRuns),
  area('Drills', 'input', drills),
  area('Drills that run', 'run', drillRuns),
  area('Lab commands', 'input', labCommands),
  area('Lab', 'run', lab),
];

/** Of any code: its words, and how it is told. */
export type AnyEntry = Omit<Entry<never>, 'example'> & Readonly<{ example: unknown }>;
export const ENTRIES: Readonly<Record<Code, AnyEntry>> = all;

/** The diagnostic of one cause, always in the same words. */
export function tell<C extends Code>(code: C, given: Given<C>, at?: Pos): Diagnostic & Readonly<{ code: C }> {
  const say = all[code].tell as (given: Given<C>) => Told;
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

/** The same, to be thrown. */
export function failure<C extends Code>(code: C, given: Given<C>, at?: Pos, options?: ErrorOptions): Failure {
  return new Failure(tell(code, given, at), options);
}

/** A real message of a code, made from its example. */
export function exampleOf(code: Code): Diagnostic {
  const { tell: say, example } = ENTRIES[code];
  return { code, ...say(example as never) };
}

const within = (entries: object) => {
  const codes = new Set(Object.keys(entries));
  return (code: Code | undefined): boolean => code !== undefined && codes.has(code);
};
/** A connection that cannot be had, or broke. */
export const isOfConnection = within(connection);
export const isOfFiles = within(files);
/** Nothing more can be done on the host in this run. */
export const isCutOff = within({ ...connection, ...privileges, ...trust });
/** Seen only when hosts are talked to: exit code 1, where wrong input has 2. */
export function isOfRun(code: Code): boolean {
  return AREAS.some(({ kind, codes }) => kind === 'run' && codes.includes(code));
}
