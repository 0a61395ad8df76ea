/** The output of the `setup` probe, by file or command. */
export type Sections = ReadonlyMap<string, string>;

/** Each section begins with `==> name <==`, as head prints it. */
export function sections(stdout: string): Sections {
  const out = new Map<string, string>();
  for (const part of stdout.split(/^==> /m).slice(1)) {
    const at = part.indexOf(' <==\n');
    if (at >= 0) out.set(part.slice(0, at), part.slice(at + 5).replace(/\n+$/, ''));
  }
  return out;
}

export function lines(text: string | undefined): readonly string[] {
  return (text ?? '').split('\n').filter((line) => line !== '');
}
