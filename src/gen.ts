import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checks } from './checks/index.ts';
import { SETTINGS, type SettingRow } from './config/settings-table.ts';
import { checkDoc, moduleDoc, stepDoc } from './core/doc.ts';
import { AREAS, type Code, ENTRIES, exampleOf } from './core/errors/index.ts';
import { isRefused, KEYWORDS, type Keyword } from './core/language/keywords.ts';
import { META } from './core/language/meta.ts';
import { INCLUDE_OPTIONS, LOOP_OPTIONS } from './core/language/options.ts';
import { MAGIC_VARIABLES } from './core/language/variables.ts';
import type { Module } from './core/module.ts';
import { steps } from './drills/index.ts';
import { BOOT, CONSOLE, findKinds, kindDocs, kindRegistry, POWER } from './gen-kinds.ts';
import { hostProgram } from './hardware/health/script.ts';

const root = new URL('..', import.meta.url);

/** Other names that playbooks use for a module. */
const ALIASES: Readonly<Record<string, string>> = {
  dnf5: 'dnf',
  openssl_certificate: 'x509_certificate',
  systemd_service: 'systemd',
  yum: 'dnf',
};

type Found = Readonly<{ file: string; exported: string; module: Module }>;

/** What `npm run gen` writes: path in the repository → text. A test compares it with the files. */
export async function generated(): Promise<Readonly<Record<string, string>>> {
  const found = await findModules();
  const [drivers, ways, consoles] = [await findKinds(POWER), await findKinds(BOOT), await findKinds(CONSOLE)];
  return {
    'src/modules/index.ts': registry(found),
    'docs/modules.md': docs(found.map((f) => f.module)),
    'docs/errors.md': errors(),
    'docs/keywords.md': keywords(),
    'docs/settings.md': settings(),
    'src/hardware/power/index.ts': kindRegistry(POWER, drivers),
    'docs/power.md': kindDocs(POWER, drivers),
    'src/hardware/boot/ways/index.ts': kindRegistry(BOOT, ways),
    'docs/boot.md': kindDocs(BOOT, ways),
    'src/hardware/console/drivers/index.ts': kindRegistry(CONSOLE, consoles),
    'docs/console.md': kindDocs(CONSOLE, consoles),
    'docs/checks.md': reference('docs/checks.md', [...checks.values()].map(checkDoc)),
    'docs/drills.md': reference('docs/drills.md', [...steps.values()].map(stepDoc)),
    'playbooks/roles/exporters/files/bringup-health': hostProgram(),
  };
}

async function findModules(): Promise<readonly Found[]> {
  const folder = new URL('src/modules/', root);
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'index.ts');
  const found = await Promise.all(
    files.map(async (file): Promise<Found> => {
      const all = (await import(new URL(file, folder).href)) as Record<string, unknown>;
      const entry = Object.entries(all).find(([, value]) => isModule(value));
      if (entry === undefined) throw new Error(`src/modules/${file} exports no module`);
      return { file, exported: entry[0], module: entry[1] as Module };
    }),
  );
  return found.sort((a, b) => (a.module.name < b.module.name ? -1 : 1));
}

/** A page whose first part is written by hand, and whose end, after REFERENCE, is written from the schemas. */
function reference(path: string, pages: readonly string[]): string {
  const [own = ''] = (onDisk(path) ?? '').split(REFERENCE);
  return `${own}${REFERENCE}\n\n${pages.join('\n')}`;
}
const REFERENCE = '<!-- What follows is written by `npm run gen` from the schemas: do not edit. -->';

/** The language as the tables in src/core/language/ have it. */
function keywords(): string {
  const rows = Object.entries<Keyword>(KEYWORDS).map(([name, row]) => {
    const places = isRefused(row) ? '' : row.on.join(', ');
    const inherit = isRefused(row) ? '' : { own: '', nearest: 'the innermost', extend: 'all add up' }[row.inherit];
    const doc = isRefused(row) ? `Refused: ${row.refused}.` : row.doc;
    return `| \`${name}\` | ${places} | ${inherit} | ${doc} |`;
  });
  const list = (all: Readonly<Record<string, string>>): string =>
    Object.entries(all)
      .map(([name, doc]) => `| \`${name}\` | ${doc} |`)
      .join('\n');
  const options = Object.entries<{ of: readonly string[]; doc: string }>(INCLUDE_OPTIONS)
    .map(([name, { of, doc }]) => `| \`${name}\` | ${of.join(', ')} | ${doc} |`)
    .join('\n');
  return `<!-- Written by \`npm run gen\` from src/core/language/: do not edit. -->
# The language

Keywords, options and variables have Ansible's names and meanings. Differences are listed in [ansible.md](ansible.md). A word
in a place that is not listed here is refused by name.

## Keywords

A keyword of a play, a role or a block holds for the tasks inside. If several levels have it, the innermost decides, or the
values of all levels add up.

| keyword | places | several levels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

Every lookup can be a loop: \`with_items\`, \`with_dict\`, \`with_fileglob\` and so on.

## Options of includes and imports

| option | of | meaning |
| --- | --- | --- |
${options}

## Options of loop_control

| option | meaning |
| --- | --- |
${list(LOOP_OPTIONS)}

## Actions of meta

| action | meaning |
| --- | --- |
${list(META)}

## Variables

| variable | meaning |
| --- | --- |
${list(MAGIC_VARIABLES)}
`;
}

