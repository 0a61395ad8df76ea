// An object that an earlier task has to create first.
import type { Blocked } from '../../core/module.ts';

export function noSuch(kind: 'user' | 'group', name: string): Blocked {
  return {
    blocked: `there is no ${kind} '${name}' on the host`,
    hint: `make it in an earlier task (${kind}: name=${name})`,
  };
}

export function noFolder(folder: string): Blocked {
  return {
    blocked: `the directory ${folder} does not exist`,
    hint: `make it in an earlier task (file: path=${folder} state=directory)`,
  };
}
