import { type Static, Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';
import { hasSubject, requestConfig, subject, subjectErrors } from './shared/certificate-request.ts';
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
  digest: Type.String({
    default: 'sha256',
    pattern: '^sha\\d[\\d-]*$',
    expected: 'sha256, sha384, sha512',
    description: 'The digest of the signature.',
  }),
  version: Type.Optional(Type.Integer({ minimum: 1, maximum: 1, description: 'Only 1: there is no other version.' })),
  ...subject,
});
type Args = Static<typeof Args>;

export const openssl_csr = defineModule<typeof Args, Made>({
  name: 'openssl_csr',
  summary: 'A request for a certificate (CSR), made by openssl on the host.',
  args: Args,
  aliases: {
    C: 'country_name',
    countryName: 'country_name',
    ST: 'state_or_province_name',
    stateOrProvinceName: 'state_or_province_name',
    L: 'locality_name',
    localityName: 'locality_name',
    O: 'organization_name',
    organizationName: 'organization_name',
    OU: 'organizational_unit_name',
    organizationalUnitName: 'organizational_unit_name',
    CN: 'common_name',
    commonName: 'common_name',
    E: 'email_address',
    emailAddress: 'email_address',
    subjectAltName: 'subject_alt_name',
    subjectAltName_critical: 'subject_alt_name_critical',
    useCommonNameForSAN: 'use_common_name_for_san',
    keyUsage: 'key_usage',
    keyUsage_critical: 'key_usage_critical',
    extKeyUsage: 'extended_key_usage',
    extendedKeyUsage: 'extended_key_usage',
    extKeyUsage_critical: 'extended_key_usage_critical',
    extendedKeyUsage_critical: 'extended_key_usage_critical',
    basicConstraints: 'basic_constraints',
    basicConstraints_critical: 'basic_constraints_critical',
    ocspMustStaple: 'ocsp_must_staple',
    ocspMustStaple_critical: 'ocsp_must_staple_critical',
  },
  examples: [
    {
      title: 'A request for two names',
      args: {
        path: '/etc/ssl/www.csr',
        privatekey_path: '/etc/ssl/private/www.key',
        common_name: 'www.foobar.com',
        subject_alt_name: ['DNS:www.foobar.com', 'DNS:foobar.com'],
      },
    },
  ],
  verify: (given) => [...modeErrors(given.mode), ...keyErrors(given), ...subjectErrors(given)],
  needs: (given) => makingNeeds(given, given.privatekey_path),
  touches: ({ path }) => [`path:${path}`],
  probe: (given) =>
    probeMade(
      given,
      sh`[ ! -r ${given.privatekey_path ?? ''} ] || echo 'key yes'`,
      sh`text() { openssl req -noout -text -reqopt no_sigdump 2>/dev/null; }
[ "$(text <${given.path})" = "$( { ${request(given)}; } 2>/dev/null | text)" ] && openssl req -in ${given.path} -noout -verify >/dev/null 2>&1 && echo 'same yes'`,
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
    const why = current.f.get('same') === undefined ? ['it asks for something else'] : [];
    return planMade(
      current,
      given,
      ctx,
      'certificate request',
      why,
      sh`r=$( ${request(given)} )
printf '%s\n' "$r" >"$s"`,
    );
  },
  data: (current, given, _ctx, ran) => ({
    ...madeData(current, given, 'csr', ran),
    privatekey: given.privatekey_path ?? null,
    subject: Object.entries(given.subject ?? {}).map(([key, value]) => [key, value]),
    subjectAltName: given.subject_alt_name ?? null,
  }),
});

/** Prints a new request. The same key and arguments give the same request, except for the signature. */
function request(given: Args): Script {
  const { privatekey_path = '', privatekey_passphrase, digest } = given;
  return sh`( ${setPass(privatekey_passphrase)}
printf %s ${requestConfig(given)} | keyed openssl req -new -config /dev/stdin ${hasSubject(given) ? [] : ['-subj', '/']} -key ${privatekey_path} ${passIn(privatekey_passphrase)} ${`-${digest}`} )`;
}
