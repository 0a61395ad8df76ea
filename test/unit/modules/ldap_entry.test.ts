import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verbatim } from '../../../src/core/sh.ts';
import { ldap_entry } from '../../../src/modules/ldap_entry.ts';
import { bound, changes, context, read, refusal, run, scratch, words } from './harness.ts';

const USERS = { dn: 'ou=users,dc=x', objectClass: 'organizationalUnit' };
const LOGIN = { server_uri: 'ldap://db1', bind_dn: 'cn=admin,dc=x', bind_pw: 's3cret ' };
const b64 = (text: string): string => Buffer.from(text).toString('base64');

/** Runs the probe and the changes with programs that write down how they were called. */
function go(args: Readonly<Record<string, unknown>>, code = 32) {
  const folder = scratch();
  for (const name of ['ldapsearch', 'ldapadd', 'ldapdelete']) {
    const entry = name === 'ldapadd' ? `cat /dev/fd/4 >${folder}/ldif;` : '';
    writeFileSync(
      `${folder}/${name}`,
      `#!/bin/sh\n${entry} echo "$LDAPTLS_REQCERT|$LDAPTLS_CACERT|$*" >${folder}/${name}.args\ncat >${folder}/stdin\necho trouble >&2; exit ${name === 'ldapsearch' ? code : 0}\n`,
    );
    chmodSync(`${folder}/${name}`, 0o755);
  }
  const step = bound(ldap_entry, args);
  const path = (script: string | undefined) => verbatim(`PATH=${folder}:$PATH\n${script}`);
  const steps = step.plan(run(path(step.probe?.(context()).text)).stdout, context());
  return {
    steps: words(steps),
    made: () => changes(steps).map((change) => run(path(change.run.text)).code),
    read: (name: string) => read(`${folder}/${name}`),
  };
}

describe('ldap_entry', () => {
  it('adds an entry that does not exist, with all values in base64', () => {
    const attributes = { description: ['one', 'zwei ä'], uidNumber: 7, 'photo;binary': 'AAEC', jpeg: 'Aw==' };
    const { steps, made, read } = go({
      ...USERS,
      attributes,
      binary_attributes: ['JPEG'],
      honor_binary_option: true,
      ...LOGIN,
    });
    expect(steps).toEqual(['add ou=users,dc=x']);
    expect(made()).toEqual([0]);
    expect(read('ldif')).toBe(
      `dn:: ${b64('ou=users,dc=x')}\nobjectClass:: ${b64('organizationalUnit')}\ndescription:: ${b64('one')}\ndescription:: ${b64('zwei ä')}\nuidNumber:: ${b64('7')}\nphoto;binary:: AAEC\njpeg:: Aw==\n`,
    );
    expect(read('ldapadd.args')).toBe('||-H ldap://db1 -x -D cn=admin,dc=x -y /dev/stdin -f /dev/fd/4\n');
    expect(read('stdin')).toBe('s3cret ');
    expect(read('ldapsearch.args')).toContain('-LLL -s base -b ou=users,dc=x (objectClass=*) 1.1');
  });

  it('leaves an entry that exists, and removes it if asked', () => {
    expect(go(USERS, 0).steps).toEqual([]);
    expect(go({ dn: USERS.dn, state: 'absent' }).steps).toEqual([]);
    const { steps, made, read } = go({ dn: USERS.dn, state: 'absent', recursive: true }, 0);
    expect(steps).toEqual(['remove ou=users,dc=x and what is below it']);
    expect(made()).toEqual([0]);
    expect(read('ldapdelete.args')).toBe('||-H ldapi:/// -Q -Y EXTERNAL -r ou=users,dc=x\n');
  });

  it('uses TLS and SASL as asked', () => {
    const tls = { start_tls: true, validate_certs: false, ca_path: '/ca', sasl_class: 'gssapi' };
    expect(go({ ...USERS, ...tls }).read('ldapsearch.args')).toMatch(/^never\|\/ca\|-H ldapi:\/\/\/ -ZZ -Q -Y GSSAPI/);
  });

  it('says what is in the way', () => {
    expect(go(USERS, 49).steps).toBe('ldapsearch fails on the host, and nothing was changed');
    expect(words(bound(ldap_entry, USERS).plan('ldap missing', context()))).toBe('the host has no ldapsearch');
  });

  it.each([
    [{ dn: 'x' }, /'objectClass' is missing/],
    [{ ...USERS, client_cert: '/c' }, /given together/],
    [{ ...USERS, attributes: { a: [true] } }, /'a' is no text/],
    [{ ...USERS, attributes: { 'a: b': 'c' } }, /'a: b' is no attribute's name/],
    [{ ...USERS, referrals_chasing: 'disabled' }, /unknown argument/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(ldap_entry, args)).toMatch(expected);
  });
});
