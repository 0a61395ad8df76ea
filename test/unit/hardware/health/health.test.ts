import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { health } from '../../../../src/checks/health.ts';
import type { Finding } from '../../../../src/core/health.ts';
import { probes } from '../../../../src/hardware/health/index.ts';
import { findingsOf } from '../../../../src/hardware/health/judge.ts';
import { healthScript, samplesIn } from '../../../../src/hardware/health/script.ts';
import { installed } from '../../../support/peers.ts';

const SHELLS = [['dash'], ['busybox', 'sh']] as const;
const PROGRAMS = ['awk', 'sed', 'grep', 'head', 'tr', 'cat', 'date', 'readlink'];

/** A directory with the files and the programs of a board: see the files in boards/. */
function unpack(name: string): string {
  const root = mkdtempSync(join(tmpdir(), 'bringup-board-'));
  const text = readFileSync(`test/unit/hardware/health/boards/${name}.txt`, 'utf8');
  const programs = new Map<string, string>();
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const [, path = '', content = ''] of text.matchAll(/^==> (.*) <==\n([\s\S]*?)(?=^==> |$(?![\s\S]))/gm)) {
    const [, program, args] = /^bin\/(\S+) (.*)$/.exec(path) ?? [];
    if (program === undefined) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    } else {
      const file = join(root, 'bin', `.${program}-${programs.size}`);
      writeFileSync(file, content);
      programs.set(`${program} ${args}`, file);
    }
  }
  for (const program of new Set([...programs.keys()].map((one) => one.split(' ')[0] ?? ''))) {
    const cases = [...programs].filter(([call]) => call.startsWith(`${program} `));
    const lines = cases.map(([call, file]) => `'${call.slice(program.length + 1)}') exec cat '${file}' ;;`);
    const stub = `#!/bin/sh\ncase "$*" in\n${lines.join('\n')}\n*) exit 1 ;;\nesac\n`;
    writeFileSync(join(root, 'bin', program), stub, { mode: 0o755 });
  }
  for (const program of PROGRAMS) {
    const found = ['/usr/bin', '/bin'].find((folder) => spawnSync('test', ['-x', join(folder, program)]).status === 0);
    symlinkSync(join(found ?? '/usr/bin', program), join(root, 'bin', program));
  }
  return root;
}

