import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { args } from './shared/args.ts';

const Args = args({
  manager: Type.Array(Type.Enum(['auto', 'apt']), {
    default: ['auto'],
    description: 'The package manager. Only apt is supported.',
  }),
  strategy: Type.Enum(['first', 'all'], { default: 'first', description: 'No effect: there is only one manager.' }),
});

export const package_facts = defineModule<typeof Args, readonly (readonly string[])[]>({
  name: 'package_facts',
  summary: 'Gathers the installed packages as ansible_facts.packages.',
  args: Args,
  facts: () => ['packages'],
  examples: [{ title: 'Gather all packages', args: {} }],
  needs: () => ['package:*'],
  probe: () => sh`dpkg-query -W -f '\${db:Status-Abbrev}\t\${Package}\t\${Version}\t\${Architecture}\t\${Section}\n'`,
  parse: (stdout) =>
    stdout
      .split('\n')
      .filter((line) => /^.i/.test(line))
      .map((line) => line.split('\t').slice(1)),
  plan: () => [],
  data(rows) {
    const packages: Record<string, readonly Value[]> = {};
    for (const [name = '', version = '', arch = '', category = ''] of rows) {
      packages[name] = [...(packages[name] ?? []), { name, version, arch, category, source: 'apt' }];
    }
    return { ansible_facts: { packages } };
  },
});
