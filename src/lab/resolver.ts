import { readFile } from 'node:fs/promises';

/** The resolv.conf of lab hosts. `relay` is the resolver on this machine's loopback to which the gateway forwards. */
export type Resolver = Readonly<{ nameservers: readonly string[]; relay: string | undefined }>;

/** This machine's nameservers as lab hosts can reach them. */
export async function resolver(gateway: string): Promise<Resolver> {
  // systemd-resolved lists the real nameservers in the second file.
  const files = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return chooseResolver(texts, gateway);
}

/**
 * The nameservers of the first file that has one another host can reach: no loopback address, and no IPv6, which the
 * lab does not have. If there is only a resolver on 127.x, the gateway, which network.ts then forwards to it. At most
 * 3, because the resolver library reads no more.
 */
export function chooseResolver(resolvConfs: readonly string[], gateway: string): Resolver {
  const all = resolvConfs.map((text) =>
    [...text.matchAll(/^\s*nameserver\s+([\d.]+)\s*$/gm)].map((match) => match[1] ?? ''),
  );
  const usable = all.map((ips) => ips.filter((ip) => !ip.startsWith('127.'))).find((ips) => ips.length > 0);
  if (usable !== undefined) return { nameservers: usable.slice(0, 3), relay: undefined };
  return { nameservers: [gateway], relay: all.flat()[0] ?? '127.0.0.1' };
}
