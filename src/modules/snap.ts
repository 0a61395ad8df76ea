import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { lines, sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { decodeText } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.Array(Type.String({ pattern: '^[^-\\s]\\S*$', expected: 'the name of a snap' }), {
    minItems: 1,
    description: 'The snaps, or files of snaps on the host.',
  }),
  state: Type.Enum(['present', 'absent', 'enabled', 'disabled'], {
    default: 'present',
    description: 'How the snaps are to be.',
  }),
  classic: flag('Install without confinement.'),
  channel: text(
    'The channel: edge, or 3.0/stable. A snap of another channel is refreshed from this one. Default for new ones: stable.',
  ),
  options: Type.Optional(
    Type.Array(Type.String(), { description: 'Settings of the snaps: key=value, or of one of them, snap:key=value.' }),
  ),
  dangerous: flag('Install a file without a signature.'),
});
type Args = Static<typeof Args>;
type Installed = Readonly<{ channel: string; isEnabled: boolean }>;

export const snap = defineModule<typeof Args, Fields>({
  name: 'snap',
  summary: 'Snaps are installed, with a channel and settings, or are not.',
  args: Args,
  examples: [
    { title: 'Two snaps', args: { name: ['core22', 'htop'] } },
    { title: 'From a channel', args: { name: 'certbot', classic: true, channel: 'edge' } },
    { title: 'With a setting', args: { name: 'nextcloud', options: ['ports.http=81'] } },
  ],
  verify: ({ name, state, options = [] }) => [
    ...options.flatMap((one, at): readonly ArgError[] => {
      const { snap: of, key } = settingOf(one);
      if (key === '') {
        return [
          argError(['options', at], 'E_ARGUMENT_VALUE', {
            problem: `'${one}' is no setting`,
            expected: 'key=value, or snap:key=value',
          }),
        ];
      }
      if (of === undefined || name.includes(of)) return [];
      return [argError(['options', at], 'E_ARGUMENT_CONFLICT', { problem: `'${of}' is not in 'name'` })];
    }),
    ...(options.length > 0 && state !== 'present'
      ? [argError(['options'], 'E_ARGUMENT_CONFLICT', { problem: "'options' needs 'state: present'" })]
      : []),
  ],
  needs: () => ['package:*', 'live:*'],
  touches: () => ['package:*', 'live:*', 'unit:*'],
  probe: (given) => sh`command -v snap >/dev/null || { echo 'snap missing'; exit 0; }
if out=$(LC_ALL=C snap list --unicode=never 2>&1); then :; else case $out in *'No snaps are installed'*) ;; *) printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; exit 0 ;; esac; fi
printf 'list %s\n' "$(printf %s "$out" | base64 -w0)"
${lines(given.name.filter(isFile).map((path) => sh`printf ${`file ${path} %s\n`} "$(snap info ${path} 2>/dev/null | sed -n 's/^name: *//p')"`))}
${given.options === undefined ? sh`:` : lines(given.name.map((name) => sh`n=${isFile(name) ? sh`$(snap info ${name} 2>/dev/null | sed -n 's/^name: *//p')` : name}; printf 'settings %s %s\n' "$n" "$(snap get -d "$n" 2>/dev/null | base64 -w0)"`))}`,
  parse: fields,
  plan(f, given): Steps {
    if (f.get('snap') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'snap', hint: 'install snapd in an earlier task' });
    }
    const error = f.text('error');
    if (error !== undefined) return blocked('E_TOOL_REFUSED', { tool: 'snap', detail: error });
    const unnamed = given.name.find((one) => nameOf(f, one) === '');
    if (unnamed !== undefined) return blocked('E_PATH_KIND', { path: unnamed, is: 'no snap', wanted: 'a snap' });
    if (given.state === 'present') return [...present(f, given), ...settings(f, given)];
    const all = installed(f);
    const isWrong = (one: Installed | undefined): boolean =>
      given.state === 'absent' ? one !== undefined : one?.isEnabled !== (given.state === 'enabled');
    const wrong = given.name.filter((one) => isWrong(all.get(one)));
    const gone = wrong.find((one) => !all.has(one));
    if (gone !== undefined)
      return blocked('E_NOT_ON_HOST', { what: 'snap', name: gone, hint: 'install it in an earlier task' });
    if (wrong.length === 0) return [];
    const verb = { absent: 'remove', enabled: 'enable', disabled: 'disable' }[given.state];
    const done = { absent: 'removed', enabled: 'enabled', disabled: 'disabled' }[given.state];
    // enable and disable take one snap.
    return (given.state === 'absent' ? [wrong] : wrong.map((one) => [one])).map((some) =>
      command([verb, ...some], `snaps_${done}`, some),
    );
  },
  data(_, { state, classic, channel = 'stable' }, __, ran) {
    const said = [...(ran?.stdout.matchAll(/^bringup (\w+) (.*)$/gm) ?? [])];
    const list = (key: string): readonly string[] =>
      said.filter(([, one]) => one === key).flatMap(([, , value = '']) => value.split('\x1f'));
    const found = ['snaps_installed', 'snaps_removed', 'snaps_enabled', 'snaps_disabled', 'options_changed']
      .map((key) => [key, list(key)] as const)
      .filter(([, values]) => values.length > 0);
    return {
      ...(state === 'present' && { classic }),
      channel,
      ...(found.length > 0 && { cmd: list('cmd').join('; ') }),
      ...Object.fromEntries(found),
    };
  },
});

