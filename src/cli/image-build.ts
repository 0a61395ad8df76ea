import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { openFiles } from '../config/files.ts';
import { placeOf, toRaw } from '../config/source.ts';
import { binder } from '../core/bind.ts';
import { type Diagnostic, didYouMean } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import { duration, size } from '../core/units.ts';
import { buildImage, builtImages, imageFile } from '../hardware/image/build.ts';
import { withFileErrors } from '../hardware/image/programs.ts';
import { type Recipe, RecipeFile, USUAL } from '../hardware/image/recipe.ts';
import type { Progress } from '../hardware/image/source.ts';
import { table } from '../report/summary.ts';
import { streams } from './output.ts';
import { stopOnProblems } from './project.ts';

/** Where built and downloaded images are kept. */
export const IMAGES = join('.bringup', 'images');

const bind = binder(RecipeFile, 'image recipe');

/** Builds an image from its description. */
export async function build(
  name: string,
  { file, isForced }: Readonly<{ file: string | undefined; isForced: boolean }>,
  signal: AbortSignal,
): Promise<number> {
  const started = Date.now();
  const recipe = recipeOf(name, file);
  const built = await withProgress((progress) =>
    withFileErrors(IMAGES, () => buildImage(name, recipe, { folder: IMAGES, isForced, progress, signal })),
  );
  const took = pc.dim(`(${duration(Date.now() - started)})`);
  const what = built.isNew ? `built ${size(built.bytes)}` : 'is built already';
  streams.out(`${pc.green('✓')} ${pc.bold(name)}: ${what}, ${imageFile(IMAGES, name)} ${took}\n`);
  return 0;
}

function recipeOf(name: string, given: string | undefined): Recipe {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name))
    throw failure('E_IMAGE_RECIPE', {
      problem: `'${name}' is not a valid name of an image`,
      expected: 'at most 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first',
    });
  const file = given ?? join('images', `${name}.yml`);
  const usual = USUAL[name];
  if (given === undefined && !existsSync(file)) {
    if (usual !== undefined) return bound(usual);
    const { hint, expected } = didYouMean(name, Object.keys(USUAL));
    throw failure('E_IMAGE_RECIPE', {
      problem: `there is no ${file}`,
      expected: `that file, or ${expected}`,
      hint: hint ?? `write ${file}, for example with the line: debian: 13`,
    });
  }
  const problems: Diagnostic[] = [];
  const node = openFiles(problems).yaml(file);
  stopOnProblems(problems);
  if (node?.kind !== 'map')
    throw failure('E_IMAGE_RECIPE', { problem: `${file} is not a map`, expected: 'debian: 13, and so on' });
  const result = bind(toRaw(node) as Readonly<Record<string, unknown>>);
  if (!('errors' in result)) return result.args;
  stopOnProblems(
    result.errors.map(({ path, message, expected, hint }) =>
      tell(
        'E_IMAGE_RECIPE',
        { problem: message, expected, hint },
        placeOf(node, path, path.length > 0 && message.startsWith('unknown') ? 'key' : 'value'),
      ),
    ),
  );
  throw new Error('a recipe with errors has problems');
}

function bound(recipe: object): Recipe {
  const result = bind({ ...recipe });
  if ('errors' in result) throw new Error('a usual recipe is wrong');
  return result.args;
}

export async function listImages(): Promise<number> {
  const rows = (await builtImages(IMAGES)).map(({ name, debian, arch, time, bytes, sha256 }) => [
    pc.bold(name),
    `Debian ${debian}`,
    arch,
    size(bytes),
    new Date(time * 1000).toISOString().slice(0, 10),
    `sha256:${sha256.slice(0, 12)}`,
  ]);
  streams.out(rows.length === 0 ? 'no images are built: bringup image build debian-13\n' : `${table(rows)}\n`);
  return 0;
}

/** Shows progress on one line of a terminal, which is cleared at the end. Without a terminal, prints each step once. */
export async function withProgress<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
  const isTerminal = process.stderr.isTTY === true;
  let last = '';
  try {
    return await work((what, bytes, of) => {
      const amount = bytes === undefined ? '' : `  ${size(bytes)}${of === undefined ? '' : ` of ${size(of)}`}`;
      const line = isTerminal ? `${what}${amount}` : what;
      if (line === last) return;
      last = line;
      streams.err(isTerminal ? `${CLEAR}${pc.dim(line)}` : `${pc.dim(line)}\n`);
    });
  } finally {
    if (isTerminal && last !== '') streams.err(CLEAR);
  }
}
const CLEAR = '\r\u001b[K';
