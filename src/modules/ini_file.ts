import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { absolutePath, args, exclude, flag, placing, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { editTouches, fileEdits, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import { LABEL_ALIASES, labels } from './shared/labels.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData, type Seen } from './shared/path-state.ts';
import { placedData } from './shared/place.ts';

const Args = args({
  path: absolutePath('The file on the host.'),
  section: text('The section. Without it, the lines above the first section.'),
  section_has_values: Type.Optional(
    Type.Array(
      Type.Object(
        {
          option: Type.String({ description: 'An option.' }),
          value: text('The value that it has.'),
          values: Type.Optional(Type.Array(Type.String(), { description: 'Values of which it has one.' })),
        },
        { additionalProperties: false },
      ),
      {
        description:
          'Of several sections with this name, the first that has all these options. If none has, a section with them is added.',
      },
    ),
  ),
  option: text('The option. Without it, the section itself.'),
  value: text('The value.'),
  values: Type.Optional(Type.Array(Type.String(), { description: 'Several values. The option occurs once for each.' })),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the option or section exists.' }),
  exclusive: flag('Remove all other lines of the option.', true),
  ignore_spaces: flag('Leave a line as it is if only the blanks around = differ.'),
  no_extra_spaces: flag('Write no blanks around =.'),
  allow_no_value: flag('Allow an option without a value.'),
  modify_inactive_option: flag('Activate an option in a comment instead of adding a line.', true),
  create: flag('Create the file if it is missing.', true),
  ...placing,
  ...labels,
});
type Args = Static<typeof Args>;

export const ini_file = defineModule<typeof Args, Seen>({
  name: 'ini_file',
  summary: 'Sets or removes an option of an INI file.',
  args: Args,
  aliases: { dest: 'path', ...LABEL_ALIASES },
  examples: [
    {
      title: 'Set a value',
      args: { path: '/etc/mysql/conf.d/app.cnf', section: 'mysqld', option: 'max_connections', value: '200' },
    },
    { title: 'Remove a section', args: { path: '/etc/app.ini', section: 'old', state: 'absent' } },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...exclude(given, 'value', 'values'),
    ...(given.section_has_values ?? []).flatMap((one) => exclude(one, 'value', 'values')),
    ...(given.section_has_values !== undefined && given.section === undefined
      ? [argError(['section_has_values'], 'E_ARGUMENT_CONFLICT', { problem: "'section_has_values' needs 'section'" })]
      : []),
    ...(given.state === 'present' &&
    given.option !== undefined &&
    given.value === undefined &&
    given.values === undefined &&
    !given.allow_no_value
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'value'" })]
      : []),
    ...(given.section === undefined && given.option === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'section' or 'option'" })]
      : []),
  ],
  needs: (given) => [`path:${given.path}`, ...ownerNeeds(given)],
  touches: editTouches,
  edits: fileEdits,
  probe: probeText,
  parse: parseText,
  plan: (now, given, ctx) => planEdit(now, given, ctx, (before) => edit(before, given), given.state === 'absent'),
  data: (now, given, _ctx, ran) => ({ ...fileData(given.path, now), ...placedData(ran?.stdout) }),
});

export function edit(
  before: string,
  given: Pick<
    Args,
    | 'section'
    | 'section_has_values'
    | 'option'
    | 'value'
    | 'values'
    | 'state'
    | 'exclusive'
    | 'ignore_spaces'
    | 'no_extra_spaces'
    | 'allow_no_value'
    | 'modify_inactive_option'
  >,
): string {
  const was = splitLines(before);
  const { section, option, state } = given;
  const [start, end] = bounds(was.list, section, given.section_has_values ?? []);
  const done = (list: readonly string[]): string => {
    const same = list.length === was.list.length && list.every((line, at) => line === was.list[at]);
    return same ? before : joinLines(list, { eol: was.eol, final: true });
  };
  if (option === undefined) {
    if (state === 'absent') return start < 0 ? before : done(was.list.toSpliced(start - 1, end - start + 1));
    return start < 0 ? done([...was.list, ...newSection(given, [])]) : before;
  }
  const wanted = given.values ?? [given.value];
  const lines = wanted.map((value) => written(option, value, given));
  if (start < 0) return state === 'absent' ? before : done([...was.list, ...newSection(given, lines)]);
  const inner = was.list.slice(start, end);
  const isActive = (line: string): boolean => nameIn(line) === option;
  if (state === 'absent') {
    const isMeant = (line: string): boolean =>
      isActive(line) && (given.exclusive || wanted.every((v) => v === undefined) || wanted.includes(valueIn(line)));
    return done([...was.list.slice(0, start), ...inner.filter((line) => !isMeant(line)), ...was.list.slice(end)]);
  }
  return done([
    ...was.list.slice(0, start),
    ...set(inner, lines, option, wanted, given, isActive),
    ...was.list.slice(end),
  ]);
}

function set(
  inner: readonly string[],
  lines: readonly string[],
  option: string,
  wanted: readonly (string | undefined)[],
  given: Parameters<typeof edit>[1],
  isActive: (line: string) => boolean,
): readonly string[] {
  const missing = new Map(wanted.map((value, at) => [value, lines[at] ?? '']));
  const free: number[] = [];
  const out: (string | undefined)[] = [...inner];
  for (const [at, line] of inner.entries()) {
    if (!isActive(line)) continue;
    const present = valueIn(line);
    const canonical = missing.get(present);
    if (canonical === undefined) free.push(at);
    else if (!given.ignore_spaces) out[at] = canonical;
    missing.delete(present);
  }
  const inactive = inner.flatMap((line, at) =>
    given.modify_inactive_option && /^\s*[#;]/.test(line) && nameIn(line.replace(/^\s*[#;]+\s*/, '')) === option
      ? [at]
      : [],
  );
  const slots = given.exclusive ? [...free, ...inactive] : inactive;
  for (const [value, line] of [...missing]) {
    const at = slots.shift();
    if (at === undefined) continue;
    out[at] = line;
    missing.delete(value);
    const index = free.indexOf(at);
    if (index >= 0) free.splice(index, 1);
  }
  if (given.exclusive) for (const at of free) out[at] = undefined;
  const kept = out.filter((line): line is string => line !== undefined);
  const last = kept.findLastIndex((line) => line.trim() !== '');
  return kept.toSpliced(last + 1, 0, ...missing.values());
}

/**
 * The lines between the header of a section that has all these values and the next header. -1 if there is no such
 * section.
 */
function bounds(
  list: readonly string[],
  section: string | undefined,
  values: readonly Condition[],
): readonly [number, number] {
  const isHead = (line: string): boolean => /^\s*\[.*\]\s*([#;].*)?$/.test(line);
  const isMeant = (line: string): boolean => isHead(line) && line.trim().startsWith(`[${section}]`);
  const endOf = (start: number): number => {
    const next = list.findIndex((line, at) => at >= start && isHead(line));
    return next < 0 ? list.length : next;
  };
  const starts = section === undefined ? [0] : list.flatMap((line, at) => (isMeant(line) ? [at + 1] : []));
  const start = starts.find((at) => values.every((one) => list.slice(at, endOf(at)).some((line) => holds(line, one))));
  return start === undefined ? [-1, -1] : [start, endOf(start)];
}

type Condition = NonNullable<Args['section_has_values']>[number];

function valuesOf({ value, values }: Condition): readonly string[] {
  return values ?? (value === undefined ? [] : [value]);
}

function holds(line: string, condition: Condition): boolean {
  const values = valuesOf(condition);
  return nameIn(line) === condition.option && (values.length === 0 || values.includes(valueIn(line) ?? ''));
}

/** A section with the values by which it will be found again. */
function newSection(given: Parameters<typeof edit>[1], lines: readonly string[]): readonly string[] {
  const found = (given.section_has_values ?? []).flatMap((condition) => {
    if (condition.option === given.option) return [];
    const values = valuesOf(condition);
    if (values.length === 0) return given.allow_no_value ? [condition.option] : [];
    return values.map((value) => written(condition.option, value, given));
  });
  return [`[${given.section ?? ''}]`, ...found, ...lines];
}

function nameIn(line: string): string | undefined {
  return /^\s*([^=#;[\s][^=]*?)\s*(?:=|$)/.exec(line)?.[1];
}

function valueIn(line: string): string | undefined {
  const at = line.indexOf('=');
  return at < 0 ? undefined : line.slice(at + 1).trim();
}

function written(option: string, value: string | undefined, { no_extra_spaces }: Parameters<typeof edit>[1]): string {
  if (value === undefined) return option;
  return no_extra_spaces ? `${option}=${value}` : `${option} = ${value}`;
}
