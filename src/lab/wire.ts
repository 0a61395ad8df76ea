import { portName, tableName } from './names.ts';
import { run, tryRun } from './run.ts';

/**
 * Which frames a cut drops, from the point of view of the hosts that are cut off. `from` undefined: those of everybody.
 */
export type WireCut = Readonly<{
  from: readonly string[] | undefined;
  direction: 'both' | 'in' | 'out';
}>;

/**
 * Drops frames on the lab's bridge by the names of ports, so that a cut lasts over a host's reboot. If a host is cut
 * off from everybody, this includes frames from and to this machine.
 */
export async function cutWire(lab: string, hosts: readonly string[], cut: WireCut): Promise<void> {
  const table = `bridge ${tableName(lab)}`;
  const rules = hosts.flatMap((host) => rulesFor(lab, host, cut));
  await run(['nft', '-f', '-'], {
    input: [
      `add table ${table}`,
      ...['forward', 'input', 'output'].map(
        (hook) => `add chain ${table} ${hook}s { type filter hook ${hook} priority 0; policy accept; }`,
      ),
      ...rules.map((rule) => `add rule ${table} ${rule}`),
      '',
    ].join('\n'),
  });
}

/** The rules of a cut. Pure. A comment in each names the hosts that it is about. */
export function rulesFor(lab: string, host: string, { from, direction }: WireCut): readonly string[] {
  const port = (name: string): string => `"${portName(lab, name)}"`;
  const [out, into] = [direction !== 'in', direction !== 'out'];
  const rule = (chain: string, match: string, about: string): string => `${chain} ${match} drop comment "${about}"`;
  if (from === undefined)
    return [
      ...(out ? ['forwards', 'inputs'].map((chain) => rule(chain, `iifname ${port(host)}`, host)) : []),
      ...(into ? ['forwards', 'outputs'].map((chain) => rule(chain, `oifname ${port(host)}`, host)) : []),
    ];
  return from
    .filter((other) => other !== host)
    .flatMap((other) => [
      ...(out ? [rule('forwards', `iifname ${port(host)} oifname ${port(other)}`, `${host} ${other}`)] : []),
      ...(into ? [rule('forwards', `iifname ${port(other)} oifname ${port(host)}`, `${host} ${other}`)] : []),
    ]);
}

type Listed = Readonly<{
  nftables: readonly Readonly<{ rule?: { chain: string; handle: number; comment?: string } }>[];
}>;

/** Removes every cut that concerns one of these hosts (undefined: all). Does nothing if there is none. */
export async function healWire(lab: string, hosts: readonly string[] | undefined): Promise<void> {
  const table = ['bridge', tableName(lab)];
  if (hosts === undefined) return removeCuts(lab);
  const rules = await cutRules(lab);
  const about = rules.filter((r) => r.about.some((host) => hosts.includes(host)));
  if (about.length === rules.length) return removeCuts(lab);
  for (const { chain, handle } of about)
    await run(['nft', 'delete', 'rule', ...table, chain, 'handle', String(handle)]);
}

/** Removes all cuts at once, for `down` and `heal`. */
export async function removeCuts(lab: string): Promise<void> {
  await tryRun(['nft', 'delete', 'table', 'bridge', tableName(lab)]);
}

/** The hosts with a cut network link: alone, or together with the host that they are cut off from. */
export async function cuts(lab: string): Promise<readonly string[]> {
  return [...new Set((await cutRules(lab)).map((r) => r.about.join(' ↮ ')))].sort();
}

async function cutRules(
  lab: string,
): Promise<readonly Readonly<{ chain: string; handle: number; about: readonly string[] }>[]> {
  const listed = await tryRun(['nft', '-a', '-j', 'list', 'table', 'bridge', tableName(lab)]);
  if (listed.code !== 0) return [];
  const { nftables }: Listed = JSON.parse(listed.stdout);
  return nftables.flatMap(({ rule }) =>
    rule === undefined ? [] : [{ chain: rule.chain, handle: rule.handle, about: (rule.comment ?? '').split(' ') }],
  );
}
