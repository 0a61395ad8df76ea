export async function demo(..._: unknown[]): Promise<number> {
  return 0;
}
