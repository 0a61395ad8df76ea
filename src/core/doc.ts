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

/** What has arguments: a module, a check, a step of a drill, a driver. */
export type Documented = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
}>;

/** Renders a page in Markdown: the arguments from the schema, and the examples, each written by `example`. */
export function kindDoc(
  { name, summary, args, examples }: Documented,
  example: (title: string, args: string) => string,
): string {
  const shown = examples.map((e) => example(e.title, JSON.stringify(e.args)));
  return `## ${name}\n${summary}\n\n${argumentRows(args)}\n\n\`\`\`yaml\n${shown.join('\n')}\n\`\`\`\n`;
}

/** The page of a check, as an entry of a checks file. */
export function checkDoc(check: Documented): string {
  return kindDoc(check, (title, args) => `- name: ${title}\n  ${check.name}: ${args}`);
}

/** The page of a step of a drill. */
export function stepDoc(step: Documented): string {
  return kindDoc(step, (title, args) => `- {at: 5, ${step.name}: ${args}} # ${title}`);
}

/** The page of a driver or of a boot way, as the variable of a host. `key` has its name in a map. */
export function variableDoc(driver: Documented, variable: string, key: 'driver' | 'way'): string {
  return kindDoc(driver, (title, args) => {
    const value = args === '{}' ? driver.name : `{"${key}":"${driver.name}",${args.slice(1)}`;
    return `# ${title}\n${variable}: ${value}`;
  });
}

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
