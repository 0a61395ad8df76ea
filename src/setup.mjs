// Makes a fresh clone ready: packages (npm ci) and the built command. Run by the npm scripts before their work, with
// nothing but Node there; quick when there is nothing to do. Plain JavaScript: there is no TypeScript yet at this point.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.bringup-setup');
const dist = join(root, 'dist');
const command = join(dist, 'bringup.cjs');
const bundle = join(dist, 'main.cjs');
/** As start.cjs names it: V8's code is of one version of Node. */
const code = `${bundle}.${process.version}-${process.arch}.code`;

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

/** One file, and its code as V8 has it after a run: what starts takes a third of the time that a tree of modules does. */
async function build(always) {
  const newest = Math.max(
    ...[...files(join(root, 'src')), join(root, 'package-lock.json')].map((f) => statSync(f).mtimeMs),
  );
  const isBuilt = !always && existsSync(bundle) && statSync(bundle).mtimeMs > newest;
  if (!isBuilt) await bundleAll();
  if (!isBuilt || !existsSync(code)) keepCode();
}

async function bundleAll() {
  rmSync(dist, { recursive: true, force: true });
  const { build: bundleUp } = await import('esbuild');
  const compiled = await compiledSchemas(bundleUp);
  await bundleUp({
    // The prober is a thread of its own, and so a file of its own.
    entryPoints: { main: join(root, 'src', 'main.ts'), prober: join(root, 'src', 'drills', 'prober.ts') },
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['cpu-features', '*.node'],
    logLevel: 'warning',
    plugins: [
      {
        name: 'compiled-schemas',
        setup: (on) => on.onLoad({ filter: /core[/\\]compile\.ts$/ }, () => ({ contents: compiled, resolveDir: root })),
      },
    ],
    // ES modules know where they are.
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': '__url' },
  });
  copyFileSync(join(root, 'src', 'start.cjs'), command);
  chmodSync(command, 0o755);
}

/** Plans a small playbook for this machine, which changes nothing, and has start.cjs keep the code that this took. */
function keepCode() {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-setup-'));
  try {
    writeFileSync(
      join(folder, 'hosts.yml'),
      'all: {hosts: {here: {ansible_connection: local}, there: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n',
    );
    writeFileSync(join(folder, 'text.j2'), '{% for n in [1, 2] if n > 1 %}{{ n | string | upper }}{% endfor %}\n');
    writeFileSync(
      join(folder, 'site.yml'),
      `- hosts: all
  tasks:
    - file: {path: "{{ playbook_dir }}/made", state: directory, mode: '0755'}
    - template: {src: text.j2, dest: "{{ playbook_dir }}/{{ item }}"}
      loop: [one, two]
      when: ansible_facts.kernel is defined
      notify: Tell
    - copy: {content: text, dest: "{{ playbook_dir }}/copied"}
    - lineinfile: {path: "{{ playbook_dir }}/site.yml", line: '# nothing'}
  handlers:
    - {name: Tell, debug: {msg: told}}
`,
    );
    spawnSync(process.execPath, [command, 'plan', 'site.yml', '-i', 'hosts.yml', '-o', 'json'], {
      cwd: folder,
      env: { ...process.env, BRINGUP_KEEP_CODE: '1' },
      stdio: 'ignore',
      timeout: 30_000, // whatever ~/.ssh/config makes of it: without the code all works as well
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