function isFile(name: string): boolean {
  return name.includes('/') || name.endsWith('.snap');
}

function nameOf(f: Fields, name: string): string {
  if (!isFile(name)) return name;
  return (
    f
      .all('file')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
      .trim() ?? ''
  );
}

/** The columns of `snap list`: name, version, revision, tracking, publisher, notes. */
function installed(f: Fields): ReadonlyMap<string, Installed> {
  const rows = (f.text('list') ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return new Map(
    rows.map(([name = '', , , channel = '', , notes = '']) => [
      name,
      { channel, isEnabled: !notes.split(',').includes('disabled') },
    ]),
  );
}

function present(f: Fields, given: Args): readonly Change[] {
  const { channel, classic, dangerous } = given;
  const all = installed(f);
  const options = [
    ...(classic ? ['--classic'] : []),
    ...(channel === undefined ? [] : [`--channel=${channel}`]),
    ...(dangerous ? ['--dangerous'] : []),
  ];
  const now = (name: string): Installed | undefined => all.get(nameOf(f, name));
  const isOther = (one: Installed | undefined): boolean =>
    channel !== undefined && one !== undefined && one.channel !== channel && one.channel !== `latest/${channel}`;
  const [missing, others] = [
    given.name.filter((one) => now(one) === undefined),
    given.name.filter((one) => isOther(now(one))),
  ];
  // snap takes these options for one snap only.
  const groups = missing.length === 0 ? [] : options.length > 0 ? missing.map((one) => [one]) : [missing];
  return [
    ...others.map((one) =>
      command(['refresh', ...options.filter((o) => o !== '--dangerous'), one], 'snaps_installed', [one]),
    ),
    ...groups.map((some) => command(['install', ...options, ...some], 'snaps_installed', some)),
  ];
}

function command(words: readonly string[], key: string, values: readonly string[]): Change {
  return {
    what: `snap ${words.join(' ')}`,
    run: sh`set -e
snap ${words} >/dev/null
printf 'bringup cmd %s\n' ${`snap ${words.join(' ')}`}`,
    says: `bringup ${key} ${values.join('\x1f')}`,
  };
}

type Setting = Readonly<{ snap: string | undefined; key: string; value: string }>;
function settingOf(option: string): Setting {
  const [, of, key = '', value = ''] = /^(?:([^\s:=]+):)?([^\s:=]+)\s*=\s*(.+)$/s.exec(option) ?? [];
  return { snap: of, key, value: value.trim() };
}

function settings(f: Fields, given: Args): readonly Change[] {
  return given.name.flatMap((one) => {
    const name = nameOf(f, one);
    const now = valuesOf(f, name);
    const differ = (given.options ?? [])
      .map(settingOf)
      .filter(({ snap: of, key, value }) => (of === undefined || of === one) && now.get(key) !== value)
      .map(({ key, value }) => `${key}=${value}`);
    if (differ.length === 0) return [];
    const before = differ
      .map((pair) => pair.slice(0, pair.indexOf('=')))
      .flatMap((key) => (now.has(key) ? [`${key}=${now.get(key)}\n`] : []));
    const change = command(
      ['set', name, ...differ],
      'options_changed',
      differ.map((pair) => `${name}:${pair}`),
    );
    return [
      { ...change, diff: { of: `settings of ${name}`, before: before.join(''), after: `${differ.join('\n')}\n` } },
    ];
  });
}

/** The settings as `snap get -d` tells them, by their full keys. */
function valuesOf(f: Fields, name: string): ReadonlyMap<string, string> {
  const line = f.all('settings').find((one) => one.startsWith(`${name} `));
  const out = new Map<string, string>();
  const walk = (value: unknown, key: string): void => {
    if (typeof value !== 'object' || value === null)
      out.set(key, typeof value === 'boolean' ? String(value) : String(value ?? ''));
    else for (const [below, one] of Object.entries(value)) walk(one, key === '' ? below : `${key}.${below}`);
  };
  try {
    walk(JSON.parse(decodeText(line?.slice(name.length + 1) ?? '')), '');
  } catch {
    // A snap without settings.
  }
  return out;
}
