import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import {
  type Change,
  type Context,
  isBlocked,
  isStep,
  type LocalFile,
  type Module,
  type Step,
  type Steps,
} from '../../../src/core/module.ts';
import { type Script, setLibraries } from '../../../src/core/sh.ts';
import type { Value, Vars } from '../../../src/core/value.ts';

/** A context with the given files on the controller: path → content. */
export function context(
  files: Readonly<Record<string, string | Uint8Array>> = {},
  more: Partial<Context> = {},
): Context {
  const local = (path: string): LocalFile => {
    const data = files[path];
    if (data === undefined) throw new Error(`no such file in the test: ${path}`);
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    return {
      path,
      size: bytes.length,
      mode: 0o644,
      sha256: sha256(bytes),
      sha1: hash('sha1', bytes),
      md5: hash('md5', bytes),
      read: () => bytes,
    };
  };
  const below = (path: string): readonly string[] => {
    const folder = path.endsWith('/') ? path : `${path}/`;
    return Object.keys(files)
      .filter((name) => name.startsWith(folder))
      .sort();
  };
  return {
    facts: {},
    user: 'root',
    diff: true,
    file: local,
    isFolder: (path) => !(path in files) && below(path).length > 0,
    tree: (path) =>
      below(path).map((name) => ({
        path: name.slice(path.endsWith('/') ? path.length : path.length + 1),
        file: local(name),
      })),
    render: (path) => new TextDecoder().decode(local(path).read()),
    evaluate: (expression) => {
      const value: Value | undefined = more.facts?.[expression];
      return value ?? null;
    },
    sha256,
    sha1: (data) => hash('sha1', data),
    md5: (data) => hash('md5', data),
    variables: () => ({}),
    nonce: 'n0nce',
    ...more,
  };
}

function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}

function hash(algorithm: string, data: string | Uint8Array): string {
  return createHash(algorithm).update(data).digest('hex');
}

/** The task's step. Throws the errors of its arguments. */
export function bound(module: Module, args: Readonly<Record<string, unknown>>): Step {
  const step = module.bind(args);
  if (!isStep(step)) throw new Error(step.map((e) => `${e.path.join('.')}: ${e.message}`).join('\n'));
  return step;
}

/** The errors of the arguments, as text. */
export function refusal(module: Module, args: Readonly<Record<string, unknown>>): string {
  const step = module.bind(args);
  return isStep(step)
    ? ''
    : step.map((e) => [e.message, e.expected, e.hint].filter((s) => s !== undefined).join('; ')).join('\n');
}

/** A plan in short: the changes' descriptions, or why it is blocked. */
export function words(steps: Steps): readonly string[] | string {
  return isBlocked(steps) ? steps.blocked.message : steps.map((s) => s.what);
}

export function changes(steps: Steps): readonly Change[] {
  if (isBlocked(steps)) throw new Error(steps.blocked.message);
  return steps;
}

type Ran = Readonly<{ code: number; stdout: string; stderr: string }>;

/** Runs a script as the engine does: in a subshell of dash with `set -u` and closed stdin. */
export function run(script: Script): Ran {
  const { status, stdout, stderr } = spawnSync('dash', ['-s'], {
    input: `${setLibraries([script])}( set -u\n${script.text}\n) </dev/null\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { code: status ?? 1, stdout, stderr };
}

/** Runs a task on this machine: probe, plan, run, probe, plan. The second plan must be empty. */
export function apply(
  module: Module,
  args: Readonly<Record<string, unknown>>,
  ctx: Context = context(),
): Readonly<{ first: readonly string[] | string; again: readonly string[] | string; data: Vars; failed?: string }> {
  const step = bound(module, args);
  const look = (): string => {
    const out = step.probe === undefined ? { code: 0, stdout: '', stderr: '' } : run(step.probe(ctx));
    if (out.stderr !== '') throw new Error(`the probe complains: ${out.stderr}`);
    return out.stdout;
  };
  const before = look();
  const planned = step.plan(before, ctx);
  if (isBlocked(planned))
    return { first: planned.blocked.message, again: planned.blocked.message, data: step.data(before, ctx) };
  let output: Ran = { code: 0, stdout: '', stderr: '' };
  for (const change of planned) {
    for (const upload of change.upload ?? []) {
      if (!('content' in upload)) continue;
      if (upload.isSpooled === true) mkdirSync(dirname(upload.to), { mode: 0o700 });
      const parts = upload.content.map((part) => (part instanceof Uint8Array ? part : part.read()));
      writeFileSync(upload.to, Buffer.concat(parts), { mode: 0o600 });
    }
    const ran = run(change.run);
    const says = ran.code === 0 && change.says !== undefined ? `${change.says}\n` : '';
    output = { ...ran, stdout: output.stdout + ran.stdout + says };
    if (ran.code !== 0)
      return { first: words(planned), again: ran.stderr, data: step.data(before, ctx, ran), failed: ran.stderr };
  }
  const after = look();
  return {
    first: words(planned),
    again: words(step.plan(after, ctx)),
    data: step.data(after, ctx, planned.length > 0 ? output : undefined),
  };
}

const made: string[] = [];
/** A new directory for each test, removed after it. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-'));
  made.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export const read = (path: string): string => readFileSync(path, 'utf8');
export const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8).padStart(4, '0');
export const list = (path: string): readonly string[] => (existsSync(path) ? readdirSync(path).sort() : []);

export function syntax(script: Script): string {
  try {
    execFileSync('dash', ['-n'], {
      input: setLibraries([script]) + script.text,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return '';
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr ?? error);
  }
}
