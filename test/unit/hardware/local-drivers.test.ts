import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { switched } from '../../support/scene.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'power-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});
const soon = { off_time: 0, timeout: 1, answer_timeout: 1, settle: 0 };

/** A program of this name before all others in PATH. */
function program(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
}

describe('gpio', () => {
  it.each([
    [false, '1', '0'],
    [true, '0', '1'],
  ])('writes the level of a line (active_low: %s)', async (active_low, high, low) => {
    const path = join(folder, 'value');
    writeFileSync(path, low);
    const line = { ...soon, path, active_low };
    expect(await switched('gpio', line, 'status')).toBe('off');
    expect(await switched('gpio', line, 'on')).toBe('on: switched on');
    expect(readFileSync(path, 'utf8')).toBe(high);
    expect(await switched('gpio', line, 'cycle')).toBe('on: power cut, switched on');
    expect(await switched('gpio', line, 'off')).toBe('off: power cut');
    expect(readFileSync(path, 'utf8')).toBe(low);
  });
  it('tells a line that is not there, and creates no file', async () => {
    const path = join(folder, 'nothing');
    expect(await switched('gpio', { ...soon, path }, 'on')).toMatch(/^E_POWER_OUTLET: .* has no line .*nothing/);
    writeFileSync(path, 'x');
    expect(await switched('gpio', { ...soon, path }, 'on')).toMatch(/^E_POWER_REFUSED: .*expected a number/);
  });
});

describe('usb-hub', () => {
  const hub = { ...soon, location: '1-1', port: 2 };
  it('switches a port with uhubctl', async () => {
    program(
      'uhubctl',
      `echo "$@" >>${folder}/asked
[ "$1 $2 $3 $4" = '-l 1-1 -p 2' ] || { echo 'No compatible devices detected at location 1-9!' >&2; exit 1; }
case $6 in on) echo '0503 power highspeed enable connect [1d6b:0002]' ;; off) echo '0000 off' ;; *) cat ${folder}/port ;; esac >${folder}/new
cat ${folder}/new >${folder}/port; echo 'Current status for hub 1-1 [2109:3431 USB2.0 Hub, USB 2.10, 4 ports, ppps]'
echo "  Port 2: $(cat ${folder}/port)"`,
    );
    writeFileSync(join(folder, 'port'), '0000 off');
    expect(await switched('usb-hub', hub, 'status')).toBe('off');
    expect(await switched('usb-hub', hub, 'on')).toBe('on: switched on');
    expect(await switched('usb-hub', hub, 'cycle')).toBe('on: power cut, switched on');
    expect(await switched('usb-hub', hub, 'off')).toBe('off: power cut');
    expect(await switched('usb-hub', { ...hub, location: '1-9' }, 'on')).toMatch(/^E_POWER_OUTLET/);
  });
  it('tells that uhubctl is missing', async () => {
    vi.stubEnv('PATH', folder);
    expect(await switched('usb-hub', hub, 'on')).toMatch(/^E_POWER_PROGRAM: 'uhubctl'/);
  });
});

describe('libvirt', () => {
  it('starts, destroys and shuts down a machine with virsh', async () => {
    program(
      'virsh',
      `shift 3; [ "$2 $3" = '--domain web1' ] || exit 9
case $1 in
domstate) cat ${folder}/state ;;
start) echo running >${folder}/state ;;
*) grep -q running ${folder}/state || { echo 'error: Requested operation is not valid: domain is not running' >&2; exit 1; }
   echo 'shut off' >${folder}/state; echo "$1" >>${folder}/asked ;;
esac`,
    );
    writeFileSync(join(folder, 'state'), 'shut off');
    const vm = (action: 'on' | 'off' | 'cycle' | 'status', isHard = true) =>
      switched('libvirt', { timeout: 1, off_time: 0 }, action, { isHard });
    expect(await vm('status')).toBe('off');
    expect(await vm('on')).toBe('on: switched on');
    expect(await vm('cycle')).toBe('on: power cut, switched on');
    expect(await vm('off', false)).toBe('off: shut down by its power button');
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe('destroy\nshutdown\n');
  });
});

