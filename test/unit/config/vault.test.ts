import { describe, expect, it } from 'vitest';
import { ONE_HOST, play, project } from '../support/project.ts';

// Encrypted with ansible-vault (ansible-core 2.14) and the password 'sesame'.
const FILE = `$ANSIBLE_VAULT;1.1;AES256
64396564326236646239366635623864633965313263396461333966393430306634383466366533
3165386531663036353833333063386562343132383238340a616562303263393561303139643135
33383763313138306631613266646663386466663131356163313063666466386139383739353530
6136333264323037300a363933613733633931323233396239346236393061383935376537303963
6664
`;
const VALUE = `pw: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          39306631393331626136666634383062363138643735353931643336326135663465376263336663
          6230316534616564396361616364346135353064396338350a313431363230393432633962646538
          30616539633934333937616366393130636437343361666439653633333034656663326239323830
          6233303562333865620a316364356265656238323235383334616263353035383230323833613162
          3136`;

describe('ansible-vault', () => {
  const files = {
    'site.yml': play(
      '- copy: {dest: \'{T}/out\', content: "{{ geheim }} {{ pw }}\\n"}\n- debug: {msg: "{{ pw }}"}',
      'vars_files: [secret.yml, value.yml]',
    ),
    'hosts.yml': ONE_HOST,
    'secret.yml': FILE,
    'value.yml': VALUE,
    pass: 'sesame\n',
    wrong: 'barley\n',
  };

  it('decrypts files and values, and never shows them', async () => {
    const p = project(files);
    const ran = await p.apply({ vaultPasswordFile: p.path('pass'), diff: true });
    expect(ran.recap.failed).toBe(false);
    expect(p.read('out')).toBe('grün open sesame\n');
    expect(JSON.stringify(ran.events)).not.toContain('open sesame');
    expect(ran.said).toEqual(['a: [REDACTED]']);
  });

  it('reports the position if the password is missing or wrong', async () => {
    const p = project(files);
    expect((await p.mistakes()).map((d) => [d.code, d.hint])).toContainEqual([
      'E_VAULT_LOCKED',
      'give --vault-password-file FILE',
    ]);
    const [first] = await p.mistakes({ vaultPasswordFile: p.path('wrong') });
    expect(first).toMatchObject({
      code: 'E_VAULT_PASSWORD',
      message: expect.stringContaining('no vault password opens'),
    });
    expect(first?.at?.file).toContain('secret.yml');
  });
});
