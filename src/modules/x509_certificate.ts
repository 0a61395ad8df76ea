import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, exclude, flag, text } from './shared/args.ts';
import { CLAIMS } from './shared/certificate-request.ts';
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

const digest = Type.Optional(
  Type.String({
    pattern: '^sha\\d[\\d-]*$',
    expected: 'sha256, sha384, sha512',
    description: 'The digest of the signature. Default: sha256.',
  }),
);
const time = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^([+-](\\d+[wdhms])+|[+-]0|\\d{14}Z)$',
      expected: 'a time as +365d, -1h30m or 20301231235959Z',
      description,
    }),
  );

const Args = args({
  ...making,
  provider: Type.Optional(
    Type.Enum(['selfsigned', 'ownca'], { description: 'Who signs: the own key, or an own CA. Needed with present.' }),
  ),
  csr_path: Type.Optional(absolutePath('The request on the host. selfsigned works without one.')),
  csr_content: text('The request itself (PEM).'),
  privatekey_path: Type.Optional(absolutePath('The private key, for selfsigned.')),
  privatekey_passphrase: passphrase('The passphrase of the private key.'),
  ownca_path: Type.Optional(absolutePath("The CA's certificate.")),
  ownca_privatekey_path: Type.Optional(absolutePath("The CA's private key.")),
  ownca_privatekey_passphrase: passphrase("The passphrase of the CA's private key."),
  selfsigned_digest: digest,
  ownca_digest: digest,
  selfsigned_not_before: time('When the certificate begins. Default: now.'),
  selfsigned_not_after: time('When it ends. Default: +3650d.'),
  ownca_not_before: time('When the certificate begins. Default: now.'),
  ownca_not_after: time('When it ends. Default: +3650d.'),
  ignore_timestamps: flag(
    'Keep a certificate whose times differ from the given ones. Relative times always differ.',
    true,
  ),
});
type Args = Static<typeof Args>;

export const x509_certificate = defineModule<typeof Args, Made>({
  name: 'x509_certificate',
  summary: 'A certificate for a request, signed by its own key or by an own CA, with openssl on the host.',
  args: Args,
  aliases: { selfsigned_notBefore: 'selfsigned_not_before', selfsigned_notAfter: 'selfsigned_not_after' },
  examples: [
    {
      title: 'Signed by its own key',
      args: {
        path: '/etc/ssl/www.crt',
        privatekey_path: '/etc/ssl/private/www.key',
        csr_path: '/etc/ssl/www.csr',
        provider: 'selfsigned',
      },
    },
    {
      title: 'Signed by an own CA',
      args: {
        path: '/etc/ssl/www.crt',
        csr_path: '/etc/ssl/www.csr',
        provider: 'ownca',
        ownca_path: '/etc/ssl/ca.crt',
        ownca_privatekey_path: '/etc/ssl/private/ca.key',
        ownca_not_after: '+397d',
      },
    },
  ],
  verify: (given) => [...modeErrors(given.mode), ...exclude(given, 'csr_path', 'csr_content'), ...argErrors(given)],
  needs: (given) =>
    makingNeeds(given, given.csr_path, given.privatekey_path, given.ownca_path, given.ownca_privatekey_path),
  touches: ({ path }) => [`path:${path}`],
  probe: (given) =>
    probeMade(
      given,
      sh`for f in ${inputs(given)}; do [ -r "$f" ] || printf 'missing %s\n' "$f"; done`,
      sh`${CLAIMS}
( c=$(${csr(given)}) || exit 0
b=$(printf '%s\n' "$c" | openssl req -noout -text -reqopt no_version,no_signame,no_sigdump 2>/dev/null | claims)
a=$(openssl x509 -in ${given.path} -noout -text -certopt no_version,no_serial,no_signame,no_validity,no_issuer,no_sigdump,no_aux 2>/dev/null | claims)
[ "$a" = "$b" ] && echo 'same yes'
openssl verify -partial_chain -no_check_time -CAfile ${issuer(given)} ${given.path} >/dev/null 2>&1 && echo 'signed yes' )
openssl x509 -in ${given.path} -noout -startdate -enddate 2>/dev/null | while IFS='=' read -r k v; do printf '%s %s\n' "$k" "$(date -u -d "$v" +%Y%m%d%H%M%SZ)"; done`,
    ),
  parse: parseMade,
  plan(current, given, ctx): Steps {
    const missing = given.state === 'present' ? current.f.get('missing') : undefined;
    if (missing !== undefined)
      return blocked('E_PATH_MISSING', { path: missing, hint: 'create it in an earlier task' });
    return planMade(current, given, ctx, `certificate (${given.provider})`, differences(current, given), sign(given));
  },
  data: (current, given, _ctx, ran) => ({
    ...madeData(current, given, 'certificate', ran),
    csr: given.csr_path ?? null,
    ...(given.privatekey_path !== undefined && { privatekey: given.privatekey_path }),
    notBefore: current.f.get('notBefore') ?? null,
    notAfter: current.f.get('notAfter') ?? null,
  }),
});

