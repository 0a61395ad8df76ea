// What lookups need of the controller: programs, the network, names of files, YAML texts.

import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseYaml, toRaw } from '../config/source.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { isDict, type Raw, TemplateText, type Value } from '../core/value.ts';
import type { FetchOptions, TemplatePorts } from '../template/env.ts';

const MOST = 64 * 1024 * 1024;

/** The standard output of a program on this machine. Throws Failure if it fails. */
export function outputOf(
  program: string,
  args: readonly string[],
  {
    cwd,
    from,
    what,
    input,
    timeout,
  }: Readonly<{ cwd: string; from: Pos; what: string; input?: string; timeout?: number }>,
): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: MOST,
    ...(input !== undefined && { input }),
    ...(timeout !== undefined && { timeout }),
  });
  if (status === 0) return stdout;
  const problem = `'${what}' failed with exit code ${status ?? 'unknown'}`;
  const detail = (error?.message ?? stderr).trim();
  throw failure('E_TEMPLATE_VALUE', { problem: detail === '' ? problem : `${problem}: ${detail}` }, from);
}

/** Runs in a process of its own, because a lookup has its answer at once. The request arrives on stdin. */
const FETCH = `
const { url, options } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
if (!options.isVerified) process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const { user, password, headers, timeout } = options;
const own = user === undefined ? {} : { authorization: 'Basic ' + Buffer.from(user + ':' + (password ?? '')).toString('base64') };
fetch(url, { headers: { ...own, ...headers }, signal: AbortSignal.timeout(timeout * 1000) })
  .then(async (answer) => {
    if (!answer.ok) throw new Error('the server answered ' + answer.status + ' ' + answer.statusText);
    process.stdout.write(await answer.text());
  })
  .catch((error) => { console.error(error.cause?.message ?? error.message); process.exitCode = 1; });
`;

export function fetched(url: string, options: FetchOptions, from: Pos): string {
  const input = JSON.stringify({ url, options });
  return outputOf(process.execPath, ['--no-warnings', '-e', FETCH], { cwd: '/', from, what: `GET ${url}`, input });
}

/** The files, no directories, that match a shell pattern in the last part of a path. */
export function filesMatching(pattern: string): readonly string[] {
  const folder = dirname(pattern);
  const name = basename(pattern)
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const regex = new RegExp(`^(?!\\.)${name}$`);
  try {
    const names = readdirSync(folder)
      .filter((one) => regex.test(one))
      .sort();
    return names.map((one) => join(folder, one)).filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  } catch {
    return []; // the directory does not exist
  }
}

export function lookAt(path: string): ReturnType<TemplatePorts['look']> {
  const own = lstatSync(path, { throwIfNoEntry: false });
  const stat = statSync(path, { throwIfNoEntry: false });
  const above = statSync(join(path, '..'), { throwIfNoEntry: false });
  const kind = stat === undefined ? 'absent' : stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  const isMount = kind === 'directory' && (stat?.dev !== above?.dev || stat?.ino === above?.ino);
  return { kind, isLink: own?.isSymbolicLink() === true, isMount, id: `${stat?.dev}:${stat?.ino}` };
}

/** The value of a YAML text. Templates in it stay texts. Throws Failure. */
export function valueOfYaml(text: string): Value {
  const problems: Diagnostic[] = [];
  const node = parseYaml(text, 'from_yaml', problems);
  if (problems.length > 0) throw new Failure(problems);
  return node === undefined ? null : plain(toRaw(node));
}

function plain(raw: Raw): Value {
  if (raw instanceof TemplateText) return raw.text;
  if (Array.isArray(raw)) return raw.map((one) => plain(one as Raw));
  if (isDict(raw)) return Object.fromEntries(Object.entries(raw).map(([key, one]) => [key, plain(one as Raw)]));
  return raw as Value;
}
