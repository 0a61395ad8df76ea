// Marks of a file beside owner and mode: its SELinux context and the attributes that chattr sets.
import { Type } from 'typebox';
import type { Change, Context } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import { text } from './args.ts';
import type { Fields } from './fields.ts';
import type { Seen } from './path-state.ts';
import { untrusted } from './untrusted.ts';

const part = (what: string) =>
  text(`The ${what} of the SELinux context; _default is that of the policy. No effect on a host without SELinux.`);

/** Arguments of modules that Ansible gives the arguments of the module file. */
export const labels = {
  attributes: Type.Optional(
    Type.String({
      pattern: '^[-+=]?[aAcCdDFijmPsStTux]+$',
      expected: "letters of chattr, as '+i', '-i' or 'i'",
      description:
        "Attributes of the file, with the letters of chattr: '+i' sets one, '-i' takes it away, 'i' or '=i' means exactly these.",
    }),
  ),
  seuser: part('user'),
  serole: part('role'),
  setype: part('type'),
  selevel: part('level'),
};
export const LABEL_ALIASES = { attr: 'attributes' } as const;

export type Labels = Readonly<Partial<Record<keyof typeof labels, string | undefined>>>;

/** `flags`: the letters that lsattr shows. `context` and `policy` are undefined on a host without SELinux. */
export type LabelsSeen = Readonly<{
  flags: string | undefined;
  context: string | undefined;
  policy: string | undefined;
}>;

const PARTS = ['seuser', 'serole', 'setype', 'selevel'] as const;
/** The options of chcon. */
const OPTIONS = { seuser: '-u', serole: '-r', setype: '-t', selevel: '-l' } as const;

export function hasLabels(how: Labels): boolean {
  return labelsOf(how).some((one) => one !== undefined);
}

/** The wanted labels alone. */
export function labelsOf(how: Labels): readonly (string | undefined)[] {
  return [how.attributes, ...PARTS.map((key) => how[key])];
}

/** Whether the host has SELinux. */
export const SELINUX = sh`[ -e /sys/fs/selinux/enforce ]`;

/** Reads the labels of the file at $r. */
export function probeLabels(how: Labels, follow: boolean): Script {
  const isLabelled = PARTS.some((key) => how[key] !== undefined);
  const wantsPolicy = PARTS.some((key) => how[key] === '_default');
  return sh`${how.attributes === undefined ? sh`:` : sh`if [ -e "$r" ]; then a=$(lsattr -d -- "$r" 2>/dev/null) && printf 'flags %s\n' "\${a%% *}"; fi`}
${
  isLabelled
    ? sh`if ${SELINUX}; then
  printf 'context %s\n' "$(stat ${follow ? ['-L'] : []} -c %C -- "$r" 2>/dev/null)"
  ${wantsPolicy ? sh`printf 'policy %s\n' "$(matchpathcon -n -- "$r")"` : sh`:`}
fi`
    : sh`:`
}`;
}

export function labelsSeen(f: Fields): LabelsSeen {
  return { flags: f.get('flags')?.replaceAll('-', ''), context: f.get('context'), policy: f.get('policy') };
}

/** `isNew`: an earlier change of the task puts a new file at the path, so it has the labels of a new file. */
export function planLabels(
  now: Seen,
  path: string,
  how: Labels,
  ctx: Context,
  { isNew, follow = true }: Readonly<{ isNew: boolean; follow?: boolean | undefined }>,
): readonly Change[] {
  if (!hasLabels(how)) return [];
  const options = contextOptions(now, how, isNew);
  const flags = flagChange(isNew ? '' : (now.labels?.flags ?? ''), how.attributes);
  if (options.length === 0 && flags.length === 0) return [];
  const words = [...(options.length > 0 ? [`SELinux context ${options.join(' ')}`] : []), ...flags];
  const at = follow ? now.real : path;
  return [
    {
      what: `${path}: ${words.join(', ')}`,
      run: now.trusted ? labelling(sh`${at}`, options, flags) : labellingCarefully(at, options, flags, ctx),
    },
  ];
}

function labelling(at: Script, options: readonly string[], flags: readonly string[]): Script {
  return sh`set -e
${options.length === 0 ? sh`:` : sh`chcon -h ${options} -- ${at}`}
${
  flags.length === 0
    ? sh`:`
    : sh`command -v chattr >/dev/null || { echo 'chattr is missing: install e2fsprogs in an earlier task' >&2; exit 1; }
chattr ${flags} -- ${at}`
}`;
}

/** chattr opens a file by its path, so it is not used where another user can swap the file. */
function labellingCarefully(at: string, options: readonly string[], flags: readonly string[], ctx: Context): Script {
  if (flags.length > 0)
    return sh`printf '%s: attributes are not set in a directory that another user can change\n' ${at} >&2; exit 1`;
  return sh`${untrusted(ctx)}
beside ${at.replace(/(.)\/+$/, '$1')}
chcon -h ${options} -- "./$n"`;
}

/** Options of chcon for the parts of the context that are not as wanted. */
function contextOptions({ labels: seen }: Seen, how: Labels, isNew: boolean): readonly string[] {
  if (seen?.context === undefined) return [];
  const [present, policy] = [seen.context, seen.policy ?? ''].map(partsOf);
  return PARTS.flatMap((key) => {
    const wanted = how[key] === '_default' ? policy?.[key] : how[key];
    return wanted === undefined || (!isNew && present?.[key] === wanted) ? [] : [OPTIONS[key], wanted];
  });
}

/** The level is the rest, because it may contain colons. */
function partsOf(context: string): Labels {
  const [seuser, serole, setype, ...rest] = context.split(':');
  return { seuser, serole, setype, selevel: rest.length === 0 ? undefined : rest.join(':') };
}

/** Attributes that chattr cannot take away. */
const FIXED = /[eEhINV]/g;

/** Options of chattr. */
function flagChange(present: string, attributes: string | undefined): readonly string[] {
  if (attributes === undefined) return [];
  const [, sign = '', wanted = ''] = /^([-+=]?)(.*)$/.exec(attributes) ?? [];
  const only = (letters: string, test: (letter: string) => boolean): string => [...letters].filter(test).join('');
  const missing = sign === '-' ? '' : only(wanted, (letter) => !present.includes(letter));
  const extra =
    sign === '-'
      ? only(wanted, (letter) => present.includes(letter))
      : sign === '+'
        ? ''
        : only(present.replace(FIXED, ''), (letter) => !wanted.includes(letter));
  return [...(extra === '' ? [] : [`-${extra}`]), ...(missing === '' ? [] : [`+${missing}`])];
}
