import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checks } from '../../../src/checks/index.ts';
import { KEYWORDS, type Shape, violations } from '../../../src/core/schema.ts';
import { modules } from '../../../src/modules/index.ts';

// ajv says what a schema means: ours must find the same faults, and fill in the same defaults.
const ajv = new Ajv({ allErrors: true, useDefaults: true, strictTypes: false, allowUnionTypes: true });
ajv.addVocabulary(['expected', 'secret']);

const all = [...Object.values(modules), ...checks.values()];

describe.each(all.map((m) => ({ name: m.name, args: m.args })))('$name', ({ args }) => {
  const validate = ajv.compile(args);

  test('uses only words that are looked at', () => {
    for (const word of wordsOf(args as Shape)) expect(KEYWORDS).toContain(word);
  });

  test('finds what ajv finds, in its words', () => {
    fc.assert(
      fc.property(argumentsFor(args as Shape), (input) => {
        const [ours, theirs] = [structuredClone(input), structuredClone(input)];
        const found = violations(args, ours);
        validate(theirs);
        const errors = validate.errors ?? [];
        const unions = errors.filter((e) => e.keyword === 'anyOf').map((e) => e.instancePath);
        // Of a union its own fault is told, not those of its branches.
        const wanted = errors
          .filter(
            (e) =>
              !unions.some(
                (path) =>
                  `${e.instancePath}/`.startsWith(`${path}/`) && !(e.instancePath === path && e.keyword === 'anyOf'),
              ),
          )
          .map((e) => `${e.instancePath} ${e.keyword} ${e.message}`);
        const got = found.map((v) => `${pointer(v.path)} ${v.keyword} ${v.message}`);
        expect(got.sort()).toEqual(wanted.sort());
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 150 },
    );
  });
});

/** RFC 6901, as ajv writes paths. */
function pointer(path: readonly (string | number)[]): string {
  return path.map((p) => `/${String(p).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function* wordsOf(shape: Shape): Iterable<string> {
  yield* Object.keys(shape);
  const below = [
    ...Object.values(shape.properties ?? {}),
    ...Object.values(shape.patternProperties ?? {}),
    ...(shape.anyOf ?? []),
    ...(shape.items === undefined ? [] : [shape.items]),
    ...(typeof shape.additionalProperties === 'object' ? [shape.additionalProperties] : []),
  ];
  for (const one of below) yield* wordsOf(one);
}

const anything = fc.oneof(
  fc.constantFrom<unknown>('', '0644', 'present', 'a b', 0, -1, 1.5, 70000, true, null, [], {}, Number.NaN),
  fc.string(),
  fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 }),
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxKeys: 3 }),
);

/** Mostly near what the schema wants, with something wrong in it here and there. */
function argumentsFor(shape: Shape): fc.Arbitrary<Record<string, unknown>> {
  const own = Object.entries(shape.properties ?? {}).map(([key, one]) => [key, valueFor(one)] as const);
  return fc
    .tuple(
      fc.record(Object.fromEntries(own), { requiredKeys: [] }),
      fc.dictionary(fc.constantFrom('mtach', 'x'), anything, { maxKeys: 1 }),
    )
    .map(([known, wrong]) => ({ ...known, ...wrong }));
}

function valueFor(shape: Shape): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: fitting(shape), weight: 4 }, { arbitrary: anything, weight: 1 });
}

function fitting(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.anyOf !== undefined) return fc.oneof(...shape.anyOf.map(valueFor));
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  switch (shape.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: -2, max: 70_000 });
    case 'number':
      return fc.double();
    case 'array':
      return fc.array(shape.items === undefined ? anything : valueFor(shape.items), { maxLength: 3 });
    case 'object':
      return argumentsFor(shape);
    default:
      return fc.oneof(fc.string(), fc.constantFrom('0644', 'u=rw', '/etc/x', 'a.b', '10.0.0.1'));
  }
}
