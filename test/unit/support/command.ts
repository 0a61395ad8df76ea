import { vi } from 'vitest';
import { main } from '../../../src/cli/program.ts';

/** Runs a whole command line. Returns its exit code and output. */
export async function bringup(
  ...argv: readonly string[]
): Promise<Readonly<{ code: number; out: string; err: string }>> {
  let out = '';
  let err = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  try {
    return { code: await main(argv), out, err };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}
/** A text without colours. */
export const plain = (text: string): string => text.replace(/\u001b\[\d+m/g, '');
