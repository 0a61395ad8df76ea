import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { args } from './shared/args.ts';

const Args = args({
  key: Type.String({ minLength: 1, description: 'The name of the group.' }),
  parents: Type.Array(Type.String(), { default: ['all'], description: 'The groups that contain the group.' }),
});

export const group_by = defineModule<typeof Args, null>({
  name: 'group_by',
  summary: 'Puts hosts into a group by their facts, for the plays to come.',
  args: Args,
  freeForm: 'key',
  examples: [{ title: 'A group for each release', args: { key: 'os_Debian_12', parents: ['os_Debian'] } }],
  parse: () => null,
  plan: () => [],
  controller: {
    when: 'always',
    async work({ key, parents }, controller) {
      const safe = (name: string): string => name.replaceAll(' ', '-');
      const changed = controller.addToGroup(safe(key), parents.map(safe));
      return { changed, data: { add_group: safe(key), parent_groups: parents.map(safe) } };
    },
  },
});
