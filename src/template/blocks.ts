// Inheritance: the blocks of a template, and of the templates that it extends.

import type { Block } from './ast.ts';
import { Callable, type Item, Thing, wrong } from './item.ts';
import type { Blocks, Frame, Here, Machine, Program } from './machine.ts';

/** Runs one block, at a nesting of `super()`: 0 is that of the template which extends all others. */
type Run = (name: string, level: number, base: Frame, here: Here) => Item;

/** Begins to render a template. `outer` are the names around it. */
export function begin(machine: Machine, program: Program, outer: Frame | undefined): Here {
  const frame: Frame = { names: new Map(), outer };
  return { machine, program, frame, blocks: withBlocks({ of: new Map(), root: frame }, program) };
}

/** Goes on with the template that this one extends. Its names are the same. */
export function parentOf(here: Here, program: Program): Here {
  return { ...here, program, blocks: withBlocks(here.blocks, program) };
}

function withBlocks({ of, root }: Blocks, program: Program): Blocks {
  const all = new Map(of);
  for (const block of program.blocks) all.set(block.name, [...(all.get(block.name) ?? []), { program, block }]);
  return { of: all, root };
}

/** Where the content of a block runs, and what it is. Only a `scoped` block reads names around it, such as a loop's. */
export function enter(name: string, level: number, base: Frame, here: Here, run: Run): readonly [Here, Block] {
  const found = here.blocks.of.get(name)?.[level];
  if (found === undefined)
    return wrong(level === 0 ? `no block '${name}'` : `there is no parent block called '${name}'`);
  if (found.block.required)
    wrong(`required block '${name}' not found`, { hint: 'define it in the template that extends' });
  const frame: Frame = {
    names: new Map<string, Item>([['super', new Callable('super', () => run(name, level + 1, base, here))]]),
    outer: base,
  };
  return [{ ...here, program: found.program, frame }, found.block];
}

/** The variable `self`: {{ self.title() }} shows a block once more. */
export function self(here: Here, run: Run): Thing {
  return new Thing('TemplateReference', (name) =>
    here.blocks.of.has(name) ? new Callable(name, () => run(name, 0, here.blocks.root, here)) : undefined,
  );
}
