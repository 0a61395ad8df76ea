import { Type } from 'typebox';
import { consoleArgs, defineConsole, secretArg } from '../contract.ts';
import { inTerminal, openProgram, shellWords } from '../streams.ts';

export const ipmi = defineConsole({
  name: 'ipmi',
  summary:
    'Serial over LAN of a BMC with IPMI 2.0. Runs ipmitool on this machine. It takes over a session that is open.',
  args: consoleArgs({
    host: Type.String({ pattern: '^[^-]', expected: 'an address', description: 'The address of the BMC.' }),
    port: Type.Integer({ default: 623, minimum: 1, maximum: 65_535, description: 'The UDP port of the BMC.' }),
    user: Type.String({ minLength: 1, description: 'The user.' }),
    password: secretArg('The password.'),
    cipher: Type.Integer({
      default: 3,
      minimum: 1,
      maximum: 17,
      description: 'The cipher suite. 3 works with almost all BMCs; 17 is stronger.',
    }),
  }),
  examples: [{ title: 'A server', args: { host: '10.0.0.21', user: 'admin', password: '{{ bmc_password }}' } }],
  open({ host, port, user, password, cipher }, scene) {
    const login = ['-I', 'lanplus', '-H', host, '-p', String(port), '-U', user, '-E', '-C', String(cipher)];
    const call = shellWords(['ipmitool', ...login]);
    return openProgram(scene, {
      // ipmitool wants a terminal. A BMC has one session, which a killed ipmitool leaves open.
      argv: inTerminal(`${call} sol deactivate >/dev/null 2>&1; exec ${call} sol activate`),
      device: `ipmi ${host}`,
      env: { IPMI_PASSWORD: password },
      hint: 'install it: apt-get install bsdutils ipmitool',
      ready: /SOL Session operational/,
    });
  },
});
