import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../core/errors/index.ts';
import type { MachineName } from './machines/machine.ts';
import type { ImageName, LabBmc } from './spec.ts';

/**
 * The state directory: images/ (shared), labs/NAME/, locks/. It is $BRINGUP_STATE, default /var/lib/bringup. Read on
 * each call, so that a test can set it.
 */
export function stateDir(): string {
  return path.resolve(process.env['BRINGUP_STATE'] || '/var/lib/bringup');
}

export const imagesDir = () => path.join(stateDir(), 'images');
export const labsDir = () => path.join(stateDir(), 'labs');
export const labDir = (lab: string) => path.join(labsDir(), lab);
export const hostDir = (lab: string, host: string) => path.join(labDir(lab), 'hosts', host);
export const consoleLog = (lab: string, host: string) => path.join(hostDir(lab, host), 'console.log');

/** Where the disk of a container is mounted. */
export const rootOf = (lab: string, host: string) => path.join(hostDir(lab, host), 'root');
/** A host's changes since its last snapshot, or else since its image: a directory, or a disk's file. */
export const upper = (lab: string, host: string) => path.join(hostDir(lab, host), 'up');

/** A host in the lab's record. `layers` are the snapshots under its disk, the top one first. */
export type HostRecord = Readonly<{
  name: string;
  address: string;
  image: ImageName;
  /** Default: nspawn. */
  machine?: MachineName;
  /** Memory in MiB of a machine of its own. */
  memory?: number;
  /** The BMC of a machine that boots by its firmware. */
  bmc?: LabBmc;
  /** The directory in images/ on which its disk is based. */
  base: string;
  layers: readonly string[];
}>;

export type LabRecord = Readonly<{
  version: 1;
  name: string;
  subnet: string;
  hosts: Readonly<Record<string, HostRecord>>;
  snapshots: Readonly<Record<string, Snapshot>>;
}>;

export type Snapshot = Readonly<{ taken: string; hosts: Readonly<Record<string, readonly string[]>> }>;

/** The lab's record. undefined if there is no such lab, or its `up` died before it wrote one. */
export async function readLab(lab: string): Promise<LabRecord | undefined> {
  const file = path.join(labDir(lab), 'lab.json');
  const text = await readFile(file, 'utf8').catch(absent);
  if (text === undefined) return undefined;
  try {
    const record: LabRecord = JSON.parse(text);
    if (record.version === 1 && record.name === lab && typeof record.hosts === 'object') return record;
  } catch {
    // reported below
  }
  throw failure('E_LAB_STATE', { file });
}

export async function writeLab(record: LabRecord): Promise<void> {
  await mkdir(labDir(record.name), { recursive: true, mode: 0o700 });
  await replaceFile(path.join(labDir(record.name), 'lab.json'), `${JSON.stringify(record, undefined, 2)}\n`, 0o600);
}

/** Labs that have files in the state directory. */
export async function labNames(): Promise<readonly string[]> {
  const entries = await readdir(labsDir()).catch(absent);
  return (entries ?? []).filter((name) => !name.startsWith('.')).sort();
}

/** Writes a file completely or not at all. */
export async function replaceFile(file: string, data: string, mode: number): Promise<void> {
  const staged = `${file}.new`;
  await rm(staged, { force: true });
  await writeFile(staged, data, { mode, flush: true });
  await rename(staged, file);
}

/**
 * For `.catch`: returns undefined if the file does not exist. Throws Failure if only root may read it, else the error.
 */
export function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return;
    if (error.code === 'EACCES') throw failure('E_LAB_ROOT', { why: error.message });
  }
  throw error;
}
