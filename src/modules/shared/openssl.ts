import { type Static, type TObject, Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import { type Blocked, blocked, type Context, isBlocked, type Output, type Steps } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import { Secret, type Vars } from '../../core/value.ts';
import { absolutePath, flag, ownership } from './args.ts';
import { decodeText } from './bytes.ts';
import { type Fields, fields } from './fields.ts';
import { fileData, probePath, type Seen, seen } from './path-state.ts';
import { backupData, place } from './place.ts';

/** Arguments of every module that makes a key or a certificate. */
export const making = {
  path: absolutePath('The file.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the file exists.' }),
  force: flag('Make a new one each time.'),
  backup: flag('Keep the old file beside the new one, with the date in its name.'),
  return_content: flag('Return the content of the file.'),
  ...ownership,
};
export const passphrase = (description: string) =>
  Type.Optional(Type.String({ secret: true, pattern: '^[^\\n]+$', expected: 'one line', description }));
export type Making = Static<TObject<typeof making>>;

export function keyErrors(given: Making & Readonly<{ privatekey_path?: string }>): readonly ArgError[] {
  if (given.state === 'absent' || given.privatekey_path !== undefined) return [];
  return [argError([], 'E_MISSING_ARGUMENT', { name: "'privatekey_path'" })];
}

/** `f` holds what the module's own part of the probe printed. */
export type Made = Readonly<{ f: Fields; now: Seen }>;

export function makingNeeds({ path }: Making, ...more: readonly (string | undefined)[]): readonly string[] {
  return [path, ...more].flatMap((one) => (one === undefined ? [] : [`path:${one}`])).concat('package:openssl');
}

/** `judge` runs only if openssl and the file exist. */
export function probeMade(given: Making, always: Script, judge: Script): Script {
  return sh`${probePath(given.path, given, { content: 'none' })}
command -v openssl >/dev/null || echo 'openssl missing'
${given.state === 'absent' ? sh`:` : always}
if [ -s ${given.path} ] && command -v openssl >/dev/null; then
${given.state === 'absent' ? sh`:` : judge}
${given.return_content ? sh`printf 'returned %s\n' "$(base64 -w0 <${given.path})"` : sh`:`}
fi
:`;
}

export function parseMade(stdout: string, given: Making): Made {
  const f = fields(stdout);
  return { f, now: seen(f, given.path, given) };
}

/**
 * @param why the reasons for a new file. Empty: the present one is fine
 * @param fill writes the new file to "$s"
 */
export function planMade(
  { f, now }: Made,
  given: Making,
  ctx: Context,
  what: string,
  why: readonly string[],
  fill: Script,
): Steps {
  const { path, force } = given;
  if (given.state === 'absent') {
    if (now.stat === undefined && now.link === undefined) return [];
    const keep = given.backup ? sh`cp -a -- ${path} ${path}.$$."$(date '+%Y-%m-%d@%H:%M:%S')~"` : sh`:`;
    return [
      {
        what: `remove ${path}`,
        diff: { of: path, before: `${what}\n`, after: null },
        run: sh`set -e
${keep}
rm -f -- ${path}`,
      },
    ];
  }
  if (f.get('openssl') === 'missing') return noOpenssl();
  const reasons = [...(now.stat === undefined ? ['there is none'] : why), ...(force ? ['force is set'] : [])];
  const wanted = {
    path,
    source: {
      fill: sh`export OPENSSL_CONF=/dev/null
${fill}`,
    },
    same: reasons.length === 0,
    what: `${path}: ${what}: ${reasons.join(', ')}`,
    before: null,
  };
  const steps = place(now, wanted, given, ctx);
  if (isBlocked(steps)) return steps;
  return steps.map((step) =>
    reasons.length === 0
      ? step
      : {
          ...step,
          diff: { of: path, before: now.stat === undefined ? null : `${why.join('\n')}\n`, after: `${what}\n` },
          ...(force && { action: true as const }),
          run: given.return_content
            ? sh`${step.run}
printf 'returned %s\n' "$(base64 -w0 <${path})"`
            : step.run,
        },
  );
}

export function noOpenssl(): Blocked {
  return blocked('E_TOOL_MISSING', { tool: 'openssl', hint: 'install the package openssl in an earlier task' });
}

/** `key`: the name under which return_content returns the content. */
export function madeData(
  { f, now }: Made,
  given: Making,
  key: string,
  ran: Output | undefined,
  isSecret = false,
): Vars {
  const content = (ran === undefined ? f : fields(ran.stdout)).get('returned') ?? f.get('returned');
  const text = content === undefined ? undefined : decodeText(content);
  return {
    ...fileData(given.path, now),
    filename: given.path,
    ...backupData(ran?.stdout),
    ...(given.return_content && text !== undefined && { [key]: isSecret ? new Secret(text) : text }),
  };
}

/**
 * Defines `keyed`, which runs openssl with a passphrase. It reaches openssl through an open file, never through its
 * arguments or its environment. It stands there twice, because openssl reads it again for -passout.
 */
export function setPass(pass: string | undefined): Script {
  if (pass === undefined) return sh`keyed() { "$@"; }`;
  return sh`pass=${new Secret(pass)}
keyed() {
  "$@" 3<<END
$pass
$pass
END
}`;
}

/** The option for a command that `keyed` runs. openssl would ask for a missing passphrase. */
export function passIn(pass: string | undefined): readonly string[] {
  return ['-passin', pass === undefined ? 'pass:' : 'fd:3'];
}

/** A value of openssl's configuration, which would expand $ and end at #. */
export function configValue(value: string): string {
  return value.replace(/[\\$#"'`]/g, '\\$&').replaceAll('\n', ' ');
}
