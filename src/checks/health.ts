import { Type } from 'typebox';
import { defineCheck, type Mismatch } from '../core/check.ts';
import type { Finding } from '../core/health.ts';

const PROBE = Type.Union([
  Type.Literal('board'),
  Type.Literal('temperature'),
  Type.Literal('throttling'),
  Type.Literal('disks'),
  Type.Literal('filesystems'),
  Type.Literal('memory'),
  Type.Literal('network'),
  Type.Literal('clock'),
  Type.Literal('bmc'),
]);
const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Hosts of the inventory.' }),
    probes: Type.Optional(
      Type.Array(PROBE, {
        minItems: 1,
        description: 'What must be measured and good. Default: everything that the host can measure.',
      }),
    ),
    allow: Type.Union([Type.Literal('ok'), Type.Literal('warning')], {
      default: 'ok',
      description: 'The worst state that passes.',
    }),
  },
  { additionalProperties: false },
);
type Seen = readonly Readonly<{ host: string; findings: readonly Finding[]; trouble?: string }>[];

export const health = defineCheck<typeof Args, Seen>({
  name: 'health',
  summary: 'Checks the hardware of hosts: temperature, power, disks, file systems, memory, network, clock, fans.',
  args: Args,
  examples: [
    { title: 'No host has a fault', args: { hosts: ['web1', 'db1'] } },
    {
      title: 'The disk of the database is good, and measured',
      args: { hosts: ['db1'], probes: ['disks', 'filesystems'] },
    },
  ],
  observe: ({ hosts }, { connect, health: measure, signal }) =>
    Promise.all(
      hosts.map(async (host) => {
        try {
          return { host, findings: await measure(await connect(host), signal) };
        } catch (error) {
          return { host, findings: [], trouble: error instanceof Error ? error.message : String(error) };
        }
      }),
    ),
  judge: (seen, { probes, allow }) =>
    seen.flatMap(({ host, findings, trouble }): readonly Mismatch[] => {
      if (trouble !== undefined) return [{ property: host, expected: 'an answer', seen: trouble }];
      const wanted = findings.filter(({ probe }) => probes === undefined || probes.includes(probe));
      if (wanted.every(({ verdict }) => verdict === 'unmeasured'))
        return [{ property: host, expected: 'something that is measured', seen: 'nothing is measured' }];
      return wanted
        .filter(({ verdict }) => verdict === 'critical' || isTooBad(verdict, probes !== undefined, allow))
        .map(({ probe, part, seen: value }) => ({
          property: `${host} ${probe}`,
          expected: 'good',
          seen: `${part}: ${value}`,
        }));
    }),
  tell: (seen, { probes }) =>
    seen
      .map(({ host, findings, trouble }) => {
        if (trouble !== undefined) return `${host}: ${trouble}`;
        const wanted = findings.filter(({ probe }) => probes === undefined || probes.includes(probe));
        const measured = wanted.filter(({ verdict }) => verdict !== 'unmeasured').length;
        const missing = wanted.filter(({ verdict }) => verdict === 'unmeasured').map(({ probe }) => probe);
        return `${host}: ${measured} measured${missing.length > 0 ? `, not measured: ${missing.join(', ')}` : ''}`;
      })
      .join('; '),
});

/** A probe that is asked for by name must be measured. */
function isTooBad(verdict: Finding['verdict'], isNamed: boolean, allow: 'ok' | 'warning'): boolean {
  return verdict === 'warning' ? allow === 'ok' : verdict === 'unmeasured' && isNamed;
}
