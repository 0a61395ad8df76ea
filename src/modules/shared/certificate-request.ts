// What a certificate or a request says about its subject, as configuration of openssl.
import { type Static, type TObject, Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import { type Script, sh } from '../../core/sh.ts';
import { flag, text } from './args.ts';
import { configValue } from './openssl.ts';

const list = (description: string) => Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description }));

export const subject = {
  subject: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]), {
      description: 'The subject: {CN: www.foobar.com, O: Foobar}.',
    }),
  ),
  subject_ordered: Type.Optional(
    Type.Array(Type.Record(Type.String(), Type.String()), {
      description: 'The subject as a list, where the order counts.',
    }),
  ),
  country_name: text('The country (C).'),
  state_or_province_name: text('The state (ST).'),
  locality_name: text('The place (L).'),
  organization_name: text('The organization (O).'),
  organizational_unit_name: text('The unit of the organization (OU).'),
  common_name: text('The common name (CN).'),
  email_address: text('The address for mail (emailAddress).'),
  subject_alt_name: list('The names: DNS:www.foobar.com, IP:192.0.2.1.'),
  subject_alt_name_critical: flag('The names are critical.'),
  use_common_name_for_san: flag('Without subject_alt_name, the common name is the name.', true),
  key_usage: list('What the key is for: digitalSignature, keyEncipherment.'),
  key_usage_critical: flag('key_usage is critical.'),
  extended_key_usage: list('What the certificate is for: serverAuth, clientAuth.'),
  extended_key_usage_critical: flag('extended_key_usage is critical.'),
  basic_constraints: list('Whether it is for a CA: CA:TRUE, pathlen:0.'),
  basic_constraints_critical: flag('basic_constraints is critical.'),
  ocsp_must_staple: flag('The server has to staple an answer of OCSP.'),
  ocsp_must_staple_critical: flag('ocsp_must_staple is critical.'),
  name_constraints_permitted: list('For a CA, the only names that it may certify: DNS:foobar.com.'),
  name_constraints_excluded: list('For a CA, names that it may not certify.'),
  name_constraints_critical: flag('The limits of the names are critical.'),
  create_subject_key_identifier: flag('Put an identifier of the key into the request.'),
};
export type Subject = Static<TObject<typeof subject>>;

const FIELDS = {
  country_name: 'C',
  state_or_province_name: 'ST',
  locality_name: 'L',
  organization_name: 'O',
  organizational_unit_name: 'OU',
  common_name: 'CN',
  email_address: 'emailAddress',
} as const;

export function subjectErrors(given: Subject): readonly ArgError[] {
  const pairs = subjectOf(given);
  return [
    ...(given.subject !== undefined && given.subject_ordered !== undefined
      ? [
          argError(['subject_ordered'], 'E_ARGUMENT_CONFLICT', {
            problem: "'subject' and 'subject_ordered' exclude each other",
          }),
        ]
      : []),
    ...pairs
      .filter(([key]) => !/^[A-Za-z][A-Za-z0-9.]*$/.test(key))
      .map(([key]) =>
        argError(['subject'], 'E_ARGUMENT_VALUE', {
          problem: `'${key}' is no field of a subject`,
          expected: 'C, ST, L, O, OU, CN, emailAddress …',
        }),
      ),
    ...[
      ...(given.subject_alt_name ?? []),
      ...(given.name_constraints_permitted ?? []),
      ...(given.name_constraints_excluded ?? []),
    ]
      .filter((name) => !/^(DNS|IP|URI|email|RID|otherName|dirName):/.test(name) || name.includes(','))
      .map((name) =>
        argError(['subject_alt_name'], 'E_ARGUMENT_VALUE', {
          problem: `'${name}' has no type`,
          expected: `DNS:${name}, IP:… or another type`,
        }),
      ),
  ];
}

function subjectOf(given: Subject): readonly (readonly [string, string])[] {
  const named = Object.entries(FIELDS).flatMap(([name, key]): [string, string][] => {
    const value = given[name as keyof typeof FIELDS];
    return value === undefined ? [] : [[key, value]];
  });
  const dict = Object.entries(given.subject ?? {}).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): [string, string] => [key, String(one)]),
  );
  const ordered = (given.subject_ordered ?? []).flatMap((one) => Object.entries(one));
  return [...dict, ...ordered, ...named];
}

/** `openssl req` wants an empty subject as an argument. */
export function hasSubject(given: Subject): boolean {
  return subjectOf(given).length > 0;
}

/** A file of openssl's configuration for `openssl req`. */
export function requestConfig(given: Subject): string {
  const pairs = subjectOf(given);
  const cn = pairs.find(([key]) => key === 'CN' || key === 'commonName')?.[1];
  const alt = given.subject_alt_name ?? (given.use_common_name_for_san && cn !== undefined ? [altOf(cn)] : []);
  const line = (name: string, values: readonly string[] | undefined, isCritical: boolean): readonly string[] =>
    values === undefined || values.length === 0
      ? []
      : [`${name} = ${[...(isCritical ? ['critical'] : []), ...values.map(configValue)].join(',')}`];
  const limits = [
    ...(given.name_constraints_permitted ?? []).map((one) => `permitted;${one}`),
    ...(given.name_constraints_excluded ?? []).map((one) => `excluded;${one}`),
  ];
  const extensions = [
    ...line('subjectAltName', alt, given.subject_alt_name_critical),
    ...line('keyUsage', given.key_usage, given.key_usage_critical),
    ...line('extendedKeyUsage', given.extended_key_usage, given.extended_key_usage_critical),
    ...line('basicConstraints', given.basic_constraints, given.basic_constraints_critical),
    ...line('tlsfeature', given.ocsp_must_staple ? ['status_request'] : [], given.ocsp_must_staple_critical),
    ...line('nameConstraints', limits, given.name_constraints_critical),
    ...(given.create_subject_key_identifier ? ['subjectKeyIdentifier = hash'] : []),
  ];
  // Each field has a number, because a subject may have one field twice.
  return `[req]
prompt = no
utf8 = yes
string_mask = utf8only
distinguished_name = dn
${extensions.length === 0 ? '' : 'req_extensions = ext\n'}[dn]
${pairs.map(([key, value], at) => `${at}.${key} = ${configValue(value)}\n`).join('')}[ext]
${extensions.map((one) => `${one}\n`).join('')}`;
}

function altOf(name: string): string {
  return /^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`;
}

/** Prints what a certificate or a request says, without what only one of the two has. */
export const CLAIMS: Script = sh`claims() { sed -e 's/^ *//; s/ *$//' -e '/^\(Certificate\( Request\)\{0,1\}\|Data\|Attributes\|Requested Extensions\|X509v3 extensions\|(none)\):*\((none)\)*$/d' -e '/^X509v3 \(Subject\|Authority\) Key Identifier/,+1d' -e 's/^Attributes: (none)//; /^$/d'; }`;
