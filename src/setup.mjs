// Prepares a fresh clone: packages (npm ci) and the built command. The npm scripts run it first. It needs only Node,
// and is quick if there is nothing to do. It is plain JavaScript, because TypeScript is not installed yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.bringup-setup');
const dist = join(root, 'dist');
const command = join(dist, 'bringup.cjs');
const bundle = join(dist, 'main.cjs');
/** The same name as in start.cjs. V8's code works only for one version of Node. */
const code = `${bundle}.${process.version}-${process.arch}.code`;

/** Packages that only few runs need. They become files of their own, so that the file read at every start is small. */
const APART = {
  ajv: 'ajv',
  'dns-packet': 'dns-packet',
  listr2: 'listr2',
  'mysql2/promise': 'mysql2',
  ping: 'ping',
  sucrase: 'sucrase',
  'zx/core': 'zx',
};

/** Loads the library when it is called, from its file beside the command. */
const TRANSPILE = `export function transpile(text, file) {
  return require('sucrase').transform(text, { transforms: ['typescript', 'imports'], filePath: file }).code;
}`;

process.chdir(root); // the build names files relative to it
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

/** Runs if node_modules was not installed from the present lockfile. */
function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('setup: npm ci (the packages named in package-lock.json)');
  // No package needs its install script: ssh2 works without its native parts, and esbuild's binary is a package.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`setup: npm ci failed${error ? `: ${error.message}` : ''}; is the npm registry reachable?`);
    process.exit(2);
  }
  writeFileSync(stamp, wanted);
}

/**
 * Builds one file with what every run needs, and stores its code as V8 compiled it. The command then starts in a third
 * of the time of a tree of modules.
 */
async function build(always) {
  const newest = Math.max(
    ...[...files(join(root, 'src')), join(root, 'package-lock.json')].map((f) => statSync(f).mtimeMs),
  );
  const isBuilt = !always && existsSync(bundle) && statSync(bundle).mtimeMs > newest;
  if (!isBuilt) await bundleAll();
  if (isBuilt && existsSync(code)) return;
  const { keepCode } = await import('./warm.mjs');
  await keepCode(command);
}

async function bundleAll() {
  rmSync(dist, { recursive: true, force: true });
  const { build: bundleUp } = await import('esbuild');
  const compiled = await compiledSchemas(bundleUp);
  const plugin = {
    name: 'bringup',
    setup(on) {
      on.onLoad({ filter: /core[/\\]compile\.ts$/ }, () => ({ contents: compiled, resolveDir: root }));
      on.onLoad({ filter: /cli[/\\]transpile\.ts$/ }, () => ({ contents: TRANSPILE, resolveDir: root }));
      on.onResolve({ filter: new RegExp(`^(${Object.keys(APART).join('|')})$`) }, ({ path, kind }) =>
        kind === 'entry-point' ? undefined : { path: `./${APART[path]}.cjs`, external: true },
      );
      // Parts of packages that nothing here uses: serving SSH, HTTP agents over SSH, creating directories, a program
      // for each subcommand.
      const unused = /(ssh2[/\\]lib[/\\](server|http-agents)|make-dir[/\\]index)\.js$/;
      on.onLoad({ filter: unused }, () => ({ contents: 'module.exports = {};' }));
      on.onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
        /[/\\]commander[/\\]/.test(importer) ? { path, namespace: 'unused' } : undefined,
      );
      on.onLoad({ filter: /^/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
    },
  };
  const how = {
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifyWhitespace: true,
    external: ['cpu-features', '*.node'],
    // A script that starts from stored code may not call import(), so separate files are loaded with require.
    supported: { 'dynamic-import': false },
    logLevel: 'warning',
    plugins: [plugin],
    define: { 'import.meta.url': '__url' },
  };
  // ES modules have import.meta.url; this provides it.
  const url = "const __url = require('node:url').pathToFileURL(__filename).href;";
  await bundleUp({
    ...how,
    entryPoints: {
      prober: join(root, 'src', 'drills', 'prober.ts'), // a thread of its own
      ...Object.fromEntries(Object.entries(APART).map(([name, file]) => [file, name])),
    },
    banner: { js: url },
  });
  // Built last, so that its existence shows that everything was built.
  await bundleUp({
    ...how,
    entryPoints: { main: join(root, 'src', 'main.ts') },
    // In the form in which start.cjs compiles it: a function, as Node wraps every CommonJS module.
    banner: { js: `(function (exports, require, module, __filename, __dirname) { ${url}` },
    footer: { js: '})' },
  });
  copyFileSync(join(root, 'src', 'start.cjs'), command);
  chmodSync(command, 0o755);
}

/** Runs src/compiled.ts, which compiles every schema to a function. */
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
