#!/usr/bin/env node
// The command: runs main.cjs, with the code that V8 made of it in an earlier run where there is such. setup.mjs has it made;
// without it, or with another Node, everything works as well, a little later.
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const file = path.join(__dirname, 'main.cjs');
const code = `${file}.${process.version}-${process.arch}.code`;
const script = new vm.Script(
  // esbuild writes ASCII
  `(function (exports, require, module, __filename, __dirname) {${fs.readFileSync(file, 'latin1')}\n})`,
  {
    filename: file,
    cachedData: fs.existsSync(code) ? fs.readFileSync(code) : undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  },
);
if (process.env.BRINGUP_KEEP_CODE === '1')
  process.once('exit', () => {
    fs.writeFileSync(`${code}.new`, script.createCachedData());
    fs.renameSync(`${code}.new`, code);
  });
script.runInThisContext()(exports, createRequire(file), module, file, __dirname);
