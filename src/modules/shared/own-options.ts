// The arguments of a project's own module, as its declaration has them: options as in meta/argument_specs.yml.
import { type TObject, type TSchema, type TSchemaOptions, Type } from 'typebox';
import { isDict, type Value, type Vars } from '../../core/value.ts';
import { absolutePath } from './args.ts';

export type Declared = Readonly<{ args: TObject; aliases: Readonly<Record<string, string>> }>;
/** What is wrong with a declaration. `path` leads to the place. */
export type WrongOption = Readonly<{ path: readonly string[]; problem: string; expected?: string }>;

/** Takes any argument. */
export const UNDECLARED: Declared = { args: Type.Object({}, { additionalProperties: true }), aliases: {} };

const KEYS = [
  'type',
  'elements',
  'required',
  'default',
  'choices',
  'aliases',
  'options',
  'no_log',
  'description',
  'version_added',
];
const TYPES = ['str', 'int', 'float', 'bool', 'list', 'dict', 'path', 'raw'] as const;

/** The schema of the options. What is wrong is added to `wrong`. */
export function declared(options: Vars, wrong: WrongOption[], at: readonly string[] = []): Declared {
  const aliases: Record<string, string> = {};
  const properties: Record<string, TSchema> = {};
  for (const [name, option] of Object.entries(options)) {
    const path = [...at, name];
    if (!/^[A-Za-z_]\w*$/.test(name) || name.startsWith('_ansible_')) {
      wrong.push({
        path,
        problem: `'${name}' cannot name an option`,
        expected: 'letters, digits and _; no digit first',
      });
    }
    const given = option === null ? {} : option;
    if (!isDict(given)) {
      wrong.push({ path, problem: `the option '${name}' is no map`, expected: `${name}: {type: str}` });
      continue;
    }
    for (const key of Object.keys(given)) {
      if (!KEYS.includes(key))
        wrong.push({
          path: [...path, key],
          problem: `the option '${name}' has an unknown key '${key}'`,
          expected: KEYS.join(', '),
        });
    }
    const others = given['aliases'] ?? [];
    if (!Array.isArray(others) || !others.every((one) => typeof one === 'string'))
      wrong.push({
        path: [...path, 'aliases'],
        problem: `the aliases of '${name}' are no list of names`,
        expected: '[one, two]',
      });
    else if (others.length > 0 && at.length > 0)
      wrong.push({
        path: [...path, 'aliases'],
        problem: `'${name}' is inside of another option and can have no alias`,
      });
    else for (const alias of others) aliases[alias] = name;
    const schema = schemaOf(name, given, wrong, path);
    properties[name] = given['required'] === true ? schema : Type.Optional(schema);
  }
  return { args: Type.Object(properties, { additionalProperties: false }), aliases };
}

function schemaOf(name: string, option: Vars, wrong: WrongOption[], path: readonly string[]): TSchema {
  const { type = 'str', elements, choices, default: preset, no_log: isSecret, description } = option;
  const options = {
    description: typeof description === 'string' ? description : '',
    ...(preset !== undefined && preset !== null && { default: preset }),
    ...(isSecret === true && { secret: true }),
  };
  if (choices !== undefined && !Array.isArray(choices))
    wrong.push({ path: [...path, 'choices'], problem: `the choices of '${name}' are no list`, expected: '[one, two]' });
  const only = Array.isArray(choices) ? { enum: choices.map(String), expected: `one of ${choices.join(', ')}` } : {};
  const uses: readonly (readonly [string, boolean])[] = [
    ['choices', ['str', 'path', 'int', 'float'].includes(String(type === 'list' ? elements : type))],
    ['elements', type === 'list'],
    ['options', (type === 'list' ? elements : type) === 'dict'],
  ];
  for (const [key, hasEffect] of uses) {
    if (option[key] === undefined || hasEffect) continue;
    wrong.push({
      path: [...path, key],
      problem: `'${key}' has no effect on the option '${name}' of type ${String(type)}`,
    });
  }
  const inside = isDict(option['options']) ? option['options'] : undefined;
  const of = (kind: Value, more: TSchemaOptions, key: string): TSchema => {
    switch (kind) {
      case 'str':
        return Type.String({ ...only, ...more });
      case 'path':
        return 'enum' in only ? Type.String({ ...only, ...more }) : { ...absolutePath(''), ...more };
      case 'int':
        return Type.Integer({ ...numbers(only), ...more });
      case 'float':
        return Type.Number({ ...numbers(only), ...more });
      case 'bool':
        return Type.Boolean(more);
      case 'raw':
        return Type.Unsafe({ ...more });
      case 'dict':
        return inside === undefined
          ? Type.Object({}, { additionalProperties: true, ...more })
          : { ...declared(inside, wrong, [...path, 'options']).args, ...more };
      case 'list':
        return Type.Array(elements === undefined ? Type.Unsafe({}) : of(elements, {}, 'elements'), more);
      default:
        wrong.push({
          path: [...path, key],
          problem: `the option '${name}' has an unknown type '${String(kind)}'`,
          expected: `one of ${TYPES.join(', ')}`,
        });
        return Type.Unsafe({});
    }
  };
  return of(type, options, 'type');
}

function numbers(only: Readonly<{ enum?: readonly string[]; expected?: string }>): TSchemaOptions {
  return only.enum === undefined ? {} : { ...only, enum: only.enum.map(Number) };
}
