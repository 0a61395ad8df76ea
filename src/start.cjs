#!/usr/bin/env node
// The command: runs main.cjs with the code that V8 compiled in an earlier run. setup.mjs creates that code. Without it, or
// with another version of Node, everything works but starts more slowly.
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

// Optimizing a function pays off only if it runs for long. A run ends after a second or two and would spend a fifth of its
// CPU time on optimizing. It therefore optimizes only functions that are four times as hot as Node 20 requires. (Later
// versions require more and do not have this flag.) Stored code is valid only for the flags that it was compiled with.
if (process.version.startsWith('v20.')) v8.setFlagsFromString('--interrupt-budget=300000');

const file = path.join(__dirname, 'main.cjs');
const code = `${file}.${process.version}-${process.arch}.code`;
const script = new vm.Script(
  fs.readFileSync(file, 'latin1'), // esbuild writes ASCII
  {
    filename: file,
    cachedData: fs.existsSync(code) ? fs.readFileSync(code) : undefined,
  },
);
if (process.env.BRINGUP_KEEP_CODE === '1')
  process.once('exit', () => {
    fs.writeFileSync(`${code}.new`, script.createCachedData());
    fs.renameSync(`${code}.new`, code);
  });
else limitYoungGeneration();
script.runInThisContext()(exports, createRequire(file), module, file, __dirname);

/**
 * Stops the young generation from growing at 2 × 8 MB. A run keeps 10 MB alive, and V8 would let the young generation grow
 * to 2 × 16 MB. Its largest size is fixed when node starts, but its growth factor is not. With 24 hosts this saves 16 MB
 * and costs no time.
 */
function limitYoungGeneration() {
  const watch = setInterval(() => {
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young.space_size < 2 * 8 * 1024 * 1024) return;
    v8.setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(watch);
  }, 20).unref();
}
