import { defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { args } from './shared/args.ts';

const Args = args({});

type Unit = Readonly<{ name: string; state: string; status: string; source: string }>;

export const service_facts = defineModule<typeof Args, readonly Unit[]>({
  name: 'service_facts',
  summary: 'Gathers the services and their states as ansible_facts.services.',
  args: Args,
  facts: () => ['services'],
  examples: [{ title: 'Gather all services', args: {} }],
  needs: () => ['unit:*', 'package:*', 'live:*'],
  probe:
    () => sh`systemctl list-units --type=service --all --no-legend --no-pager --plain --full | awk '{ print "unit", $1, $2, $3, $4 }'
systemctl list-unit-files --type=service --no-legend --no-pager --full | awk '{ print "file", $1, $2 }'`,
  parse(stdout) {
    const found = new Map<string, Unit>();
    for (const line of stdout.split('\n')) {
      const [kind, name = '', second = '', , sub] = line.split(' ');
      if (kind === 'unit')
        found.set(name, {
          name,
          state: sub === 'running' ? 'running' : sub === 'failed' ? 'failed' : 'stopped',
          status: second === 'not-found' ? 'not-found' : 'unknown',
          source: 'systemd',
        });
      if (kind === 'file')
        found.set(name, {
          name,
          state: found.get(name)?.state ?? (name.includes('@.') ? 'unknown' : 'inactive'),
          status: second,
          source: 'systemd',
        });
    }
    return [...found.values()];
  },
  plan: () => [],
  data(units) {
    const services: Record<string, Value> = {};
    for (const unit of units) services[unit.name] = unit;
    return { ansible_facts: { services } };
  },
});
