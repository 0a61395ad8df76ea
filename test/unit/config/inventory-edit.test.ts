import { describe, expect, it } from 'vitest';
import { withHost } from '../../../src/config/inventory-edit.ts';

const host = { name: 'web3', group: 'web', vars: { ansible_host: '10.0.0.13', ansible_port: 2222 } };
const LINE = 'web3: {ansible_host: 10.0.0.13, ansible_port: 2222}';
const yaml = (text: string) => withHost('hosts.yml', text, host);
const ini = (text: string) => withHost('hosts', text, host);

describe('a host is added to YAML', () => {
  it.each([
    [
      'after the last host, before what follows',
      'all:\n  children:\n    web: # the web servers\n      hosts:\n        web1: {a: 1} # first\n        web2:\n\n    # databases\n    db:\n      hosts: {db1: }\n',
      `all:\n  children:\n    web: # the web servers\n      hosts:\n        web1: {a: 1} # first\n        web2:\n        ${LINE}\n\n    # databases\n    db:\n      hosts: {db1: }\n`,
    ],
    [
      'in the way of a host whose variables have lines of their own',
      'web:\n    hosts:\n        web1:\n            ansible_host: 10.0.0.1\n            # its rack\n            rack: 1\n    vars: {x: 1}\n',
      'web:\n    hosts:\n        web1:\n            ansible_host: 10.0.0.1\n            # its rack\n            rack: 1\n        web3:\n            ansible_host: 10.0.0.13\n            ansible_port: 2222\n    vars: {x: 1}\n',
    ],
    [
      'to hosts in braces',
      "web: {hosts: {web1: {b: '}'}, web2: }}\n",
      `web: {hosts: {web1: {b: '}'}, web2: , ${LINE} }}\n`,
    ],
    ['to hosts in empty braces', 'web:\n  hosts: {}\n', `web:\n  hosts: {${LINE}}\n`],
    [
      'to braces of several lines with a comment',
      'web:\n  hosts: {\n    web1: {}, # the }first\n  }\n',
      `web:\n  hosts: {\n    web1: {}, ${LINE} # the }first\n  }\n`,
    ],
    ['to hosts without a value', 'web:\n  hosts: # none yet\n', `web:\n  hosts: # none yet\n    ${LINE}\n`],
    ['to a group without hosts', 'web:\n  vars: {x: 1}\n', `web:\n  hosts:\n    ${LINE}\n  vars: {x: 1}\n`],
    [
      'to an empty group',
      'all:\n  children:\n    web:\n    db:\n',
      `all:\n  children:\n    web:\n      hosts:\n        ${LINE}\n    db:\n`,
    ],
    ['to a group in empty braces', 'web: {}\n', `web: {hosts: {${LINE}}}\n`],
    [
      'to the group that has hosts',
      'all: {children: {web: }}\nweb:\n  hosts:\n    web1:\n',
      `all: {children: {web: }}\nweb:\n  hosts:\n    web1:\n    ${LINE}\n`,
    ],
    ['at the end of a file without a line end', 'web:\n  hosts:\n    web1:', `web:\n  hosts:\n    web1:\n    ${LINE}`],
    [
      'with the line ends of Windows',
      'web:\r\n  hosts:\r\n    web1:\r\n',
      `web:\r\n  hosts:\r\n    web1:\r\n    ${LINE}\r\n`,
    ],
  ])('%s', (_, before, after) => expect(yaml(before)).toBe(after));

  it('quotes what YAML would read as something else', () => {
    const odd = { ...host, vars: { ansible_host: 'fd00::1', ansible_user: 'no' } };
    expect(withHost('hosts.yml', 'web: {hosts: {}}', odd)).toBe(
      "web: {hosts: {web3: {ansible_host: 'fd00::1', ansible_user: 'no'}}}",
    );
  });
  it.each([
    ['a text without the group', 'db:\n  hosts: {db1: }\n'],
    ['a group that is an alias', 'db: &x {hosts: [a]}\nweb: *x\n'],
  ])('leaves %s', (_, text) => expect(yaml(text)).toBeUndefined());
});

describe('a host is added to INI', () => {
  const INI = 'web3 ansible_host=10.0.0.13 ansible_port=2222';
  it.each([
    [
      'after the last host of its group',
      '# rack\n[web]\nweb1 a=1\nweb2 # second\n\n# databases\n[db]\ndb1\n',
      `# rack\n[web]\nweb1 a=1\nweb2 # second\n${INI}\n\n# databases\n[db]\ndb1\n`,
    ],
    ['to an empty group', '[web]\n\n[db]\ndb1\n', `[web]\n${INI}\n\n[db]\ndb1\n`],
    [
      'to a group that has only variables',
      '[db]\ndb1\n\n[web:vars]\nx=1\n',
      `[db]\ndb1\n\n[web]\n${INI}\n\n[web:vars]\nx=1\n`,
    ],
    ['at the end', '[web] ; all\nweb1', `[web] ; all\nweb1\n${INI}`],
  ])('%s', (_, before, after) => expect(ini(before)).toBe(after));

  it('puts a host without a group first', () => {
    expect(withHost('hosts', 'a\nb\n\n[web]\nc\n', { ...host, group: 'ungrouped' })).toBe(`a\nb\n${INI}\n\n[web]\nc\n`);
  });
  it('leaves a text without the group', () => expect(ini('[db]\ndb1\n')).toBeUndefined());
});
