import { Type } from 'typebox';
import { consoleArgs, defineConsole } from '../contract.ts';
import { openProgram } from '../streams.ts';

const word = (description: string) => Type.String({ pattern: '^[^-]', expected: 'a name or an address', description });

export const ssh = defineConsole({
  name: 'ssh',
  summary:
    'A console server that is reached by SSH. Runs ssh on this machine; your known_hosts must have the key of the server, and your agent the login key.',
  args: consoleArgs({
    host: word('The console server.'),
    port: Type.Integer({ default: 22, minimum: 1, maximum: 65_535, description: 'The port of SSH.' }),
    user: Type.Optional(word('The user. Default: what ssh takes.')),
    key_file: Type.Optional(Type.String({ minLength: 1, description: 'The private key to log in with.' })),
    command: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The command that connects the console: `picocom -q /dev/ttyUSB0`. Default: the login shell.',
      }),
    ),
  }),
  examples: [
    { title: 'A port of a console server', args: { host: 'console.example', user: 'port7' } },
    { title: 'Another host with a USB adapter', args: { host: 'web2', command: 'picocom -q /dev/ttyUSB0' } },
  ],
  open({ host, port, user, key_file, command }, scene) {
    const login = [
      ...['-tt', '-p', String(port), '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'EscapeChar=none'],
      ...(user === undefined ? [] : ['-l', user]),
      ...(key_file === undefined ? [] : ['-i', key_file]),
    ];
    return openProgram(scene, {
      argv: ['ssh', ...login, '--', host, ...(command === undefined ? [] : [command])],
      device: `ssh ${host}`,
      hint: 'install it: apt-get install openssh-client',
    });
  },
});
