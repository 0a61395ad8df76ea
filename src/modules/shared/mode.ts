import { type ArgError, argError } from '../../core/bind.ts';

/** The nine permission bits and the three special ones. */
const ALL = 0o7777;
const CLASS = { u: 0o4700, g: 0o2070, o: 0o1007 } as const;

type Clause = Readonly<{ who: string; op: string; perms: string }>;

/**
 * Computes the mode that `wanted` asks for if the present one is `current`. `umask` applies to a clause without a
 * class.
 */
export function resolveMode(wanted: string | number, current: number, isDirectory: boolean, umask = 0o022): number {
  if (typeof wanted === 'number') return wanted & ALL;
  const text = wanted.trim();
  if (/^(0o)?[0-7]+$/.test(text)) return Number.parseInt(text.replace('0o', ''), 8) & ALL;
  return (clauses(text) ?? []).reduce((mode, clause) => applied(mode, clause, isDirectory, umask), current & ALL);
}

/** Four octal digits: '0644'. */
export function octal(mode: number): string {
  return (mode & ALL).toString(8).padStart(4, '0');
}

/** chmod keeps a directory's setgid bit unless the number has five digits. */
export function modeWord(mode: number, isDirectory: boolean): string {
  return isDirectory ? `0${octal(mode)}` : octal(mode);
}

/** The errors of a mode, in words. */
export function modeErrors(mode: string | number | undefined, name = 'mode'): readonly ArgError[] {
  if (mode === undefined) return [];
  if (typeof mode === 'string') {
    const text = mode.trim();
    if (/^(0o)?[0-7]+$/.test(text) || clauses(text) !== undefined) return [];
    return [
      argError([name], 'E_ARGUMENT_VALUE', {
        problem: `'${mode}' is not a mode`,
        expected: "octal digits, or clauses as 'u=rw,g=r,o='",
      }),
    ];
  }
  if (mode < 0 || mode > ALL || writtenInDecimal(mode)) {
    const digits = /^[0-7]{3,4}$/.test(String(mode)) ? String(mode).padStart(4, '0') : '0644';
    return [argError([name], 'E_MODE_NOT_OCTAL', { name, value: String(mode), digits })];
  }
  return [];
}

/**
 * YAML turns 0644 into 420 but leaves 644 as it is, so the number must show which of the two was written. A mode that
 * people intend never gives the group more than the owner, or others more than the group.
 */
function writtenInDecimal(mode: number): boolean {
  const digits = String(mode);
  const readAsOctal = /^[0-7]{3,4}$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
  if (readAsOctal === undefined || !isSensible(readAsOctal)) return false;
  return !isSensible(mode) || mode > 0o777 || mode === 400 || mode === 500;
}

function isSensible(mode: number): boolean {
  const [owner, group, other] = [(mode >> 6) & 7, (mode >> 3) & 7, mode & 7];
  return (group & ~owner) === 0 && (other & ~group) === 0;
}

function clauses(text: string): readonly Clause[] | undefined {
  const out: Clause[] = [];
  for (const part of text.split(',')) {
    const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(part.trim());
    if (match === null) return undefined;
    const [, who = '', actions = ''] = match;
    for (const [, op = '', perms = ''] of actions.matchAll(/([-+=])([rwxXstugo]*)/g)) out.push({ who, op, perms });
  }
  return out;
}

function applied(mode: number, { who, op, perms }: Clause, isDirectory: boolean, umask: number): number {
  const classes = who === '' || who.includes('a') ? 'ugo' : who;
  const mask = [...classes].reduce((bits, c) => bits | CLASS[c as keyof typeof CLASS], 0);
  const kept = who === '' ? ~umask : ALL;
  const bits = bitsOf(perms, mode, isDirectory) & mask & kept;
  if (op === '+') return mode | bits;
  if (op === '-') return mode & ~bits;
  // as in chmod, `=` keeps a directory's setuid and setgid bits unless the clause names them
  const special = isDirectory && !perms.includes('s') ? mode & 0o6000 & mask : 0;
  return (mode & ~mask) | bits | special;
}

function bitsOf(perms: string, mode: number, isDirectory: boolean): number {
  let bits = 0;
  for (const letter of perms) {
    if (letter === 'r') bits |= 0o444;
    else if (letter === 'w') bits |= 0o222;
    else if (letter === 'x' || (letter === 'X' && (isDirectory || (mode & 0o111) !== 0))) bits |= 0o111;
    else if (letter === 's') bits |= 0o6000;
    else if (letter === 't') bits |= 0o1000;
    else if (letter === 'u') bits |= ((mode >> 6) & 7) * 0o111;
    else if (letter === 'g') bits |= ((mode >> 3) & 7) * 0o111;
    else if (letter === 'o') bits |= (mode & 7) * 0o111;
  }
  return bits;
}

/** The permissions as `stat` and `find` return them. */
export function permissionBits(mode: number): Readonly<Record<string, boolean>> {
  const bit = (mask: number): boolean => (mode & mask) !== 0;
  return {
    rusr: bit(0o400),
    wusr: bit(0o200),
    xusr: bit(0o100),
    rgrp: bit(0o40),
    wgrp: bit(0o20),
    xgrp: bit(0o10),
    roth: bit(0o4),
    woth: bit(0o2),
    xoth: bit(0o1),
    isuid: bit(0o4000),
    isgid: bit(0o2000),
  };
}
