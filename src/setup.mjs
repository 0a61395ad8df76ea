// Makes a fresh clone ready: packages (npm ci) and the built command. Run by the npm scripts before their work, with
// nothing but Node there; quick when there is nothing to do. Plain JavaScript: there is no TypeScript yet at this point.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.bringup-setup');
const bundle = join(root, 'dist', 'bringup.mjs');

checkNode();
installPackages();
await build(process.argv.includes('--build'));

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `bringup needs Node 20.19 or newer; this is ${process.version}. Debian 13 has it: apt-get install nodejs npm`,
  );
  process.exit(2);
}

/** When the lockfile is not the one that node_modules was made from. */
function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('setup: npm ci (the packages named in package-lock.json)');
  // No package needs its install script: ssh2 works without its native parts, esbuild brings its binary as a package.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`setup: npm ci failed${error ? `: ${error.message}` : ''}; is the npm registry reachable?`);
    process.exit(2);
  }
  writeFileSync(stamp, wanted);
}

/** One file starts in half the time that a tree of modules does. */
async function build(always) {
  const newest = Math.max(
    ...[...files(join(root, 'src')), join(root, 'package-lock.json')].map((f) => statSync(f).mtimeMs),
  );
  if (!always && existsSync(bundle) && statSync(bundle).mtimeMs > newest) return;
  rmSync(dirname(bundle), { recursive: true, force: true });
  const { build: bundleUp } = await import('esbuild');
  const compiled = await compiledSchemas(bundleUp);
  await bundleUp({
    // The prober is a thread of its own, and so a file of its own.
    entryPoints: { bringup: join(root, 'src', 'main.ts'), prober: join(root, 'src', 'drills', 'prober.ts') },
    outdir: dirname(bundle),
    chunkNames: 'chunks/[hash]',
    outExtension: { '.js': '.mjs' },
    splitting: true, // a command loads what it needs, when it runs
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['cpu-features', '*.node'],
    logLevel: 'warning',
    plugins: [
      {
        name: 'compiled-schemas',
        setup: (on) => on.onLoad({ filter: /core[/\\]compile\.ts$/ }, () => ({ contents: compiled, resolveDir: root })),
      },
    ],
    // Packages that are CommonJS inside expect these.
    banner: {
      js: "import{createRequire as __r}from'node:module';import{fileURLToPath as __f}from'node:url';import{dirname as __d}from'node:path';const require=__r(import.meta.url),__filename=__f(import.meta.url),__dirname=__d(__filename);",
    },
  });
}

/** src/compiled.ts, run as it is: every schema as a function. */
async function compiledSchemas(bundleUp) {
  const file = join(root, 'node_modules', '.bringup-compiled.mjs');
  await bundleUp({
    entryPoints: [join(root, 'src', 'compiled.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  try {
    return (await import(`${pathToFileURL(file).href}?${Date.now()}`)).compiledModule();
  } finally {
    rmSync(file, { force: true });
  }
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name));
}