function settings(): string {
  const rows = Object.values<SettingRow>(SETTINGS).map(({ at, also, env, doc }) => {
    const [section = '', key = ''] = at.split('.');
    const keys = [key, ...(also === undefined ? [] : [also.replace(`${section}.`, '')])];
    return `| ${section} | ${keys.map(code).join(', ')} | ${env.map(code).join(', ')} | ${doc} |`;
  });
  return `<!-- Written by \`npm run gen\` from src/config/settings-table.ts: do not edit. -->
# Settings of Ansible

bringup reads the first of these files that exists, as Ansible does: the one that \`ANSIBLE_CONFIG\` names, \`ansible.cfg\` in
the current directory, \`~/.ansible.cfg\`, \`/etc/ansible/ansible.cfg\`. An environment variable overrides the file. An option
of the command line overrides both, and what the inventory or the playbook says of a host or a task overrides the settings
of connections.

| section | key | environment | effect |
| --- | --- | --- | --- |
${rows.join('\n')}

Settings of how Ansible prints, caches and finds Python have no effect; \`-v\` lists those that a file sets. Any other setting
without an effect is a warning. A file in a directory that everybody can write is not read, as in Ansible.
`;
}

const code = (word: string): string => `\`${word}\``;

function isModule(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'bind' in value && 'examples' in value;
}

function registry(found: readonly Found[]): string {
  const imports = found.map(({ file, exported }) => `import { ${exported} } from './${file}';`);
  const sorted = [...imports].sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
  const exportedBy = new Map(found.map(({ exported, module }) => [module.name, exported]));
  const entries = [
    ...found.map(({ module, exported }) => [module.name, exported] as const),
    ...Object.entries(ALIASES).map(([alias, name]) => [alias, exportedBy.get(name) ?? name] as const),
  ];
  const rows = entries.map(([name, exported]) => (name === exported ? `  ${name},` : `  ${name}: ${exported},`));
  return `// Written by \`npm run gen\`: do not edit.
import type { Module } from '../core/module.ts';
${sorted.join('\n')}

/** Every module, by the names that a playbook may use, without a collection's prefix. */
export const modules: Readonly<Record<string, Module>> = {
${rows.join('\n')}
};
`;
}

function pathOf(line: string): string {
  return line.slice(line.indexOf("'"));
}

function aliasesOf(module: Module): readonly string[] {
  return Object.keys(ALIASES).filter((alias) => ALIASES[alias] === module.name);
}

function docs(modules: readonly Module[]): string {
  const list = modules.map((m) => `- [${m.name}](#${m.name}): ${m.summary}`);
  return `<!-- Written by \`npm run gen\` from the schemas: do not edit. -->
# Modules

The arguments are Ansible's. An argument that is not listed here is rejected by name.

${list.join('\n')}

${modules.map((m) => moduleDoc(m, aliasesOf(m))).join('\n')}`;
}

function errors(): string {
  const anchor = (title: string): string => title.toLowerCase().replaceAll(' ', '-');
  const list = AREAS.map(({ title, codes }) => `- [${title}](#${anchor(title)}): ${codes.length} codes`);
  const areas = AREAS.map(({ title, kind, codes }) => {
    const exit =
      kind === 'input'
        ? 'Found before the run, such an error gives the exit code 2.'
        : 'Such an error gives the exit code 1.';
    return `## ${title}\n\n${exit}\n\n${codes.map(errorDoc).join('\n')}`;
  });
  return `<!-- Written by \`npm run gen\` from src/core/errors: do not edit. -->
# Errors

Each error has a code, which names its cause and does not change. \`bringup explain CODE\` prints the same text. In JSON
output (\`-o json\`) an error is the field \`diagnostic\` with \`code\`, \`message\`, \`at\`, \`expected\`, \`hint\` and \`detail\`.

${list.join('\n')}

${areas.join('\n')}`;
}

function errorDoc(code: Code): string {
  const { summary, meaning, fix } = ENTRIES[code];
  const { message, detail, expected, hint } = exampleOf(code);
  const lines = [
    `error ${code}: ${message}`,
    ...(detail === undefined || detail === '' ? [] : detail.split('\n').map((line) => `  │ ${line}`)),
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
  ];
  return `### ${code}\n\n${capital(summary)}. ${meaning}\n\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n\n${fix}\n`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function onDisk(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, root), 'utf8');
  } catch {
    return undefined;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { mkdirSync } = await import('node:fs');
  for (const [path, text] of Object.entries(await generated())) {
    const url = new URL(path, root);
    mkdirSync(dirname(fileURLToPath(url)), { recursive: true });
    writeFileSync(url, text);
  }
}
