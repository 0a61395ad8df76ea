// A thousand SSH hosts in one process: real handshakes, a port each. What a script answers is found out once by a real
// sh on this machine, and then told to everybody who asks the same: the hosts cost as little as they can, so that what
// shows is the controller's own work. `silent` hosts take a connection and never say a word.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import ssh2 from 'ssh2';

const [hostKey, first, count, silent] = process.argv.slice(2);
const answers = new Map();
const server = new ssh2.Server({ hostKeys: [readFileSync(hostKey)] }, (client) => {
  client.on('error', () => {});
  client.on('authentication', (auth) => (auth.method === 'publickey' ? auth.accept() : auth.reject(['publickey'])));
  client.on('session', (accept) => accept().on('exec', (take) => shell(take())));
});

function shell(channel) {
  let text = '';
  channel.on('data', (chunk) => {
    text += chunk;
    const mark = /^printf '(bringup-[0-9a-f]+) %d\\n'/.exec(text)?.[1];
    if (mark === undefined || !text.endsWith(`printf '\\n%s end\\n' ${mark} >&2\n`)) return;
    const script = text.replaceAll(mark, 'MARK');
    text = '';
    answer(script).then(({ out, err }) => {
      channel.write(out.replaceAll('MARK', mark));
      channel.stderr.write(err.replaceAll('MARK', mark));
    });
  });
}

function answer(script) {
  const known = answers.get(script) ?? ask(script);
  answers.set(script, known);
  return known;
}

function ask(script) {
  return new Promise((resolve) => {
    const sh = spawn('sh', ['-s'], { stdio: 'pipe' });
    const seen = { out: '', err: '' };
    sh.stdout.on('data', (chunk) => (seen.out += chunk));
    sh.stderr.on('data', (chunk) => (seen.err += chunk));
    sh.on('close', () => resolve(seen));
    sh.stdin.end(script);
  });
}

const quiet = new Set(silent.split(',').filter(Boolean).map(Number));
for (let i = 0; i < Number(count); i++) {
  const port = Number(first) + i;
  net
    .createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      if (!quiet.has(i)) server.injectSocket(socket);
    })
    .listen(port, '127.0.0.1', 1024);
}
process.stdout.write('ready\n');
