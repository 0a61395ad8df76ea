import { type RawVars, Unknown } from '../../core/value.ts';
import { type HostState, NotKnown, type Where } from '../host/state.ts';
import { scopeFor, type World } from '../host/variables.ts';

/** Reads `vars_files` whose names need the host's facts or variables. Throws NotKnown, Failure. */
export function playFilesOf(world: World, host: HostState, where: Where): readonly RawVars[] {
  const { localFiles, templates } = world.run;
  return where.play.lateVarsFiles.map(({ names, folders, at }) => {
    const scope = scopeFor(world, host, where);
    const texts = names.map((raw) => {
      const value = templates.resolve(raw, scope);
      if (value instanceof Unknown) throw new NotKnown(value.because);
      return templates.print(value);
    });
    const isThere = (text: string): boolean => {
      try {
        localFiles.file(text, folders, at);
        return true;
      } catch {
        return false; // the last name is reported if none of them exists
      }
    };
    return localFiles.vars(texts.find(isThere) ?? texts.at(-1) ?? '', folders, at);
  });
}
