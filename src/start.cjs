#!/usr/bin/env node
// The command: runs main.cjs, with the code that V8 made of it in an earlier run where there is such. setup.mjs has it made;
// without it, or with another Node, everything works as well, a little later.
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

// Optimizing a function pays when it is run for long. A run is over in a second or two, and would spend a fifth of its CPU on
// that: only what is four times as hot as Node 20 asks for is worth it. (Later ones ask for more, and know no such flag.) Kept
// code is of the flags that it was made with.
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
 * A run keeps 10 MB alive, and V8 lets the young generation grow to 2 × 16 MB for that. How large it may become is settled when
 * node starts, how fast it grows is not: no further than 2 × 8 MB. With 24 hosts this saves 16 MB, and costs no time.
 */
function limitYoungGeneration() {
  const watch = setInterval(() => {
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young.space_size < 2 * 8 * 1024 * 1024) return;
    v8.setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(watch);
  }, 20).unref();
}
