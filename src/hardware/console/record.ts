// Keeps what a console prints while a host boots.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Failure } from '../../core/diagnostic.ts';
import type { BoundConsole, ConsoleScene } from './contract.ts';

/** Bytes that a log keeps. Of a longer one, the end counts. */
const MOST = 256 * 1024;
const PAUSE_MS = 500;

/**
 * Opens the console and writes what it prints to a file, in place of what was there. Returns a function that ends it. A
 * console that cannot be opened is no reason not to boot: the file says why.
 */
export async function record(console: BoundConsole, scene: ConsoleScene, file: string): Promise<() => void> {
  let kept = Buffer.from(`--- boot recorded by bringup since ${new Date().toISOString()}\n`);
  let isWritten = false;
  const write = (): void => {
    if (isWritten) return;
    isWritten = true;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, kept, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const add = (part: Uint8Array | string): void => {
    kept = Buffer.concat([kept, Buffer.from(part)]).subarray(-MOST);
    isWritten = false;
  };
  const stream = await console.open(scene).catch((error: unknown) => {
    if (!(error instanceof Failure) || scene.signal.aborted) throw error;
    add(`--- ${error.message}\n`);
    return undefined;
  });
  write();
  if (stream === undefined) return () => {};
  const timer = setInterval(write, PAUSE_MS);
  const end = (): void => {
    clearInterval(timer);
    stream.destroy();
    write();
  };
  stream.on('data', add);
  stream.once('close', () => {
    clearInterval(timer);
    write();
  });
  return end;
}

/** A recorded log. undefined: there is none. */
export function recorded(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The log without what moves a cursor or paints. */
export function readable(log: string): string {
  const text = stripVTControlCharacters(log.slice(-MOST)).replaceAll(/\r+\n/g, '\n').replaceAll('\r', '\n');
  return text.replaceAll(/[^\n\t\x20-\x7e\u00a0-\uffff]/g, '');
}

/** The last lines of a log that say something. Empty: it says nothing. */
export function lastLines(log: string, count: number): string {
  const lines = readable(log)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.slice(-count).join('\n');
}
