import { type Static, Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';
import { modeErrors } from './shared/mode.ts';
import {
  keyErrors,
  type Made,
  madeData,
  making,
  makingNeeds,
  parseMade,
  passIn,
  passphrase,
  planMade,
  probeMade,
  setPass,
} from './shared/openssl.ts';

const Args = args({
  ...making,
  privatekey_path: Type.Optional(absolutePath('The private key on the host. Needed with present.')),
  privatekey_passphrase: passphrase('The passphrase of the private key.'),
  format: Type.Enum(['PEM', 'OpenSSH'], { default: 'PEM', description: 'The format of the file.' }),
});
type Args = Static<typeof Args>;

export const openssl_publickey = defineModule<typeof Args, Made>({
  name: 'openssl_publickey',
  summary: 'The public key of a private key, in a file.',
  args: Args,
  examples: [
    { title: 'A public key', args: { path: '/etc/ssl/www.pub', privatekey_path: '/etc/ssl/private/www.key' } },
  ],
  verify: (given) => [...modeErrors(given.mode), ...keyErrors(given)],
  needs: (given) => makingNeeds(given, given.privatekey_path),
  touches: ({ path }) => [`path:${path}`],
  probe: (given) =>
    probeMade(
      given,
      sh`[ ! -r ${given.privatekey_path ?? ''} ] || echo 'key yes'`,
      sh`[ "$( ${printed(given)} )" = "$(cat <${given.path})" ] && echo 'same yes'`,
    ),
  parse: parseMade,
  plan(current, given, ctx): Steps {
    if (given.state === 'present' && current.f.get('key') === undefined) {
      return blocked('E_PATH_MISSING', {
        path: given.privatekey_path ?? '',
        what: 'the private key ',
        hint: 'create it in an earlier task (openssl_privatekey)',
      });
    }
    const why = current.f.get('same') === undefined ? ['it is of another key'] : [];
    return planMade(
      current,
      given,
      ctx,
      `public key of ${given.privatekey_path}`,
      why,
      sh`( ${printed(given)} ) >"$s"`,
    );
  },
  data: (current, given, _ctx, ran) => ({
    ...madeData(current, given, 'publickey', ran),
    privatekey: given.privatekey_path ?? null,
    format: given.format,
  }),
});

function printed({ privatekey_path = '', privatekey_passphrase, format }: Args): Script {
  return sh`set -e; ${setPass(privatekey_passphrase)}
k=$(keyed openssl pkey -in ${privatekey_path} ${passIn(privatekey_passphrase)} -pubout)
${format === 'PEM' ? sh`printf '%s\n' "$k"` : sh`printf '%s\n' "$k" | ssh-keygen -i -m PKCS8 -f /dev/stdin`}`;
}
