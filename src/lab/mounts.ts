import { readFile } from 'node:fs/promises';

/** Mount points at or below a directory, the deepest first. */
export async function mountsBelow(dir: string): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  const plain = (s: string) =>
    s.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  const points = text.split('\n').map((line) => plain(line.split(' ')[1] ?? ''));
  return points.filter((p) => p === dir || p.startsWith(`${dir}/`)).toReversed();
}

export async function isMounted(dir: string): Promise<boolean> {
  return (await mountsBelow(dir)).includes(dir);
}
