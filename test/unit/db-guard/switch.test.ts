import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A guard that leads and does nothing else. It sends heartbeats and hands over as the real one does. */
const STUB = `import fs from 'node:fs';
import { exchange, inheritance } from './exchange.js';
const inherits = await inheritance();
const run = process.env.DB_GUARD_RUN;
if (inherits) fs.writeFileSync(run + '/inherited', JSON.stringify({ ...inherits, age: performance.now() - inherits.renewedAt }));
fs.writeFileSync(run + '/pid', process.pid + '\\n');
const beat = setInterval(() => fs.writeSync(Number(process.env.DB_GUARD_BEAT), 'open\\n'), 50);
const leave = async () => (clearInterval(beat), { lease: '7', leading: true, renewedAt: performance.now() });
process.on('SIGHUP', () => exchange({ leave }).then(() => process.exit(0), (e) => fs.writeFileSync(run + '/refused', e.message)));
`;

let folder: string;
let guarded: ChildProcess;
const at = (name: string): string => join(folder, name);
const read = (name: string): string => (existsSync(at(name)) ? readFileSync(at(name), 'utf8').trim() : '');
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await sleep(20);
};
const release = (name: string, main: string): void => {
  mkdirSync(at(name));
  for (const file of ['db-guard', 'exchange.js']) cpSync(`files/db-guard/${file}`, join(folder, name, file));
  writeFileSync(join(folder, name, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, name, 'main.js'), main);
  rmSync(at('current'), { force: true });
  symlinkSync(name, at('current'));
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-switch-'));
  release('one', STUB);
  mkdirSync(at('bin'));
  writeFileSync(at('bin/systemctl'), `#!/bin/sh\necho "$@" >>${at('killed')}\n`);
  chmodSync(at('bin/systemctl'), 0o755);
  guarded = spawn(at('current/db-guard'), ['run', 'mariadb.service'], {
    env: { ...process.env, DB_GUARD_RUN: folder, PATH: `${at('bin')}:${process.env['PATH']}` },
    stdio: 'ignore',
  });
  await until(() => read('pid') !== '');
});
afterEach(() => {
  try {
    process.kill(Number(read('pid')), 'SIGKILL');
  } catch {
    // the process has ended
  }
  guarded.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('the dead-man switch', () => {
  it('kills the database if the guard is killed or hangs, also after a guard was replaced', async () => {
    const first = read('pid');
    release('two', STUB);
    process.kill(Number(first), 'SIGHUP');
    await until(() => read('pid') !== first);
    const inherited = JSON.parse(read('inherited')) as { lease: string; leading: boolean; age: number };
    expect(inherited).toMatchObject({ lease: '7', leading: true });
    expect(inherited.age).toBeGreaterThanOrEqual(0);
    expect(inherited.age).toBeLessThan(1000);
    await sleep(2200); // longer than the switch waits
    expect([guarded.exitCode, read('killed')]).toEqual([null, '']);
    process.kill(Number(read('pid')), 'SIGSTOP');
    await until(() => guarded.exitCode !== null);
    expect(read('killed')).toBe('kill --kill-whom=all --signal=KILL mariadb.service');
  });

  it('does nothing if a newer guard does not start, because the older one continues', async () => {
    const first = read('pid');
    release('two', 'throw new Error("no such setting");');
    process.kill(Number(first), 'SIGHUP');
    await until(() => read('refused') !== '');
    expect(read('refused')).toBe('upgrade failed: the new db-guard does not start; the old one continues');
    await sleep(2200);
    expect([read('pid'), guarded.exitCode, read('killed')]).toEqual([first, null, '']);
  });
});
