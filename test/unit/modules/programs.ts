import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './harness.ts';

/** Runs `work` while these programs come first on the PATH: name → shell code, which sees its arguments as "$*". */
export function withPrograms<T>(programs: Readonly<Record<string, string>>, work: () => T): T {
  const folder = scratch();
  for (const [name, code] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${code}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const { PATH } = process.env;
  process.env['PATH'] = `${folder}:${PATH}`;
  try {
    return work();
  } finally {
    process.env['PATH'] = PATH;
  }
}
