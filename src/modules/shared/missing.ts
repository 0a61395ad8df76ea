// An object that an earlier task has to create first.
import { type Blocked, blocked } from '../../core/module.ts';

export function noSuch(kind: 'user' | 'group', name: string): Blocked {
  return blocked('E_NO_ACCOUNT', { kind, name });
}

export function noFolder(folder: string): Blocked {
  return blocked('E_PATH_MISSING', {
    path: folder,
    what: 'the directory ',
    hint: `create it in an earlier task (file: path=${folder} state=directory)`,
  });
}
