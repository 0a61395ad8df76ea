import { Type } from 'typebox';
import { consoleArgs, defineConsole } from '../contract.ts';
import { openProgram } from '../streams.ts';

export const tty = defineConsole({
  name: 'tty',
  summary: 'A serial port of this machine, such as a USB adapter. Eight bits, no parity.',
  args: consoleArgs({
    device: Type.String({
      pattern: '^/dev/',
      expected: 'a device: /dev/ttyUSB0',
      description: 'The port. A name below /dev/serial/by-id stays the same when adapters are plugged in again.',
    }),
    speed: Type.Integer({ default: 115_200, minimum: 300, maximum: 4_000_000, description: 'Bits per second.' }),
  }),
  examples: [{ title: 'A USB adapter', args: { device: '/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0' } }],
  open: ({ device, speed }, scene) =>
    openProgram(scene, {
      argv: ['sh', '-c', COMMAND, 'console', device, String(speed)],
      device,
      hint: 'install it: apt-get install coreutils',
      ready: /bringup console open\n/,
    }),
});

/** $1: the port; $2: its speed. The port stays open on 3, because some drivers reset its settings when it is closed. */
const COMMAND = `exec 3<>"$1" || exit 1
stty -F "$1" "$2" cs8 -parenb -cstopb clocal raw -echo || exit 1
echo 'bringup console open'
cat <&3 & reader=$!
cat >&3
kill "$reader"`;
