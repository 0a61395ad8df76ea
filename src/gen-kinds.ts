// The registries and docs of machines' drivers: what `npm run gen` writes of src/hardware/power/ and boot/ways/.
import { readdirSync } from 'node:fs';
import { type Documented, variableDoc } from './core/doc.ts';

const root = new URL('..', import.meta.url);

/** A kind of files that each export one thing with a name, arguments and examples. */
type Kind = Readonly<{
  folder: string;
  /** The file that exports the type, as the folder's files import it, and the type. */
  contract: string;
  type: string;
  /** The registry: what it is, and its name. */
  what: string;
  registry: string;
  /** The variable of a host that names one, and the key that has the name in a map. */
  variable: string;
  key: 'driver' | 'way';
  /** The beginning of the page in docs/. */
  intro: string;
}>;

export const POWER: Kind = {
  folder: 'src/hardware/power/',
  contract: '../contract.ts',
  type: 'Driver',
  what: 'Every power driver, by the name that `power` has.',
  registry: 'drivers',
  variable: 'power',
  key: 'driver',
  intro: `# Power drivers

The variable \`power\` of a host names the driver that switches its machine, with the arguments of the driver.
[hardware.md](hardware.md) shows how to say it in an inventory.`,
};

export const BOOT: Kind = {
  folder: 'src/hardware/boot/ways/',
  contract: '../contract.ts',
  type: 'BootWay',
  what: 'Every boot way, by the name that `boot` has.',
  registry: 'ways',
  variable: 'boot',
  key: 'way',
  intro: `# Boot ways

The variable \`boot\` of a host names the way in which a system gets onto its disk, with the arguments of the way.
[metal.md](metal.md) shows how to install machines.`,
};

export const CONSOLE: Kind = {
  folder: 'src/hardware/console/drivers/',
  contract: '../contract.ts',
  type: 'ConsoleDriver',
  what: 'Every console driver, by the name that `console` has.',
  registry: 'consoles',
  variable: 'console',
  key: 'driver',
  intro: `# Console drivers

The variable \`console\` of a host names the driver that reaches its serial console, with the arguments of the driver.
[states.md](states.md#consoles) shows how to say it in an inventory, and how to use it.`,
};

type Found = Readonly<{ file: string; exported: string; one: Documented }>;

/** What the files of a kind export, by name. */
export async function findKinds({ folder }: Kind): Promise<readonly Found[]> {
  const url = new URL(folder, root);
  const files = readdirSync(url).filter((name) => name.endsWith('.ts') && name !== 'index.ts');
  const found = await Promise.all(
    files.map(async (file): Promise<Found> => {
      const all = (await import(new URL(file, url).href)) as Record<string, Documented>;
      const [entry] = Object.entries(all);
      if (entry === undefined) throw new Error(`${folder}${file} exports nothing`);
      return { file, exported: entry[0], one: entry[1] };
    }),
  );
  return found.sort((a, b) => (a.one.name < b.one.name ? -1 : 1));
}

export function kindRegistry({ contract, type, what, registry }: Kind, found: readonly Found[]): string {
  const imports = found.map(({ file, exported }) => `import { ${exported} } from './${file}';`);
  const rows = found.map(({ one: { name }, exported }) =>
    name === exported ? `  ${name},` : `  ${/^\w+$/.test(name) ? name : `'${name}'`}: ${exported},`,
  );
  const short = `{ ${rows.map((row) => row.trim().slice(0, -1)).join(', ')} }`;
  const line = `export const ${registry}: Readonly<Record<string, ${type}>> = `;
  const body = line.length + short.length < 120 ? short : `{\n${rows.join('\n')}\n}`;
  return `// Written by \`npm run gen\`: do not edit.
import type { ${type} } from '${contract}';
${[...imports].sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1)).join('\n')}

/** ${what} */
${line}${body};
`;
}

const pathOf = (line: string): string => line.slice(line.indexOf("'"));

export function kindDocs({ folder, variable, key, intro }: Kind, found: readonly Found[]): string {
  const all = found.map(({ one }) => one);
  const list = all.map(({ name, summary }) => `- [${name}](#${name}): ${summary}`);
  const pages = all.map((one) => variableDoc(one, variable, key));
  return `<!-- Written by \`npm run gen\` from ${folder}: do not edit. -->
${intro}

${list.join('\n')}

${pages.join('\n')}`;
}