/** What the script prints on a board, without the programs of this machine. */
function printed(board: string, shell: readonly string[]): string {
  const root = unpack(board);
  try {
    const [program = '', ...args] = shell;
    // The script adds the directories of system programs, which this machine may have.
    const input = healthScript().text.replace(/^PATH=.*$/m, `PATH=${join(root, 'bin')}`);
    const ran = spawnSync(program, args, { input, env: { ...process.env, R: root }, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    expect(ran.status).toBe(0);
    return ran.stdout;
  } finally {
    rmSync(root, { recursive: true });
  }
}
const found = (board: string, shell: readonly string[] = ['dash']): readonly Finding[] =>
  findingsOf(samplesIn(printed(board, shell)));
const lines = (findings: readonly Finding[]): readonly string[] =>
  findings
    .filter(({ verdict }) => verdict !== 'unmeasured')
    .map(({ verdict, probe, part, seen }) => `${verdict} ${probe} ${part}: ${seen}`);

beforeAll(() => installed({ dash: 'dash', busybox: 'busybox' }));

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('health, read by %s', (_, shell) => {
  it('a Raspberry Pi with a weak power supply', () => {
    expect(lines(found('raspberry-pi-4', shell))).toEqual([
      'ok board board: Raspberry Pi 4 Model B Rev 1.4, revision c03114, serial 10000000abcdef01, firmware 2023/01/11 17:40:52',
      'warning temperature cpu-thermal: 82.3 °C of 90 °C',
      'critical throttling under-voltage: now',
      'warning throttling throttled: now',
      'critical filesystems /: ext4, read-only',
      'ok filesystems /boot/firmware: vfat',
      'warning network eth0: 100 Mbit/s, half duplex, 3 errors in 1500000 packets',
      'warning clock system clock: not synchronised',
    ]);
  });
  it('a server with worn disks, bad memory and a dead power supply', () => {
    const all = lines(found('server', shell));
    const clock = all.filter((line) => line.includes('rtc0'));
    expect(clock[0]).toMatch(/^warning clock rtc0: -\d+ s$/);
    expect(all.filter((line) => !line.includes('rtc0'))).toEqual([
      'ok board board: Dell Inc. PowerEdge R730, firmware 2.19.0 12/12/2023',
      'ok temperature coretemp Package id 0: 48.0 °C of 100 °C',
      'warning throttling processor: slowed down 12 times because it was hot',
      'critical disks nvme0n1: TS128GMTE850, reports no fault, warns of its state, 16 % worn, 100 % spare, 38 °C',
      'warning disks sda: Samsung SSD 850 PRO 256GB, reports no fault, 99 % worn, 1 sectors replaced, 19 °C',
      'ok disks sdb: HUH721212AL5204, reports no fault, 34 °C',
      'warning filesystems /: ext4, 4 errors',
      'ok filesystems /archive: xfs',
      'critical filesystems md0: lacks 1 disks',
      'warning memory mc0 corrected: 7 errors',
      'critical memory mc0 uncorrected: 1 errors',
      'critical memory pages: 4 KiB are not used because of errors',
      'warning network eno1: 1000 Mbit/s, 4000 errors in 1000000 packets',
      'ok clock system clock: synchronised',
      'ok bmc Fan1: 5040 RPM',
      'ok bmc Current 1: 7.20 Amps',
      'ok bmc Power Supply 1: 110 Watts, Presence detected',
      'critical bmc Power Supply 2: Presence detected, Power Supply AC lost',
    ]);
  });
  it('a board with eMMC in good state', () => {
    expect(lines(found('emmc-board', shell))).toEqual([
      'ok board board: Radxa ROCK 5B',
      'ok temperature soc-thermal: 41.5 °C',
      'ok disks mmcblk0: eMMC DA4064, reports no fault, 20 % worn',
      'ok filesystems /: ext4',
      'ok clock system clock: synchronised',
      'ok bmc pwmfan fan1: 2300 RPM',
    ]);
  });
  it('what has no sensor is not measured, with the reason', () => {
    const all = found('nothing', shell);
    expect(all.map(({ verdict }) => verdict)).toEqual(probes.map(() => 'unmeasured'));
    expect(all.find(({ probe }) => probe === 'memory')?.seen).toContain('no ECC');
  });
});

describe('samples', () => {
  it('each has a name that its probe declares, and a measured one follows', () => {
    const declared = probes.flatMap(({ metrics }) => Object.keys(metrics));
    const names = ['raspberry-pi-4', 'server', 'emmc-board'].flatMap((board) =>
      samplesIn(printed(board, ['dash'])).map(({ name }) => name),
    );
    expect([...new Set(names)].filter((name) => !declared.includes(name))).toEqual(['measured']);
  });
  it('labels with quotes and backslashes are read as they were', () => {
    expect(samplesIn('bringup_health_x{a="1\\"2\\\\3",b="}"} 4.5\nother 1\nbringup_health_x{a=b} 1\n')).toEqual([
      { name: 'x', labels: { a: '1"2\\3', b: '}' }, value: 4.5 },
    ]);
  });
  it('a host that prints nothing is not measured', () => {
    expect(findingsOf([]).every(({ verdict }) => verdict === 'unmeasured')).toBe(true);
  });
});

describe('the check', () => {
  const wrong = (board: string, more: object) => {
    const args = { hosts: ['h'], allow: 'ok' as const, ...more };
    const seen = [{ host: 'h', findings: found(board) }];
    return health.spec.judge(seen, args).map(({ property, seen: value }) => `${property}: ${value}`);
  };
  it.each([
    ['passes a board in good state', 'emmc-board', {}, []],
    ['never passes a host of which nothing is measured', 'nothing', {}, ['h: nothing is measured']],
    [
      'wants what is named to be measured',
      'emmc-board',
      { probes: ['clock', 'memory'] },
      ['h memory: memory: not measured: the memory has no ECC, or its driver is not loaded'],
    ],
    ['tells warnings', 'raspberry-pi-4', { probes: ['temperature'] }, ['h temperature: cpu-thermal: 82.3 °C of 90 °C']],
    ['lets warnings pass', 'raspberry-pi-4', { probes: ['temperature'], allow: 'warning' }, []],
    [
      'never lets faults pass',
      'raspberry-pi-4',
      { probes: ['throttling'], allow: 'warning' },
      ['h throttling: under-voltage: now'],
    ],
  ] as const)('%s', (_, board, more, expected) => expect(wrong(board, more)).toEqual(expected));
});
