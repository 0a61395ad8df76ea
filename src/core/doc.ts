import type { TObject } from 'typebox';
import type { Module } from './module.ts';

type Shape = Readonly<{
  type?: string;
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly Shape[];
  items?: Shape;
  default?: unknown;
  description?: string;
  secret?: boolean;
}>;

/**
 * Renders a module's page in Markdown: the arguments from its schema, and its examples. `others` lists the module's
 * other names.
 */
export function moduleDoc(module: Module, others: readonly string[] = []): string {
  return `## ${module.name}
${module.summary}${others.length > 0 ? ` Also: ${others.map((o) => `\`${o}\``).join(', ')}.` : ''}
${module.freeForm === undefined ? '' : `A bare text stands for \`${module.freeForm}\`.\n`}
${argumentRows(module.args, module.aliases)}

\`\`\`yaml
${module.examples.map((e) => `- name: ${e.title}\n  ${module.name}: ${JSON.stringify(e.args)}`).join('\n')}
\`\`\`
`;
}

/** The table of arguments. */
export function argumentRows(args: TObject, aliases: Readonly<Record<string, string>> = {}): string {
  const required = new Set<string>((args as { required?: readonly string[] }).required ?? []);
  const rows = Object.entries(args.properties as Readonly<Record<string, Shape>>).map(([name, shape]) => {
    const others = Object.keys(aliases).filter((alias) => aliases[alias] === name && alias !== '_raw_params');
    const names = [`\`${name}\``, ...others.map((alias) => `\`${alias}\``)].join(', ');
    const isNeeded = required.has(name) && shape.default === undefined;
    const preset = isNeeded
      ? '**required**'
      : shape.default === undefined
        ? ''
        : `\`${JSON.stringify(shape.default)}\``;
    return `| ${names} | ${cell(kind(shape))} | ${cell(preset)} | ${cell(shape.description ?? '')}${shape.secret === true ? ' (never shown)' : ''} |`;
  });
  if (rows.length === 0) return 'It takes no arguments.';
  return `| argument | kind | default | |\n|---|---|---|---|\n${rows.join('\n')}`;
}

function kind(shape: Shape): string {
  if (shape.enum !== undefined)
    return shape.enum.map((one) => JSON.stringify(one).replace(/^"(.*)"$/, '$1')).join(' / ');
  if (shape.anyOf !== undefined) return [...new Set(shape.anyOf.map(kind))].join(' or ');
  if (shape.const !== undefined) return String(shape.const);
  if (shape.type === 'array') return `list of ${kind(shape.items ?? {})}`;
  return shape.type ?? 'anything';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
