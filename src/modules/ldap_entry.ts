import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import { Secret, type Value } from '../core/value.ts';
import { args, flag, names, text } from './shared/args.ts';
import { encodeBase64 } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  dn: Type.String({ minLength: 1, description: 'The distinguished name of the entry.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the entry exists.' }),
  objectClass: Type.Optional(names('The object classes of a new entry.')),
  attributes: Type.Record(Type.String(), Type.Unsafe<Value>({}), {
    default: {},
    description:
      'The attributes of a new entry: a text, or a list of texts. Those of an entry that exists are left as they are.',
  }),
  binary_attributes: Type.Array(Type.String(), {
    default: [],
    description: 'Attributes whose values are given in base64.',
  }),
  honor_binary_option: flag('The values of attributes with ;binary are given in base64.'),
  recursive: flag('Remove everything below the entry too.'),
  server_uri: Type.String({ default: 'ldapi:///', description: 'The server.' }),
  bind_dn: text('The DN to log in as. Without it, SASL is used.'),
  bind_pw: Type.String({ default: '', secret: true, description: 'The password of bind_dn.' }),
  sasl_class: Type.Enum(['external', 'gssapi'], {
    default: 'external',
    description: 'How SASL logs in, without bind_dn.',
  }),
  start_tls: flag('Use StartTLS.'),
  validate_certs: flag("Verify the server's certificate.", true),
  ca_path: text('A file of CAs on the host.'),
  client_cert: text('A client certificate on the host.'),
  client_key: text('The key of client_cert on the host.'),
});
type Args = Static<typeof Args>;

/** LDAP's result code for an entry that does not exist, with which the programs end. */
const NO_SUCH_OBJECT = 32;

export const ldap_entry = defineModule<typeof Args, Fields>({
  name: 'ldap_entry',
  summary: 'An entry of an LDAP directory, through ldap-utils.',
  args: Args,
  examples: [
    { title: 'A parent for users', args: { dn: 'ou=users,dc=foobar,dc=com', objectClass: 'organizationalUnit' } },
    { title: 'No entry', args: { dn: 'ou=old,dc=foobar,dc=com', state: 'absent', recursive: true } },
  ],
  verify: (given) => [
    ...(given.state === 'present' && given.objectClass === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'objectClass'" })]
      : []),
    ...((given.client_cert === undefined) !== (given.client_key === undefined)
      ? [argError([], 'E_ARGUMENT_CONFLICT', { problem: "'client_cert' and 'client_key' are given together" })]
      : []),
    ...Object.keys(given.attributes)
      .filter((name) => !/^[A-Za-z0-9][A-Za-z0-9.;-]*$/.test(name))
      .map((name) =>
        argError(['attributes', name], 'E_ARGUMENT_VALUE', { problem: `'${name}' is no attribute's name` }),
      ),
    ...Object.entries(given.attributes).flatMap(([name, value]) =>
      [value].flat().some((one) => typeof one !== 'string' && typeof one !== 'number')
        ? [
            argError(['attributes', name], 'E_ARGUMENT_VALUE', {
              problem: `'${name}' is no text and no list of texts`,
              hint: 'write it in quotes',
            }),
          ]
        : [],
    ),
  ],
  needs: () => ['live:*', 'package:*'],
  touches: () => ['live:*'],
  probe: (given) => sh`command -v ldapsearch >/dev/null || { echo 'ldap missing'; exit 0; }
${connected(given)}
out=$(ldap ldapsearch -LLL -s base -b ${given.dn} '(objectClass=*)' 1.1 2>&1); c=$?
case $c in 0) echo 'entry yes' ;; ${NO_SUCH_OBJECT}) ;; *) printf 'error %s\n' "$(printf %s "$out" | base64 -w0)" ;; esac`,
  parse: fields,
  plan(f, given): Steps {
    const { dn, state, recursive } = given;
    if (f.get('ldap') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'ldapsearch', hint: 'install ldap-utils in an earlier task' });
    }
    const error = f.text('error');
    if (error !== undefined) return blocked('E_TOOL_REFUSED', { tool: 'ldapsearch', detail: error });
    const isThere = f.get('entry') !== undefined;
    if (isThere === (state === 'present')) return [];
    if (state === 'absent') {
      return [
        {
          what: `remove ${dn}${recursive ? ' and what is below it' : ''}`,
          diff: { of: dn, before: `${dn}\n`, after: null },
          run: sh`set -e
${connected(given)}
ldap ldapdelete ${recursive ? ['-r'] : []} ${dn}`,
        },
      ];
    }
    return [
      {
        what: `add ${dn}`,
        diff: {
          of: dn,
          before: null,
          after: `${dn}\n${[...Object.keys(given.attributes), 'objectClass'].join('\n')}\n`,
        },
        run: sh`set -e
${connected(given)}
ldap ldapadd -f /dev/fd/4 4<<'END' >/dev/null
${verbatim(ldif(given))}
END`,
      },
    ];
  },
  data: () => ({}),
});

/** The entry in LDIF, with all values in base64. */
function ldif(given: Args): string {
  const isBinary = (name: string): boolean =>
    given.binary_attributes.some((one) => one.toLowerCase() === name.toLowerCase()) ||
    (given.honor_binary_option && name.toLowerCase().split(';').includes('binary'));
  const line = (name: string, value: Value): string =>
    `${name}:: ${isBinary(name) ? String(value).replace(/\s/g, '') : encodeBase64(String(value))}`;
  return [
    line('dn', given.dn),
    ...(given.objectClass ?? []).map((one) => line('objectClass', one)),
    ...Object.keys(given.attributes)
      .filter((name) => !/^[A-Za-z0-9][A-Za-z0-9.;-]*$/.test(name))
      .map((name) =>
        argError(['attributes', name], 'E_ARGUMENT_VALUE', { problem: `'${name}' is no attribute's name` }),
      ),
    ...Object.entries(given.attributes).flatMap(([name, value]) =>
      [value].flat().map((one) => line(name, one as Value)),
    ),
  ].join('\n');
}

/** Defines `ldap`, which runs one of the programs with the login. The password goes through its stdin. */
function connected(given: Args): Script {
  const { server_uri, bind_dn, bind_pw, sasl_class, start_tls, validate_certs, ca_path, client_cert, client_key } =
    given;
  const login =
    bind_dn === undefined ? ['-Q', '-Y', sasl_class.toUpperCase()] : ['-x', '-D', bind_dn, '-y', '/dev/stdin'];
  const options = ['-H', server_uri, ...(start_tls ? ['-ZZ'] : []), ...login];
  const tls = Object.entries({
    LDAPTLS_REQCERT: validate_certs ? undefined : 'never',
    LDAPTLS_CACERT: ca_path,
    LDAPTLS_CERT: client_cert,
    LDAPTLS_KEY: client_key,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const environment = tls.length === 0 ? sh`` : sh`env ${tls}`;
  const password = bind_dn === undefined ? sh`` : sh`printf %s ${new Secret(bind_pw)} |`;
  return sh`ldap() { p=$1; shift; ${password} ${environment} "$p" ${options} "$@"; }`;
}
