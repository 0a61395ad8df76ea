import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { failure } from '../../core/errors/index.ts';
import type { Context, LocalFile, RenderOptions } from '../../core/module.ts';
import { Secret, Unknown } from '../../core/value.ts';
import type { Run, Scope } from '../host/ports.ts';
import { NotKnown } from '../host/state.ts';

/** Renders a template file. Throws NotKnown, Failure. */
export function renderFile(run: Run, scope: Scope, file: LocalFile, options: Parameters<Context['render']>[1]): string {
  const own = {
    ansible_managed: 'Ansible managed',
    template_path: file.path,
    template_fullpath: resolve(file.path),
    template_host: hostname(),
    template_uid: file.uid === userInfo().uid ? userInfo().username : (file.uid ?? null),
    template_destpath: options?.destination ?? null,
  };
  const head = headerOf(new TextDecoder().decode(file.read()), file.path);
  const value = run.templates.render(head.text, { file: file.path, line: head.line, col: 1 }, scope.with(own), {
    asText: true,
    trim_blocks: true,
    ...options,
    ...head.options,
  });
  if (value instanceof Unknown) throw new NotKnown(value.because);
  return value instanceof Secret ? value.reveal() : run.templates.print(value);
}

type Head = Readonly<{ text: string; line: number; options: RenderOptions }>;

/**
 * `#jinja2: NAME:VALUE, …` in a template's first line sets options for the rest. The line is not written to the result.
 */
function headerOf(text: string, file: string): Head {
  const [whole, list] = /^#jinja2:([^\n]*)(?:\n|$)/.exec(text) ?? [];
  if (whole === undefined || list === undefined) return { text, line: 1, options: {} };
  const pairs = list.match(/(?:'[^']*'|"[^"]*"|[^,'"])+/g) ?? [];
  const options = Object.fromEntries(pairs.map((pair) => optionOf(pair.trim(), file)));
  return { text: text.slice(whole.length), line: 2, options };
}

function optionOf(pair: string, file: string): readonly [string, string | boolean] {
  const [, name = '', value = ''] = /^(\w+)\s*:\s*(.+)$/.exec(pair) ?? [];
  // Up to 2.18, Ansible takes any string for true. Roles quote the word; a quoted 'false' would mean the opposite.
  if (/^(trim|lstrip)_blocks$/.test(name) && /^(true|false|'true'|"true")$/i.test(value)) {
    return [name, /true/i.test(value)];
  }
  const quoted = /^'([^']+)'$|^"([^"]+)"$/.exec(value);
  const mark = quoted?.[1] ?? quoted?.[2];
  if (/^(variable|block|comment)_(start|end)_string$/.test(name) && mark !== undefined) return [name, mark];
  throw failure('E_JINJA2_HEADER', { pair }, { file, line: 1, col: 1 });
}
