// The inventory's part of `bringup adopt`: whether a host may be added, and the text of the file with it.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { sources } from '../config/inventory.ts';
import { lineFor, type NewHost, withHost } from '../config/inventory-edit.ts';
import { isScript } from '../config/inventory-script.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Inventory } from '../core/playbook.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { whileLocked } from './pins.ts';
import type { Project } from './project.ts';

/** Where a new host is reached: what the command line says of it. */
export type Place = Readonly<{ user: string | undefined; address: string; port: number | undefined }>;

/** Reads [USER@]ADDRESS[:PORT]; an IPv6 address with a port is in brackets. Throws Failure. */
export function placeOf(given: string): Place {
  const [, user, inBrackets, plain, port] =
    /^(?:([\w.-]+)@)?(?:\[([\da-f:.]+)\]|([\w.-]+|[\da-f:]*:[\da-f:]*:[\da-f:.]*))(?::(\d{1,5}))?$/i.exec(given) ?? [];
  const address = inBrackets ?? plain;
  if (address === undefined || Number(port ?? 22) > 65_535 || Number(port ?? 22) === 0)
    throw failure('E_ADOPT_ADDRESS', { address: given, problem: 'is no address', hint: 'correct the address' });
  return { user, address, port: port === undefined ? undefined : Number(port) };
}

/** What becomes of the inventory. `file` is undefined: the host is in it already. */
export type Entry = Readonly<{ inventory: Inventory; file: string | undefined; host: NewHost }>;

/**
 * The inventory with the host in it. Nothing is written. Throws Failure if the name or the address belongs to another
 * host, if the group is not known, or if the file cannot be edited.
 */
export function entryFor(project: Project, host: NewHost): Entry {
  const { inventory } = project;
  const { name, group } = host;
  if (!/^[A-Za-z0-9_]([\w.-]*\w)?$/.test(name)) throw failure('E_ADOPT_NAME', { name, problem: 'is no valid name' });
  const known = [...inventory.groups.keys()];
  if (name === group || known.includes(name))
    throw failure('E_ADOPT_NAME', { name, problem: 'has the name of a group' });
  if (!known.includes(group)) {
    const offered = known.filter((one) => !['all', 'ungrouped'].includes(one));
    throw failure('E_ADOPT_GROUP', { group, known: offered });
  }
  for (const other of inventory.hosts.keys()) {
    const { address, port } = placeIn(project, inventory, other);
    const isSame = address === host.vars['ansible_host'] && port === (host.vars['ansible_port'] ?? 22);
    const at = inventory.hosts.get(other)?.at;
    if (other !== name && isSame) {
      const shown = port === 22 ? address : `${address}:${port}`;
      throw failure('E_ADOPT_ADDRESS', { address: shown, problem: `is the address of ${other}` }, at);
    }
    if (other === name && !isSame)
      throw failure('E_ADOPT_NAME', { name, problem: `is in the inventory with the address ${address}` }, at);
    if (other === name && inventory.groups.get(group)?.includes(name) !== true)
      throw failure('E_ADOPT_NAME', { name, problem: `is in the inventory, but not in the group '${group}'` }, at);
  }
  if (inventory.hosts.has(name)) return { inventory, file: undefined, host };
  const [file, text] = edited(project, host);
  return { inventory: project.rereadInventory(new Map([[file, text]])).inventory, file, host };
}

/** Writes the host to the file, unless another process was faster. */
export async function writeEntry(project: Project, { file, host }: Entry): Promise<void> {
  if (file === undefined) return;
  await whileLocked(project.inventory.dir, async () => {
    if (project.rereadInventory().inventory.hosts.has(host.name)) return;
    const [path, text] = edited(project, host);
    const real = realpathSync(path);
    const staged = `${real}.new`;
    await writeFile(staged, text, { mode: statSync(real).mode & 0o777, flush: true });
    await rename(staged, real);
  });
}

/** The address and the port of a host, as far as its variables can be read without its facts. */
function placeIn(project: Project, inventory: Inventory, name: string): Readonly<{ address: string; port: number }> {
  const { get } = inventoryScope(project.templates, inventory, project.extraVars, '.', name);
  const value = (variable: string): unknown => {
    try {
      return get(variable) ?? undefined;
    } catch (error) {
      if (error instanceof Failure) return undefined; // a run reports it
      throw error;
    }
  };
  return { address: String(value('ansible_host') ?? name), port: Number(value('ansible_port') ?? 22) };
}

/** The file of the inventory in which the group is, and its text with the host. */
function edited(project: Project, host: NewHost): readonly [file: string, text: string] {
  const { name, group } = host;
  const given = project.inventory.given.flatMap((path) =>
    statSync(path, { throwIfNoEntry: false }) === undefined ? [] : sources(path, project.files),
  );
  const files = given.filter((file) => !isScript(file) && statSync(file).isFile());
  for (const file of files) {
    const text = withHost(file, readFileSync(file, 'utf8'), host);
    if (text !== undefined && holds(project, file, text, host)) return [file, text];
  }
  const [first] = files.length > 0 ? files : given;
  const why =
    first === undefined
      ? 'it is no file'
      : files.length === 0
        ? `${basename(first)} is a program`
        : `no file has the group '${group}' in a form that can be edited`;
  throw failure('E_ADOPT_INVENTORY', { name, group, why, line: lineFor(first ?? 'hosts.yml', '', host) });
}

/** Whether the inventory with this text has the host in its group, and all others as before. */
function holds(project: Project, file: string, text: string, { name, group, vars }: NewHost): boolean {
  try {
    const { inventory } = project.rereadInventory(new Map([[file, text]]));
    const { address } = placeIn(project, inventory, name);
    const isThere = inventory.groups.get(group)?.includes(name) === true && address === vars['ansible_host'];
    return isThere && inventory.hosts.size === project.rereadInventory().inventory.hosts.size + 1;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
