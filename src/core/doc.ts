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
  const required = new Set<string>((module.args as { required?: readonly string[] }).required ?? []);
  const rows = Object.entries(module.args.properties as Readonly<Record<string, Shape>>).map(([name, shape]) => {
    const aliases = Object.keys(module.aliases).filter(
      (alias) => module.aliases[alias] === name && alias !== '_raw_params',
    );
    const names = [`\`${name}\``, ...aliases.map((alias) => `\`${alias}\``)].join(', ');
    const isNeeded = required.has(name) && shape.default === undefined;
    const preset = isNeeded
      ? '**required**'
      : shape.default === undefined
        ? ''
        : `\`${JSON.stringify(shape.default)}\``;
    return `| ${names} | ${cell(kind(shape))} | ${cell(preset)} | ${cell(shape.description ?? '')}${shape.secret === true ? ' (never shown)' : ''} |`;
  });
  return `## ${module.name}
${module.summary}${others.length > 0 ? ` Also: ${others.map((o) => `\`${o}\``).join(', ')}.` : ''}
${module.freeForm === undefined ? '' : `A bare text stands for \`${module.freeForm}\`.\n`}
${rows.length === 0 ? 'It takes no arguments.' : `| argument | kind | default | |\n|---|---|---|---|\n${rows.join('\n')}`}

\`\`\`yaml
${module.examples.map((e) => `- name: ${e.title}\n  ${module.name}: ${JSON.stringify(e.args)}`).join('\n')}
\`\`\`
`;
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
