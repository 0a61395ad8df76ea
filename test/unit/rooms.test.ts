import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The linter's messages about a file with this content at this path. */
function lint(file: string, text: string): string {
  writeFileSync(file, text);
  try {
    execFileSync('node_modules/.bin/biome', ['lint', '--reporter=github', file], { encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  } finally {
    rmSync(file);
  }
}

describe('imports between rooms', () => {
  it.each([
    ['src/engine/play/planted.ts', "import { connect } from '../../connect/connect.ts';\nexport const x = connect;\n"],
    ['src/engine/host/planted.ts', "import { connect } from '../../connect/connect.ts';\nexport const x = connect;\n"],
    ['src/engine/task/planted.ts', "import { runHost } from '../play/host.ts';\nexport const x = runHost;\n"],
    ['src/engine/evaluate/planted.ts', "import { lookAhead } from '../trip/ahead.ts';\nexport const x = lookAhead;\n"],
    ['src/engine/host/planted.ts', "import { resolve } from '../evaluate/resolve.ts';\nexport const x = resolve;\n"],
    ['src/config/planted.ts', "import { runPlaybook } from '../engine/play/run.ts';\nexport const x = runPlaybook;\n"],
    ['src/hardware/planted.ts', "import { up } from '../lab/lab.ts';\nexport const x = up;\n"],
    ['src/hardware/power/planted.ts', "import { up } from '../../lab/lab.ts';\nexport const x = up;\n"],
    ['src/report/planted.ts', "import { main } from '../cli/program.ts';\nexport const x = main;\n"],
    ['src/template/planted.ts', "import { checks } from '../checks/index.ts';\nexport const x = checks;\n"],
    ['src/modules/planted.ts', "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;\n"],
    ['src/modules/planted.ts', "import { up } from '../lab/lab.ts';\nexport const x = up;\n"],
    ['src/hardware/image/planted.ts', "import { up } from '../../lab/lab.ts';\nexport const x = up;\n"],
    ['src/hardware/planted.ts', "import { up } from '../lab/lab.ts';\nexport const x = up;\n"],
    ['src/core/planted.ts', "import { print } from '../template/print.ts';\nexport const x = print;\n"],
    ['src/core/planted.ts', "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;\n"],
  ])('the linter rejects a forbidden import in %s', (file, text) => {
    expect(lint(file, text)).toContain('noRestrictedImports');
  });

  it.each([
    ['src/engine/play/planted.ts', "import { sh } from '../../core/sh.ts';\nexport const x = sh;\n"],
    ['src/engine/play/planted.ts', "import { resolve } from '../evaluate/resolve.ts';\nexport const x = resolve;\n"],
    ['src/hardware/power/planted.ts', "import { request } from '../http.ts';\nexport const x = request;\n"],
    ['src/hardware/power/planted.ts', "import { tell } from '../../core/errors/index.ts';\nexport const x = tell;\n"],
    ['src/modules/planted.ts', "import { text } from './shared/args.ts';\nexport const x = text;\n"],
    ['src/hardware/image/planted.ts', "import { sh } from '../../core/sh.ts';\nexport const x = sh;\n"],
    ['src/cli/planted.ts', "import { up } from '../lab/lab.ts';\nexport const x = up;\n"],
  ])('the linter accepts an allowed import in %s', (file, text) =>
    expect(lint(file, text)).not.toContain('noRestrictedImports'),
  );
});

describe('each library is imported in one room', () => {
  const DOORS: Readonly<Record<string, RegExp>> = {
    'node-ssh': /^connect\//,
    ssh2: /^connect\//,
    'zx/core': /^(connect|lab|install)\//,
    zx: /^$/, // zx's globals cost 100 ms at start; zx/core is used instead
    listr2: /^report\/live\.ts$/,
    yaml: /^config\/(source|yaml-text)\.ts$/,
    ajv: /^(core\/compile|compiled)\.ts$/, // in a run, and for the build
    'mysql2/promise': /^checks\//,
    ping: /^checks\/ping\.ts$/,
    '@xmldom/xmldom': /^modules\/shared\/xml\.ts$/,
    xpath: /^modules\/shared\/xml\.ts$/,
    'net-snmp': /^hardware\/power\/poe\.ts$/,
    commander: /^cli\/(program|options)\.ts$/,
  };
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
  it.each(Object.entries(DOORS))('%s', (library, door) => {
    const code = (f: string) => readFileSync(join('src', f), 'utf8').replace(/^import type [^;]*;/gm, ''); // types do not exist at run time
    const users = files.filter((f) => code(f).includes(`from '${library}'`));
    expect(users.filter((f) => !door.test(f))).toEqual([]);
    if (library !== 'zx') expect(users.length).toBeGreaterThan(0);
  });
});
