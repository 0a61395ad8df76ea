import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Removes the notes of handlers that a test left on this machine. */
export function dropNotes(word: string): void {
  const folder = '/var/lib/bringup/handlers';
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const file = join(folder, name);
    const lines = readFileSync(file, 'utf8').split('\n');
    const kept = lines.filter((line) => !line.startsWith(`${word}/`));
    if (kept.length < lines.length) writeFileSync(file, kept.join('\n'));
  }
}
