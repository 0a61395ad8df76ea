import { type Static, Type } from 'typebox';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';

const NAME = { pattern: '^[A-Za-z0-9_][\\w.+@-]*$', expected: 'the name of an alternative' } as const;

const Subcommand = Type.Object(
  {
    name: Type.String({ ...NAME, description: 'Its name.' }),
    path: absolutePath('The program or file.'),
    link: absolutePath('The link to it.'),
  },
  { additionalProperties: false },
);

const Args = args({
  name: Type.String({ ...NAME, description: 'The name of the group: editor, java.' }),
  path: absolutePath('The program that the link leads to.'),
  link: Type.Optional(absolutePath('The link: /usr/bin/editor. Needed for a group that does not exist yet.')),
  priority: Type.Optional(Type.Integer({ description: 'The priority of the program. Default for a new one: 50.' })),
  state: Type.Enum(['selected', 'present', 'auto', 'absent'], {
    default: 'selected',
    description:
      'selected: registered, and the link leads to it. present: registered. auto: registered, and the highest priority wins. absent: not registered.',
  }),
  subcommands: Type.Optional(Type.Array(Subcommand, { description: 'Links that follow this one.' })),
});
type Args = Static<typeof Args>;

type Slaves = ReadonlyMap<string, string>;
type Alternative = Readonly<{ priority: number; slaves: Slaves }>;
type Current = Readonly<{
  isInstalled: boolean;
  link: string | undefined;
  status: string | undefined;
  value: string | undefined;
  /** The links of the slaves, by name. */
  links: Slaves;
  all: ReadonlyMap<string, Alternative>;
}>;

export const alternatives = defineModule<typeof Args, Current>({
  name: 'alternatives',
  summary: 'A program is one of several that a name may stand for, and is the one that it stands for.',
  args: Args,
  aliases: { slaves: 'subcommands' },
  examples: [
    { title: 'The editor', args: { name: 'editor', path: '/usr/bin/vim.basic' } },
    {
      title: 'A program of your own',
      args: { name: 'python', link: '/usr/bin/python', path: '/usr/bin/python3', priority: 100, state: 'auto' },
    },
  ],
  needs: ({ name, path }) => [`alternatives:${name}`, `path:${path}`, 'package:*'],
  touches: ({ name, link }) => [
    `alternatives:${name}`,
    `path:/etc/alternatives/${name}`,
    `path:/var/lib/dpkg/alternatives/${name}`,
    ...(link === undefined ? ['path:/usr/bin'] : [`path:${link}`]),
    'live:*',
  ],
  probe: ({ name, path }) => sh`PATH=$PATH:/usr/sbin
command -v update-alternatives >/dev/null || exit 0
echo 'Installed: yes'
if [ -e ${path} ]; then echo 'There: yes'; fi
LC_ALL=C update-alternatives --query ${name} 2>/dev/null
:`,
  parse,
  plan(now, given): Steps {
    const { name, path, priority, state, subcommands } = given;
    if (!now.isInstalled) {
      return blocked('E_TOOL_MISSING', { tool: 'update-alternatives', hint: 'install the package dpkg' });
    }
    const is = now.all.get(path);
    const list = (steps: readonly Change[]): Steps => steps;
    if (state === 'absent') {
      if (is === undefined) return [];
      return list([
        {
          what: `${name}: remove ${path}`,
          diff: { of: name, before: `${path} ${is.priority}\n`, after: null },
          run: sh`update-alternatives --remove ${name} ${path}`,
        },
      ]);
    }
    const isWrong =
      is === undefined ||
      (priority !== undefined && is.priority !== priority) ||
      (subcommands !== undefined && !areSame(subcommands, is.slaves, now.links));
    const link = given.link ?? now.link;
    if (isWrong && link === undefined) {
      return blocked('E_NOT_ON_HOST', { what: 'alternative', name, hint: 'give the `link` of the new one' });
    }
    const wanted = priority ?? is?.priority ?? 50;
    const slaves =
      subcommands ??
      [...(is?.slaves ?? [])].map(([one, at]) => ({ name: one, path: at, link: now.links.get(one) ?? '' }));
    const steps: Change[] = [];
    if (isWrong) {
      steps.push({
        what: `${name}: register ${path} with the priority ${wanted}`,
        diff: { of: name, before: is === undefined ? null : `${path} ${is.priority}\n`, after: `${path} ${wanted}\n` },
        run: sh`set -e
[ -e ${path} ] || { printf '%s does not exist\n' ${path} >&2; exit 1; }
update-alternatives --quiet --install ${link ?? ''} ${name} ${path} ${wanted} ${slaves.flatMap((one) => ['--slave', one.link, one.name, one.path])}`,
      });
    }
    if (state === 'selected' && now.value !== path) {
      steps.push({
        what: `${name}: select ${path}`,
        diff: { of: name, before: now.value === undefined ? null : `${now.value}\n`, after: `${path}\n` },
        run: sh`update-alternatives --quiet --set ${name} ${path}`,
      });
    }
    if (state === 'auto' && now.status === 'manual') {
      steps.push({
        what: `${name}: select by priority`,
        diff: { of: name, before: 'manual\n', after: 'auto\n' },
        run: sh`update-alternatives --quiet --auto ${name}`,
      });
    }
    return steps;
  },
  data: ({ value, link, status }, { name, path }) => ({
    name,
    path,
    current: value ?? null,
    link: link ?? null,
    mode: status ?? null,
  }),
});

/** The first paragraph is about the group, each of the others about one alternative. */
function parse(stdout: string): Current {
  const [head = '', ...rest] = stdout.split(/\n\n/);
  const get = (text: string, key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1];
  const slaves = (text: string): Slaves =>
    new Map([...text.matchAll(/^ (\S+) (.*)$/gm)].map(([, name = '', at = '']): [string, string] => [name, at]));
  return {
    isInstalled: get(head, 'Installed') !== undefined,
    link: get(head, 'Link'),
    status: get(head, 'Status'),
    value: get(head, 'Value'),
    links: slaves(head),
    all: new Map(
      rest.map((text): [string, Alternative] => [
        get(text, 'Alternative') ?? '',
        { priority: Number(get(text, 'Priority')), slaves: slaves(text) },
      ]),
    ),
  };
}

function areSame(wanted: NonNullable<Args['subcommands']>, slaves: Slaves, links: Slaves): boolean {
  return (
    wanted.length === slaves.size &&
    wanted.every(({ name, path, link }) => slaves.get(name) === path && links.get(name) === link)
  );
}
