// A project's own module that is a shell script: library/NAME.sh. docs/own-modules.md describes the contract.
import type { TObject } from 'typebox';
import { argError } from '../../core/bind.ts';
import { tell } from '../../core/errors/index.ts';
import {
  type Change,
  type Context,
  type Diff,
  defineModule,
  type Module,
  type Output,
  type Steps,
  type Verdict,
} from '../../core/module.ts';
import { quote, type Script, sh, verbatim } from '../../core/sh.ts';
import { isDict, type Vars } from '../../core/value.ts';
import { decodeText } from './bytes.ts';

export type OwnScript = Readonly<{
  name: string;
  /** The path of the script, which identifies its schema. */
  file: string;
  text: string;
  summary: string;
  /** The schema of the arguments. Without a declaration, it takes any. */
  args: TObject;
  aliases: Readonly<Record<string, string>>;
  /** The facts that the module may return, as far as they are declared. */
  facts: readonly string[] | undefined;
}>;

type Given = Readonly<Record<string, unknown>>;
/** What the module printed in check mode. undefined: it does not run in check mode. */
type Current = Output | undefined;

export function ownScript(own: OwnScript): Module {
  const supportsCheck = /^#\s*supports_check_mode:\s*true\s*$/m.test(headerOf(own.text));
  const what = `run the module ${own.name}`;
  return defineModule<TObject, Current>(
    {
      name: own.name,
      summary: own.summary,
      args: own.args,
      aliases: own.aliases,
      examples: [],
      ...(own.facts === undefined ? { defines: () => ['*'] } : { facts: () => own.facts ?? [] }),
      verify: (given) =>
        Object.keys(given as Given)
          .filter((name) => !/^[A-Za-z_]\w*$/.test(name))
          .map((name) => argError([name], 'E_ARGUMENT_VALUE', { problem: `'${name}' cannot name a shell variable` })),
      needs: () => (supportsCheck ? ['*'] : []),
      touches: () => ['*'],
      ...(supportsCheck && { probe: (given: unknown, ctx: Context) => probe(own, given as Given, ctx) }),
      parse: (stdout) => (supportsCheck ? parseProbe(stdout) : undefined),
      plan(current, given, ctx): Steps {
        const run = call(own, given as Given, ctx);
        const verdict = (ran: Output): Verdict => verdictOf(own.name, ran);
        if (current === undefined) return [{ what, run, verdict, action: true }];
        const told = verdictOf(own.name, current);
        if ('failed' in told) return { blocked: told.failed };
        return told.changed ? [{ what, run, verdict, ...diffOf(own.name, resultIn(current.stdout)) }] : [];
      },
      data: (current, _given, _ctx, ran) => dataOf(resultIn((ran ?? current)?.stdout ?? '')),
    },
    `own module ${own.file}`,
  );
}

