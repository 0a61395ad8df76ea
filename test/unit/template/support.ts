import { fetched, lookAt, outputOf, valueOfYaml } from '../../../src/cli/lookups.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import { failure } from '../../../src/core/errors/index.ts';
import type { RawVars } from '../../../src/core/value.ts';
import { TemplateText } from '../../../src/core/value.ts';
import type { TemplatePorts } from '../../../src/template/env.ts';
import { makeScope, type Scope } from '../../../src/template/scope.ts';

export const at = { file: 'play.yml', line: 7, col: 3 };

/** Ports over files that are given as an object. */
export function portsOf(files: Readonly<Record<string, string>> = {}): TemplatePorts {
  const stored = new Map<string, string>();
  return {
    readFile: (path, from) =>
      files[path] ??
      (() => {
        throw failure('E_FILE_MISSING', { path }, from);
      })(),
    env: (name) => (name === 'HOME' ? '/root' : undefined),
    password: (path, make) => {
      const found = stored.get(path) ?? make();
      stored.set(path, found);
      return found;
    },
    now: () => new Date('2024-02-29T12:34:56Z'),
    run: (command, from) => outputOf('/bin/sh', ['-c', command], { cwd: '/', from, what: command }),
    fetch: (url, options, from) => fetched(url, options, from),
    glob: (pattern) => Object.keys(files).filter((name) => name.startsWith(pattern.replace(/\*.*$/, ''))),
    find: (path) => (path in files ? path : undefined),
    look: lookAt,
    hosts: (pattern) => [pattern],
    unvault: (content) => `opened ${content.length}`,
    parseYaml: valueOfYaml,
  };
}

export function envOf(vars: RawVars, files: Readonly<Record<string, string>> = {}): Scope {
  return makeScope([vars], portsOf(files));
}

export function text(source: string): TemplateText {
  return new TemplateText(source, at);
}

export function caught(make: () => unknown): Failure {
  try {
    make();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
