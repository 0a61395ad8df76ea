import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve as resolvePath } from 'node:path';
import { readRegular, unreadable } from '../config/files.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import type { Templates } from '../engine/ports.ts';
import type { TemplatePorts } from '../template/env.ts';
import { print } from '../template/print.ts';
import { makeScope } from '../template/scope.ts';
import {
  compileExpression,
  compileTemplate,
  findUnknown,
  resolve,
  sealed,
  toPlain,
  truthy,
} from '../template/template.ts';
import { notHere } from './local-files.ts';
import { listTree } from './tree.ts';

/** The ports of template/ on the controller. */
export function templatePorts(
  options: Readonly<{ onSecret: (secret: string) => void; writes: boolean; dir: string }>,
): TemplatePorts {
  const fresh = new Map<string, string>();
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolvePath(options.dir, path));
  const find = (path: string, from: Pos, folder: 'files' | 'templates' = 'files'): string => {
    const here = dirname(from.file);
    const beside = [
      join(here, '..', folder, path),
      join(here, path),
      join(options.dir, folder, path),
      join(options.dir, path),
    ];
    const tried = isAbsolute(path) ? [path] : beside;
    const found = tried.find((p) => existsSync(p));
    if (found !== undefined) return found;
    throw notHere(path, tried, from);
  };
  let effects = 0;
  const counted = <A extends readonly unknown[], T>(reach: (...given: A) => T) => {
    return (...given: A): T => {
      effects++;
      return reach(...given);
    };
  };
  return {
    effects: () => effects,
    onSecret: options.onSecret,
    readFile: counted((path, from, folder) => textOf(find(path, from, folder), from)),
    listTree: counted((path, exclude, from) => listTree(find(path, from), exclude)),
    env: counted((name) => process.env[name]),
    now: counted(() => new Date()),
    /**
     * A password is created once and stored beside the inventory. A plan creates a temporary one and stores nothing.
     */
    password: counted((path, make) => {
      if (path === '/dev/null') {
        const password = make(); // a new one each time, stored nowhere
        options.onSecret(password);
        return password;
      }
      const file = absolute(path);
      const known =
        fresh.get(file) ??
        (existsSync(file) ? (textOf(file, { file, line: 1, col: 1 }).split(' salt=')[0] ?? '').trim() : undefined);
      const password = known ?? make();
      fresh.set(file, password);
      options.onSecret(password);
      if (known === undefined && options.writes) {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, `${password}\n`, { mode: 0o600 });
      }
      return password;
    }),
  };
}

function textOf(path: string, at: Pos): string {
  try {
    return new TextDecoder().decode(readRegular(path));
  } catch (error) {
    throw new Failure(unreadable(path, error, at));
  }
}

/** Adapts template/ to the engine's port. */
export function templatesFor(ports: TemplatePorts): Templates {
  return {
    scope: (layers) => makeScope(layers, ports),
    resolve: (raw, scope) => resolve(raw, { get: scope.get, ports }),
    evaluate: (expression, at, scope) => compileExpression(expression, at).evaluate({ get: scope.get, ports }),
    truthy,
    render: (text, at, scope, options) => compileTemplate(text, at, options).evaluate({ get: scope.get, ports }),
    namesIn: (text, at) => compileTemplate(text, at).names,
    findUnknown,
    toPlain,
    seal: sealed,
    print,
    effects: () => ports.effects?.() ?? Number.NaN,
  };
}

export function nonce(bytes = 4): string {
  return randomBytes(bytes).toString('hex');
}
