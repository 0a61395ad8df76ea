import { readFile } from 'node:fs/promises';

/** What a lab host shall put into its resolv.conf: this machine's nameservers, as far as a lab host can reach them. */
export async function nameservers(gateway: string): Promise<readonly string[]> {
  // systemd-resolved keeps the real ones behind its stub in the second file.
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const usable = reachable(await readFile(file, 'utf8').catch(() => ''));
    if (usable.length > 0) return usable;
  }
  // A resolver on 127.0.0.1 only: lab hosts can but ask it at this machine's end of the bridge.
  return [gateway];
}

/** The nameservers of a resolv.conf that another host can ask: no loopback, and no IPv6 (the lab has none). At most 3. */
export function reachable(resolvConf: string): readonly string[] {
  const found = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
  return found.filter((ip) => /^[\d.]+$/.test(ip) && !ip.startsWith('127.')).slice(0, 3);
}
