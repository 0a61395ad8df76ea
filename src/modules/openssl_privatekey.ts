import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import type { Fields } from './shared/fields.ts';
import { modeErrors } from './shared/mode.ts';
import {
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

/** The names that openssl has for them. */
const CURVES: Readonly<Record<string, string>> = {
  secp192r1: 'prime192v1',
  secp224r1: 'secp224r1',
  secp256r1: 'prime256v1',
  secp256k1: 'secp256k1',
  secp384r1: 'secp384r1',
  secp521r1: 'secp521r1',
  brainpoolP256r1: 'brainpoolP256r1',
  brainpoolP384r1: 'brainpoolP384r1',
  brainpoolP512r1: 'brainpoolP512r1',
};

const Args = args({
  ...making,
  type: Type.Enum(['RSA', 'ECC', 'Ed25519', 'Ed448', 'X25519', 'X448'], {
    default: 'RSA',
    description: 'The algorithm.',
  }),
  size: Type.Integer({ default: 4096, minimum: 1024, description: 'The bits of an RSA key.' }),
  curve: Type.Optional(Type.Enum(Object.keys(CURVES), { description: 'The curve of an ECC key.' })),
  passphrase: passphrase('Encrypt the key with this passphrase.'),
  cipher: Type.Optional(Type.Enum(['auto', 'aes256'], { description: 'How the key is encrypted: AES-256.' })),
  format: Type.Enum(['auto_ignore', 'auto', 'pkcs1', 'pkcs8'], {
    default: 'auto_ignore',
    description:
      'The format of the file. auto: pkcs1 for RSA and ECC. auto_ignore: the same, and an existing file may have another.',
  }),
  format_mismatch: Type.Enum(['regenerate', 'convert'], {
    default: 'regenerate',
    description: 'What to do with a key in another format.',
  }),
  regenerate: Type.Enum(['never', 'fail', 'partial_idempotence', 'full_idempotence', 'always'], {
    default: 'full_idempotence',
    description:
      'When a key is replaced. never: not at all. fail: the task fails if the key differs. partial_idempotence: if it differs and can be read. full_idempotence: also if it cannot be read.',
  }),
});
type Args = Static<typeof Args>;

export const openssl_privatekey = defineModule<typeof Args, Made>({
  name: 'openssl_privatekey',
  summary: 'A private key in a file (PEM), made by openssl on the host.',
  args: Args,
  examples: [
    { title: 'An RSA key', args: { path: '/etc/ssl/private/www.key', size: 2048 } },
    {
      title: 'An ECC key',
      args: { path: '/etc/ssl/private/www.key', type: 'ECC', curve: 'secp256r1', owner: 'www-data' },
    },
  ],
  verify: ({ type, curve, mode, cipher, passphrase: pass }) => [
    ...modeErrors(mode),
    ...(type === 'ECC' && curve === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'curve'" })] : []),
    ...(type !== 'ECC' && curve !== undefined
      ? [argError(['curve'], 'E_ARGUMENT_CONFLICT', { problem: "'curve' needs type: ECC" })]
      : []),
    ...(cipher !== undefined && pass === undefined
      ? [argError(['cipher'], 'E_ARGUMENT_CONFLICT', { problem: "'cipher' needs 'passphrase'" })]
      : []),
  ],
  needs: (given) => makingNeeds(given),
  touches: ({ path }) => [`path:${path}`],
  probe: (given) =>
    probeMade(
      given,
      sh`:`,
      sh`( ${setPass(given.passphrase)}
t=$(keyed openssl pkey -in ${given.path} ${passIn(given.passphrase)} -noout -text_pub 2>/dev/null) && printf '%s\n' "$t" | sed -n 'h; s/^\([A-Za-z0-9]\{1,\}\) *Public-Key:.*/kind \1/p; g; s/^.*Public-Key: (\([0-9]*\) bit.*/size \1/p; s/^Modulus:.*/kind RSA/p; s/^ASN1 OID: /curve /p'
keyed openssl pkey -in ${given.path} ${passIn(given.passphrase)} -pubout -outform DER 2>/dev/null | sha256sum | sed 's/^/sha256 /'
)
sed -n 's/^-----BEGIN \(.*\)-----$/header \1/p;2q' ${given.path}
grep -q '^Proc-Type: 4,ENCRYPTED' ${given.path} && echo 'encrypted yes'`,
    ),
  parse: parseMade,
  plan(current, given, ctx): Steps {
    const { f, now } = current;
    const why = now.stat === undefined ? [] : differences(f, given);
    const refused = why.length > 0 && given.state === 'present' ? refusal(f, given, why) : undefined;
    if (refused !== undefined) return refused;
    const kept = given.regenerate === 'never' ? [] : why;
    const isConverted = kept.length === 1 && kept[0] === FORMAT && given.format_mismatch === 'convert';
    const made = { ...given, mode: given.mode ?? '0600', force: given.force || given.regenerate === 'always' };
    const what = `${given.type} key${given.type === 'RSA' ? ` of ${given.size} bits` : ''}`;
    return planMade(current, made, ctx, what, kept, isConverted && !given.force ? convert(given) : generate(given));
  },
  data: (current, given, _ctx, ran) => ({
    ...madeData(current, given, 'privatekey', ran, true),
    size: given.type === 'RSA' ? given.size : Number(current.f.get('size') ?? 0),
    type: given.type,
    ...(given.curve !== undefined && { curve: given.curve }),
    ...(current.f.get('sha256') !== undefined && {
      fingerprint: { sha256: (current.f.get('sha256') ?? '').slice(0, 64).replace(/..(?=.)/g, '$&:') },
    }),
  }),
});

const FORMAT = 'its format differs';

function differences(f: Fields, given: Args): readonly string[] {
  const kind = f.get('kind') ?? (f.get('curve') === undefined ? undefined : 'ECC');
  if (kind === undefined) return [UNREADABLE];
  const header = f.get('header') ?? '';
  const isPlain = !header.startsWith('ENCRYPTED') && f.get('encrypted') === undefined;
  const is = /^(RSA|EC) /.test(header) ? 'pkcs1' : 'pkcs8';
  return [
    ...(kind.toLowerCase() === given.type.toLowerCase() ? [] : [`it is a key of type ${kind}`]),
    ...(given.type === 'RSA' && kind === 'RSA' && f.get('size') !== String(given.size)
      ? [`it has ${f.get('size')} bits`]
      : []),
    ...(given.curve !== undefined && kind === 'ECC' && f.get('curve') !== CURVES[given.curve]
      ? [`its curve is ${f.get('curve')}`]
      : []),
    ...(given.passphrase !== undefined && isPlain ? ['it is not encrypted'] : []),
    ...(given.format !== 'auto_ignore' && is !== formatOf(given) ? [FORMAT] : []),
  ];
}
const UNREADABLE = 'it cannot be read with this passphrase';

function formatOf({ format, type }: Args): 'pkcs1' | 'pkcs8' {
  if (format === 'pkcs1' || format === 'pkcs8') return format;
  return type === 'RSA' || type === 'ECC' ? 'pkcs1' : 'pkcs8';
}

function refusal(f: Fields, { path, regenerate, force }: Args, why: readonly string[]): Blocked | undefined {
  if (force || regenerate === 'always' || regenerate === 'full_idempotence' || f.get('openssl') === 'missing')
    return undefined;
  if (regenerate !== 'fail' && !why.includes(UNREADABLE)) return undefined;
  return blocked('E_KEY_KEPT', { path, why });
}

const OUT = (given: Args): readonly string[] => [
  ...(formatOf(given) === 'pkcs1' ? ['-traditional'] : []),
  ...(given.passphrase === undefined ? [] : ['-aes256', '-passout', 'fd:3']),
];

function generate(given: Args): Script {
  const { type, size, curve, passphrase: pass } = given;
  const how =
    type === 'RSA'
      ? ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${size}`]
      : type === 'ECC'
        ? ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${CURVES[curve ?? ''] ?? ''}`]
        : ['-algorithm', type];
  return sh`umask 077
${setPass(pass)}
k=$(openssl genpkey ${how} 2>/dev/null)
printf '%s\n' "$k" | keyed openssl pkey ${OUT(given)} >"$s"`;
}

function convert(given: Args): Script {
  return sh`umask 077
${setPass(given.passphrase)}
keyed openssl pkey -in ${given.path} ${passIn(given.passphrase)} ${OUT(given)} >"$s"`;
}
