import { type Static, Type } from 'typebox';
import { blocked, defineModule, isBlocked, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { joinLines, splitLines } from './shared/edit.ts';
import { type Fields, fields } from './shared/fields.ts';
import { probePath, type Seen, seen, textOf } from './shared/path-state.ts';
import { place } from './shared/place.ts';

const FILE = '/etc/locale.gen';

const Args = args({
  name: Type.Array(Type.String({ pattern: '^[A-Za-z][\\w.@-]*$', expected: 'a locale, as de_CH.UTF-8' }), {
    minItems: 1,
    description: 'The locales: en_US.UTF-8.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the locale is there.' }),
});
type Args = Static<typeof Args>;
type Current = Readonly<{ fields: Fields; now: Seen }>;

export const locale_gen = defineModule<typeof Args, Current>({
  name: 'locale_gen',
  summary: 'A locale is generated, or removed.',
  args: Args,
  examples: [{ title: 'A locale', args: { name: 'de_CH.UTF-8' } }],
  needs: () => ['package:locales', `path:${FILE}`, 'path:/usr/lib/locale'],
  touches: () => [`path:${FILE}`, 'path:/usr/lib/locale'],
  probe: ({ name }) => sh`PATH=$PATH:/usr/sbin:/sbin
command -v locale-gen >/dev/null || { echo 'locale-gen missing'; exit 0; }
locale -a 2>/dev/null | sed 's/^/is /'
for n in ${name}; do grep -hs "^$n " /usr/share/i18n/SUPPORTED | sed 's/^/known /'; done
${probePath(FILE, {}, { content: 'always' })}`,
  parse(stdout) {
    const f = fields(stdout);
    return { fields: f, now: seen(f, FILE, {}) };
  },
  plan({ fields: f, now }, { name, state }, ctx): Steps {
    if (f.get('locale-gen') === 'missing') {
      return blocked('E_TOOL_MISSING', { tool: 'locale-gen', hint: 'install the package locales in an earlier task' });
    }
    const generated = new Set(f.all('is').map(plain));
    const differ = name.filter((one) => generated.has(plain(one)) !== (state === 'present'));
    if (differ.length === 0) return [];
    const before = textOf(now);
    if (before === undefined) return blocked('E_NOT_TEXT', { path: FILE });
    const known = f.all('known');
    const isKnown = (one: string): boolean =>
      known.some((line) => line.startsWith(`${one} `)) || splitLines(before).list.some((line) => isAbout(line, one));
    const unknown = differ.find((one) => !isKnown(one));
    if (state === 'present' && unknown !== undefined) {
      return blocked('E_NOT_ON_HOST', {
        what: 'locale',
        name: unknown,
        hint: 'see /usr/share/i18n/SUPPORTED on the host',
      });
    }
    const after = edit(before, differ, state, known);
    const file = place(now, { path: FILE, source: { text: after }, same: after === before, isEdit: true }, {}, ctx);
    if (isBlocked(file)) return file;
    const what = `${state === 'present' ? 'generate' : 'remove'} ${differ.join(', ')}`;
    return [
      ...file,
      {
        what,
        diff: {
          of: 'locales',
          before: state === 'present' ? null : `${differ.join('\n')}\n`,
          after: state === 'present' ? `${differ.join('\n')}\n` : null,
        },
        // Without an argument it makes all locales of the file, and no other.
        run: sh`PATH=$PATH:/usr/sbin:/sbin
locale-gen`,
      },
    ];
  },
  data: (_, { name, state }) => ({ name, state }),
});

/** As `locale -a` writes them: de_CH.utf8. */
function plain(locale: string): string {
  const [, language = '', charset = '', modifier = ''] = /^([^.@]*)(\.[^@]*)?(@.*)?$/.exec(locale) ?? [];
  return language + charset.toLowerCase().replace(/[^.a-z0-9]/g, '') + modifier;
}

function isAbout(line: string, name: string): boolean {
  return line.replace(/^[#\s]+/, '').split(/\s+/)[0] === name;
}

export function edit(before: string, names: readonly string[], state: Args['state'], known: readonly string[]): string {
  const was = splitLines(before);
  const found = new Set<string>();
  const list = was.list.map((line) => {
    const name = names.find((one) => isAbout(line, one));
    if (name === undefined || (state === 'present' && found.has(name))) return line;
    found.add(name);
    const bare = line.replace(/^[#\s]+/, '');
    return state === 'present' ? bare : `# ${bare}`;
  });
  if (state === 'present') {
    for (const name of names) {
      const line = known.find((one) => one.startsWith(`${name} `));
      if (!found.has(name) && line !== undefined) list.push(line);
    }
  }
  return joinLines(list, { eol: was.eol, final: true });
}