function argErrors(given: Args): readonly ArgError[] {
  if (given.state === 'absent') return [];
  const needed: readonly (keyof Args)[] =
    given.provider === undefined
      ? ['provider']
      : given.provider === 'selfsigned'
        ? ['privatekey_path']
        : ['ownca_path', 'ownca_privatekey_path'];
  const other = given.provider === 'selfsigned' ? 'ownca_' : 'selfsigned_';
  return [
    ...needed
      .filter((key) => given[key] === undefined)
      .map((key) => argError([], 'E_MISSING_ARGUMENT', { name: `'${key}'` })),
    ...(given.provider === 'ownca' && given.csr_path === undefined && given.csr_content === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'csr_path' or 'csr_content'" })]
      : []),
    ...(Object.keys(given) as (keyof Args)[])
      .filter((key) => given.provider !== undefined && key.startsWith(other) && given[key] !== undefined)
      .map((key) =>
        argError([key], 'E_ARGUMENT_CONFLICT', {
          problem: `'${key}' has no meaning with provider: ${given.provider}`,
          hint: 'remove it',
        }),
      ),
  ];
}

const issuer = (given: Args): string => (given.provider === 'ownca' ? (given.ownca_path ?? '') : given.path);

function inputs({ csr_path, privatekey_path, ownca_path, ownca_privatekey_path }: Args): readonly string[] {
  return [csr_path, privatekey_path, ownca_path, ownca_privatekey_path].flatMap((one) =>
    one === undefined ? [] : [one],
  );
}

/** Prints the request. Without one, it is made for the key, with an empty subject. */
function csr({ csr_path, csr_content, privatekey_path = '', privatekey_passphrase: pass }: Args): Script {
  if (csr_path !== undefined) return sh`cat -- ${csr_path}`;
  if (csr_content !== undefined) return sh`printf '%s\n' ${csr_content}`;
  return sh`${setPass(pass)}
keyed openssl req -new -config /dev/null -subj / -key ${privatekey_path} ${passIn(pass)}`;
}

function differences({ f, now }: Made, given: Args): readonly string[] {
  if (now.stat === undefined) return [];
  const limits = (['not_before', 'not_after'] as const).map(
    (key) => [key, timeOf(given, key), f.get(key === 'not_before' ? 'notBefore' : 'notAfter')] as const,
  );
  return [
    ...(f.get('same') === undefined ? ['it differs from the request'] : []),
    ...(f.get('signed') === undefined
      ? [given.provider === 'ownca' ? 'it is not signed by the CA' : 'it is not signed by its own key']
      : []),
    ...(given.ignore_timestamps
      ? []
      : limits.filter(([, wanted, is]) => wanted.endsWith('Z') && wanted !== is).map(([key]) => `its ${key} differs`)),
  ];
}

function timeOf(given: Args, key: 'not_before' | 'not_after'): string {
  const value = given.provider === 'ownca' ? given[`ownca_${key}`] : given[`selfsigned_${key}`];
  return value ?? (key === 'not_before' ? '+0s' : '+3650d');
}

const SECONDS: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 };

/** A word of sh that is the time in the form of openssl. */
function timeWord(value: string): Script {
  if (value.endsWith('Z')) return sh`${value}`;
  const sum = [...value.matchAll(/(\d+)([wdhms])/g)].reduce(
    (all, [, n = '0', unit = 's']) => all + Number(n) * (SECONDS[unit] ?? 1),
    0,
  );
  return sh`"$(date -u -d "@$(( $(date +%s) + ${value.startsWith('-') ? -sum : sum} ))" +%Y%m%d%H%M%SZ)"`;
}

/** openssl ca is the command that can set the exact times. It needs a directory for its records. */
function sign(given: Args): Script {
  const isOwn = given.provider === 'selfsigned';
  const key = isOwn ? given.privatekey_path : given.ownca_privatekey_path;
  const pass = isOwn ? given.privatekey_passphrase : given.ownca_privatekey_passphrase;
  const md = (isOwn ? given.selfsigned_digest : given.ownca_digest) ?? 'sha256';
  const extensions = isOwn
    ? 'subjectKeyIdentifier = hash\n'
    : 'subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always\n';
  const config = `[ca]
default_ca = own
[own]
policy = any
database = index
new_certs_dir = .
serial = serial
unique_subject = no
copy_extensions = copyall
x509_extensions = ext
email_in_dn = yes
[any]
${[
  'C',
  'ST',
  'L',
  'O',
  'OU',
  'CN',
  'emailAddress',
  'serialNumber',
  'DC',
  'UID',
  'GN',
  'SN',
  'title',
  'street',
  'postalCode',
]
  .map((one) => `${one} = optional\n`)
  .join('')}[ext]
${extensions}`;
  return sh`umask 077
d=$(mktemp -d)
trap 'rm -rf -- "$d"' EXIT
( ${csr(given)} ) >"$d/csr"
printf %s ${config} >"$d/config"
: >"$d/index"
openssl rand -hex 16 | sed 's/^./4/' >"$d/serial"
( cd -- "$d"
${setPass(pass)}
keyed openssl ca -batch -notext -utf8 -preserveDN -config config -in csr -out crt -md ${md} -keyfile ${key ?? ''} ${passIn(pass)} ${isOwn ? ['-selfsign'] : ['-cert', given.ownca_path ?? '']} -startdate ${timeWord(timeOf(given, 'not_before'))} -enddate ${timeWord(timeOf(given, 'not_after'))} 2>log ) || { cat -- "$d/log" >&2; exit 1; }
cat -- "$d/crt" >"$s"
chmod 644 "$s"`;
}
