import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, names } from './shared/args.ts';
import { fields } from './shared/fields.ts';

const Args = args({
  path: absolutePath('The path of the certificate (PEM).'),
  key: absolutePath('The path of its private key (PEM). Only its owner can read it.'),
  bundle: Type.Optional(absolutePath('A file for both, the certificate first, as HAProxy requires.')),
  common_name: Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: '^[^/\\n]+$',
    expected: 'a name of at most 64 characters, without a slash',
    description: "The subject's common name.",
  }),
  names: Type.Optional(names('The host names in the certificate.')),
  addresses: Type.Optional(names('The IP addresses in the certificate.')),
  ca: flag('Create a CA that signs other certificates.'),
  permitted: Type.Optional(
    names("The only names that a CA may certify: 'DNS:example.com', 'IP:192.0.2.0/255.255.255.0'."),
  ),
  signed_by: Type.Optional(absolutePath("The CA's certificate. Without it, the certificate is self-signed.")),
  signed_by_key: Type.Optional(absolutePath("The CA's private key.")),
  days: Type.Integer({ default: 397, minimum: 1, description: 'The validity of a new certificate in days.' }),
  renew_days: Type.Integer({
    default: 30,
    minimum: 0,
    description: 'Issue a new certificate if this many days or fewer are left.',
  }),
});
type Args = Static<typeof Args>;

/** `why` lists the reasons for a new certificate. An empty list means that the certificate is fine. */
type Current = Readonly<{ openssl: boolean; why: readonly string[]; bundled: boolean; until: string | undefined }>;

export const certificate = defineModule<typeof Args, Current>({
  name: 'certificate',
  summary: 'Creates a certificate and its key, signed by an own CA, and renews it before it expires.',
  args: Args,
  examples: [
    {
      title: 'Create a CA for one domain',
      args: {
        path: '/srv/pki/ca.crt',
        key: '/srv/pki/ca.key',
        common_name: 'example.com rack CA',
        ca: true,
        permitted: ['DNS:example.com'],
        days: 3650,
        renew_days: 400,
      },
    },
    {
      title: 'Create a certificate signed by it',
      args: {
        path: '/srv/pki/www.crt',
        key: '/srv/pki/www.key',
        common_name: 'www.example.com',
        names: ['www.example.com'],
        signed_by: '/srv/pki/ca.crt',
        signed_by_key: '/srv/pki/ca.key',
      },
    },
  ],
  verify: (given) => [
    ...((given.signed_by === undefined) === (given.signed_by_key === undefined)
      ? []
      : [argError([], 'E_ARGUMENT_CONFLICT', { problem: "'signed_by' and 'signed_by_key' go together" })]),
    ...(given.days > given.renew_days
      ? []
      : [
          argError(['renew_days'], 'E_ARGUMENT_VALUE', {
            problem: "'renew_days' is not smaller than 'days': the certificate would be renewed at each run",
            expected: "fewer than 'days'",
          }),
        ]),
    ...(given.permitted !== undefined && !given.ca
      ? [argError(['permitted'], 'E_ARGUMENT_CONFLICT', { problem: "'permitted' is for a CA", hint: 'set `ca: true`' })]
      : []),
  ],
  needs: (given) => ['package:openssl', ...files(given)],
  touches: files,
  probe,
  parse(stdout, given) {
    const f = fields(stdout);
    const wanted = altNames(given);
    const found = (f.get('names') ?? '').split(', ').filter((name) => name !== '');
    const why = [
      ...(f.get('there') === undefined ? ['there is none'] : []),
      ...(f.get('there') !== undefined && f.get('fresh') === undefined
        ? [`fewer than ${given.renew_days} days are left`]
        : []),
      ...(f.get('there') !== undefined && f.get('trusted') === undefined ? ['it is not of this CA'] : []),
      ...(f.get('there') !== undefined && f.get('paired') === undefined ? ['its key is another'] : []),
      ...(f.get('there') !== undefined && [...wanted].sort().join() !== [...found].sort().join()
        ? ['its names differ']
        : []),
    ];
    return {
      openssl: f.get('no-openssl') === undefined,
      why,
      bundled: f.get('bundled') !== undefined,
      until: f.get('until'),
    };
  },
  plan({ openssl, why, bundled, until }, given) {
    if (!openssl)
      return blocked('E_TOOL_MISSING', { tool: 'openssl', hint: 'install the package openssl in an earlier task' });
    const of = given.common_name;
    if (why.length > 0)
      return [
        {
          what: `a new certificate for ${of}: ${why.join(', ')}`,
          diff: {
            of: given.path,
            before: until === undefined ? null : `${of}, until ${until}\n`,
            after: `${of}, for ${given.days} days\n`,
          },
          run: sh`${issue(given)}
${given.bundle === undefined ? sh`:` : bundle(given, given.bundle)}`,
        },
      ];
    if (given.bundle === undefined || bundled) return [];
    return [
      {
        what: `${given.bundle}: certificate and key of ${of}`,
        run: sh`set -e; umask 077
${bundle(given, given.bundle)}`,
      },
    ];
  },
  data: ({ until }, { path, key }) => ({ path, key, ...(until !== undefined && { not_after: until }) }),
});