describe('command', () => {
  const commands = { ...soon, on_command: 'exit 1', off_command: 'exit 1' };
  it('gives the password on stdin only', async () => {
    const status_command = 'read -r word; [ "$word" = secret-1 ] && ! env | grep -q secret-1 && echo on';
    expect(await switched('command', { ...commands, status_command, password: 'secret-1' }, 'status')).toBe('on');
  });
  it('tells another word, a failure and silence', async () => {
    const told = (status_command: string) => switched('command', { ...commands, status_command }, 'status');
    expect(await told('echo maybe')).toMatch(/^E_POWER_REFUSED: .* printed 'maybe', expected on or off/);
    expect(await told('echo broken >&2; exit 3')).toMatch(/^E_POWER_REFUSED: .*exit code 3\nbroken/s);
    expect(await told(`sleep 100; echo on`)).toMatch(/^E_POWER_SILENT: .*no answer within 1 s/);
  });
});

describe('wol', () => {
  /** A network card that wakes its machine. */
  async function card() {
    const state = { isOn: false, packets: 0 };
    const socket = createSocket('udp4').on('message', (packet) => {
      const address = Buffer.from('dca632010203', 'hex');
      const magic = Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
      state.packets++;
      state.isOn ||= packet.equals(magic);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const args = { timeout: 1, off_time: 0, broadcast: '127.0.0.1', port: socket.address().port };
    return { state, args, close: () => socket.close() };
  }
  const mac = 'DC-A6-32-01-02-03';
  it('wakes a machine with a packet, and sees by SSH that it is on', async () => {
    const { state, args, close } = await card();
    const host = {
      answers: async () => state.isOn,
      halt: async () => {
        state.isOn = false;
        return undefined;
      },
    };
    expect(await switched('wol', { ...args, mac }, 'status', host)).toBe('off');
    expect(await switched('wol', { ...args, mac }, 'on', host)).toBe('on: switched on');
    expect(await switched('wol', { ...args, mac }, 'off', { ...host, isHard: false })).toBe('off: shut down by SSH');
    state.isOn = true;
    expect(await switched('wol', { ...args, mac }, 'cycle', { ...host, isHard: false })).toBe(
      'on: shut down by SSH, switched on',
    );
    close();
  });
  it('tells that a machine did not wake, and cannot cut the power', async () => {
    const { state, args, close } = await card();
    expect(await switched('wol', { ...args, mac: '00:00:00:00:00:01' }, 'on')).toMatch(/^E_POWER_STATE/);
    expect(state).toEqual({ isOn: false, packets: 3 });
    const up = { answers: async () => true };
    expect(await switched('wol', { ...args, mac }, 'off', up)).toMatch(/^E_POWER_CANNOT: .*'wol'.*cut the power/);
    close();
  });
  it('tells that no network leads to the address', async () => {
    expect(await switched('wol', { mac, broadcast: 'no.invalid' }, 'on')).toMatch(/^E_POWER_REFUSED: .*ENOTFOUND|EAI/);
  });
});

describe('an outlet', () => {
  it('is switched off only when the system has shut down', async () => {
    const path = join(folder, 'value');
    writeFileSync(path, '1');
    let up = 3;
    const host = { isHard: false, halt: async () => undefined, answers: async () => up-- > 0 };
    expect(await switched('gpio', { ...soon, path }, 'off', host)).toBe('off: shut down by SSH, then switched off');
    expect(up).toBe(-1);
    writeFileSync(path, '1');
    const args = { ...soon, path, shutdown_timeout: 1 };
    expect(await switched('gpio', args, 'off', { ...host, answers: async () => true })).toMatch(
      /^E_NOT_SHUT_DOWN: .*it still answers 1 s after/,
    );
    expect(readFileSync(path, 'utf8')).toBe('1');
  });
});

describe('qemu', () => {
  it('tells silence and a socket that speaks something else', async () => {
    const socket = join(folder, 'qmp');
    const args = { timeout: 1, answer_timeout: 0.3, socket };
    expect(await switched('qemu', args, 'status')).toMatch(/^E_POWER_SILENT: .*ENOENT/);
    const listen = async (greet: string): Promise<Server> => {
      const server = createServer((line) => void line.on('error', () => {}).write(greet));
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      return server;
    };
    const mute = await listen('{"event": "RESUME"}\n');
    expect(await switched('qemu', args, 'status')).toMatch(/^E_POWER_SILENT: .*no answer within 0.3 s/);
    await new Promise((resolve) => mute.close(resolve));
    const other = await listen('hello\n');
    expect(await switched('qemu', args, 'status')).toMatch(/^E_POWER_SILENT: .*does not speak QMP/);
    await new Promise((resolve) => other.close(resolve));
  });
});
