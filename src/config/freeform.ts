import type { Pos } from '../core/diagnostic.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { HAS_TEMPLATE } from './source.ts';

/**
 * Parses `apt: name=nginx state=present`. Quotes and {{ }} keep words together. Returns undefined if a word is not
 * key=value. Values stay strings, as in Ansible.
 */
export function keyValues(text: string, at: Pos): RawVars | undefined {
  const vars: Record<string, Raw> = {};
  for (const word of words(text)) {
    const [, key, value] = /^((?:\{\{[\s\S]*?\}\}|[A-Za-z_][\w.-]*)+)=([\s\S]*)$/.exec(word) ?? [];
    if (key === undefined || value === undefined) return undefined;
    vars[key] = textValue(unquoted(value), at);
  }
  return vars;
}

/**
 * Parses `command: ls /tmp creates=/tmp/x`. Words that set one of `options` are taken out, and the rest is the free
 * form. A module that is not a program takes its main argument by name too: `group_by: key=web`.
 */
export function freeForm(text: string, at: Pos, into: string, options: readonly string[]): RawVars {
  const isProgram = into === 'cmd';
  const vars: Record<string, Raw> = {};
  let rest = text;
  for (const word of words(text)) {
    const [, key, value] = /^([a-z_]+)=([\s\S]*)$/.exec(word) ?? [];
    if (key === undefined || value === undefined || (isProgram && key === into) || !options.includes(key)) continue;
    vars[key] = textValue(unquoted(value), at);
    rest = rest.replace(word, '');
  }
  if (!isProgram && rest.trim() === '') return vars;
  return { [into]: textValue(rest.trim(), at), ...vars };
}

/** The name of a module, and what follows it. A template may stand for the name. */
export function firstWord(text: string): { name: string; rest: string } {
  const name = words(text)[0] ?? '';
  return { name, rest: text.slice(name.length).trim() };
}

function textValue(text: string, at: Pos): Raw {
  return HAS_TEMPLATE.test(text) ? new TemplateText(text, at) : text;
}

function unquoted(text: string): string {
  return /^(["'])([\s\S]*)\1$/.exec(text)?.[2] ?? text;
}

/** Splits at blanks outside of quotes, {{ }} and {% %}. */
function words(text: string): readonly string[] {
  return text.match(/(?:\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|"(?:\\[\s\S]|[^"\\])*"|'[^']*'|[^\s"'])+/g) ?? [];
}