/** The comment lines at the beginning of the script. */
function headerOf(text: string): string {
  return /^(#.*(\n|$)|\s*\n)*/.exec(text)?.[0] ?? '';
}

/** The shells that may run a module, as a `#!` line names them. */
const SHELL = /^#!\s*(?:\S*\/)?(?:env\s+)?(?:\S*\/)?(?:sh|dash|bash|ash|ksh|mksh|zsh)(\s|$)/;

/** The words of the `#!` line. undefined: it names no shell. */
export function interpreterOf(text: string): readonly string[] | undefined {
  const [first = ''] = text.split('\n', 1);
  if (!first.startsWith('#!')) return ['/bin/sh'];
  return SHELL.test(first) ? first.slice(2).trim().split(/\s+/) : undefined;
}

/**
 * Runs the script. It, its arguments as JSON (stdin) and its arguments as shell variables ($1) travel through file
 * descriptors, so that no argument list and no environment shows them.
 */
function call(own: OwnScript, given: Given, ctx: Context): Script {
  const end = verbatim(`END_${ctx.nonce}`);
  return sh`${interpreterOf(own.text) ?? []} /dev/fd/3 /dev/fd/4 3<<'${end}' 4<<'${end}' <<'${end}'
${texts(own, given, false, ctx)}`;
}

/** Runs the script in check mode, and reports its exit code and its errors beside its output. */
function probe(own: OwnScript, given: Given, ctx: Context): Script {
  const end = verbatim(`END_${ctx.nonce}`);
  return sh`{ e=$(${interpreterOf(own.text) ?? []} /dev/fd/3 /dev/fd/4 <&6 6<&- 2>&1 >&5 5>&-); x=$?; } 5>&1 3<<'${end}' 4<<'${end}' 6<<'${end}'
${texts(own, given, true, ctx)}
printf '\n%s %s %s\n' ${MARK} "$x" "$(printf %s "$e" | base64 | tr -d '\n')"`;
}
const MARK = 'bringup-module';

/** The script, the file of its arguments and its stdin, each with its end. */
function texts({ text }: OwnScript, given: Given, isCheck: boolean, { diff, nonce }: Context): Script {
  const end = verbatim(`END_${nonce}`);
  const all = { ...given, _ansible_check_mode: isCheck, _ansible_diff: diff };
  const json = JSON.stringify(all);
  return sh`${verbatim(text.trimEnd())}
${end}
${verbatim(/\bWANT_JSON\b/.test(text) ? json : variables(all))}
${end}
${verbatim(json)}
${end}`;
}

/** As Ansible writes values for modules that are no Python: True, False, and JSON for lists and dicts. */
function variables(given: Given): string {
  const words = Object.entries(given).map(([name, value]) => {
    const text = typeof value === 'boolean' ? (value ? 'True' : 'False') : value;
    return `${name}=${quote(typeof text === 'string' ? text : JSON.stringify(text))}`;
  });
  return words.join('\n');
}

function parseProbe(stdout: string): Output {
  const at = stdout.lastIndexOf(`\n${MARK} `);
  const [, code = '1', errors = ''] = stdout.slice(at + 1).split(/[ \n]/);
  return { code: Number(code), stdout: stdout.slice(0, Math.max(at, 0)), stderr: decodeText(errors) };
}

/** The JSON object that the module printed. As in Ansible, other lines may stand before and after it. */
function resultIn(stdout: string): Vars | undefined {
  const lines = stdout.split('\n');
  const first = lines.findIndex((line) => line.trimStart().startsWith('{'));
  const last = lines.findLastIndex((line) => line.trimEnd().endsWith('}'));
  try {
    const value: unknown = JSON.parse(lines.slice(first, last + 1).join('\n'));
    return isDict(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function verdictOf(module: string, ran: Output): Verdict {
  const result = resultIn(ran.stdout);
  const detail = `${ran.stderr.trim()}\n${result === undefined ? ran.stdout.trim() : ''}`.trim();
  if (result === undefined) return { failed: tell('E_MODULE_OUTPUT', { module, exit: ran.code, detail }) };
  const { failed, msg, rc, changed } = result;
  if (failed !== true && ran.code === 0 && (failed !== undefined || (rc ?? 0) === 0))
    return { changed: changed === true };
  const why = typeof msg === 'string' && msg !== '' ? msg : `exit code ${ran.code === 0 ? String(rc ?? 0) : ran.code}`;
  return { failed: tell('E_MODULE_FAILED', { module, why, detail }) };
}

function diffOf(name: string, result: Vars | undefined): Pick<Change, 'diff'> {
  const diff = result?.['diff'];
  if (!isDict(diff)) return {};
  const { before, after, after_header: header } = diff;
  if (typeof before !== 'string' || typeof after !== 'string') return {};
  const own: Diff = { of: typeof header === 'string' ? header : name, before, after };
  return { diff: own };
}

/** What `register` sees beside `changed` and `failed`, which the engine decides. */
function dataOf(result: Vars | undefined): Vars {
  const { changed: _, failed: __, ...rest } = result ?? {};
  return rest;
}
