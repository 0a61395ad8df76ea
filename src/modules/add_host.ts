import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import type { Value, Vars } from '../core/value.ts';

const Args = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'The name of the host, or an address and a port: web9:2222.' }),
    groups: Type.Optional(
      Type.Union([Type.String(), Type.Array(Type.String())], {
        description: 'Its groups, as a list or separated by commas.',
      }),
    ),
  },
  { additionalProperties: Type.Unsafe<Value>({}) },
);
type Args = Static<typeof Args>;

export const add_host = defineModule<typeof Args, null>({
  name: 'add_host',
  summary: 'Adds a host to the inventory, for the plays to come. Other arguments are variables of the host.',
  args: Args,
  aliases: { host: 'name', hostname: 'name', group: 'groups', groupname: 'groups' },
  examples: [{ title: 'Add a web server', args: { name: 'web9', groups: ['web'], ansible_host: '192.0.2.9' } }],
  parse: () => null,
  plan: () => [],
  controller: {
    when: 'always',
    once: true,
    async work({ name, groups, ...vars }, controller) {
      const { host, port } = parts(name);
      const named = groupsOf(groups);
      const own: Vars = { ...(port !== undefined && { ansible_port: Number(port) }), ...(vars as Vars) };
      const changed = controller.addHost(host, named, own);
      return { changed, data: { add_host: { host_name: host, groups: [...named], host_vars: own } } };
    },
  },
});

/** The parts of `host`, `host:22` and `[2001:db8::1]:22`. A bare IPv6 address has no port. */
function parts(name: string): Readonly<{ host: string; port: string | undefined }> {
  const [, inside, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(name) ?? [];
  return { host: inside ?? plain ?? name, port };
}

function groupsOf(groups: Args['groups']): readonly string[] {
  const list = typeof groups === 'string' ? groups.split(',') : (groups ?? []);
  return list.map((one) => one.trim()).filter((one) => one !== '');
}
