import { readFile } from 'node:fs/promises';

/** What lab hosts put into their resolv.conf; `relay`: the loopback resolver of this machine that the gateway stands for. */
export type Resolver = Readonly<{ nameservers: readonly string[]; relay: string | undefined }>;

/** This machine's nameservers as lab hosts can reach them. */
export async function resolver(gateway: string): Promise<Resolver> {
  // systemd-resolved keeps the real ones behind its stub in the second file.
  const files = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return chooseResolver(texts, gateway);
}

/**
 * The first file with a nameserver that another host can ask: no loopback, and no IPv6 (the lab has none). Where there is
 * only a resolver on 127.x, the gateway, which network.ts then leads to it. At most 3: the resolver library reads no more.
 */
export function chooseResolver(resolvConfs: readonly string[], gateway: string): Resolver {
  const all = resolvConfs.map((text) =>
    [...text.matchAll(/^\s*nameserver\s+([\d.]+)\s*$/gm)].map((match) => match[1] ?? ''),
  );
  const usable = all.map((ips) => ips.filter((ip) => !ip.startsWith('127.'))).find((ips) => ips.length > 0);
  if (usable !== undefined) return { nameservers: usable.slice(0, 3), relay: undefined };
  return { nameservers: [gateway], relay: all.flat()[0] ?? '127.0.0.1' };
}
