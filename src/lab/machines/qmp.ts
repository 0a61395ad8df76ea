import { connect } from 'node:net';

/**
 * Sends one command to a QEMU over its QMP socket. Resolves with whether QEMU took it: false if nobody answers there
 * within 5 s, or QEMU refuses it. https://www.qemu.org/docs/master/interop/qmp-spec.html
 */
export function qmp(socketPath: string, command: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    let text = '';
    const end = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.setTimeout(5000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.on('data', (data) => {
      text += data.toString('utf8');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines.filter((one) => one.trim() !== '')) {
        const said: Readonly<{ QMP?: object; return?: object; error?: object; id?: string }> = JSON.parse(line);
        if (said.QMP !== undefined) socket.write('{"execute":"qmp_capabilities","id":"hello"}\n');
        else if (said.error !== undefined) end(false);
        else if (said.id === 'hello') socket.write(`${JSON.stringify({ execute: command, id: 'it' })}\n`);
        else if (said.id === 'it') end(true);
      }
    });
  });
}