function files({ path, key, bundle, signed_by, signed_by_key }: Args): readonly string[] {
  return [path, key, bundle, signed_by, signed_by_key].flatMap((one) => (one === undefined ? [] : [`path:${one}`]));
}

/** In the form in which `openssl x509 -ext subjectAltName` prints them. */
function altNames({ names: hosts = [], addresses = [] }: Args): readonly string[] {
  return [...hosts.map((name) => `DNS:${name}`), ...addresses.map((one) => `IP Address:${one}`)];
}

function probe({ path, key, bundle, signed_by, renew_days }: Args): Script {
  return sh`command -v openssl >/dev/null || { echo no-openssl; exit 0; }
[ -s ${path} ] || exit 0
echo there
openssl x509 -in ${path} -noout -enddate 2>/dev/null | sed -n 's/^notAfter=/until /p'
openssl x509 -in ${path} -noout -checkend ${renew_days * 86_400} >/dev/null 2>&1 && echo fresh
openssl verify -partial_chain -CAfile ${signed_by ?? path} ${path} >/dev/null 2>&1 && echo trusted
a=$(openssl x509 -in ${path} -noout -pubkey 2>/dev/null)
[ -n "$a" ] && [ "$a" = "$(openssl pkey -in ${key} -pubout 2>/dev/null)" ] && echo paired
openssl x509 -in ${path} -noout -ext subjectAltName 2>/dev/null | sed -n 's/^ */names /;2p'
${
  bundle === undefined
    ? sh`:`
    : sh`[ "$(cat -- ${path} ${key} 2>/dev/null)" = "$(cat -- ${bundle} 2>/dev/null)" ] && echo bundled
:`
}`;
}

/**
 * Writes new files beside the old ones. The key is renamed into place before the certificate: an interruption in
 * between leaves a pair that does not match, which the next probe detects and replaces.
 */
function issue(given: Args): Script {
  const { path, key, common_name, ca, permitted = [], signed_by, signed_by_key, days } = given;
  const alt = [...(given.names ?? []).map((n) => `DNS:${n}`), ...(given.addresses ?? []).map((a) => `IP:${a}`)];
  const extensions = ca
    ? [
        'basicConstraints=critical,CA:TRUE,pathlen:0',
        'keyUsage=critical,keyCertSign,cRLSign',
        ...(permitted.length === 0
          ? []
          : [`nameConstraints=critical,${permitted.map((p) => `permitted;${p}`).join(',')}`]),
      ]
    : [
        'basicConstraints=critical,CA:FALSE',
        'keyUsage=critical,digitalSignature',
        'extendedKeyUsage=serverAuth,clientAuth',
      ];
  const all = [...extensions, ...(alt.length === 0 ? [] : [`subjectAltName=${alt.join(',')}`])];
  return sh`set -e
umask 077
trap 'rm -f -- ${`${path}.new`} ${`${key}.new`}' EXIT
OPENSSL_CONF=/dev/null openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days ${days} -subj ${`/CN=${common_name}`} ${all.flatMap((one) => ['-addext', one])} ${signed_by === undefined || signed_by_key === undefined ? [] : ['-CA', signed_by, '-CAkey', signed_by_key]} -keyout ${`${key}.new`} -out ${`${path}.new`}
chmod 644 ${`${path}.new`}
sync -- ${`${path}.new`} ${`${key}.new`}
mv -f -- ${`${key}.new`} ${key}
mv -f -- ${`${path}.new`} ${path}`;
}

function bundle({ path, key }: Args, to: string): Script {
  return sh`cat -- ${path} ${key} >${`${to}.new`}
sync -- ${`${to}.new`}
mv -f -- ${`${to}.new`} ${to}`;
}
