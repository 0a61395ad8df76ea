import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/value.ts';
import { compileExpression } from '../../../src/template/template.ts';
import { at, caught, envOf } from './support.ts';

const run = (expression: string) => compileExpression(expression, at).evaluate(envOf({ s: new Secret('hunter2') }));

describe('filters and tests of ansible.utils', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["'10.0.0.1' | ansible.utils.ipmath(-2)", '9.255.255.255'],
    ["'10.0.0.1/24' | ansible.utils.ipmath(5)", '10.0.0.6'],
    ["['192.168.128.0/17', '192.168.0.0/17', '192.168.1.1'] | ansible.utils.cidr_merge", ['192.168.0.0/16']],
    ["['10.0.0.0/8', '10.0.1.0/24', '12.0.0.0/8'] | ansible.utils.cidr_merge", ['10.0.0.0/8', '12.0.0.0/8']],
    ["['10.0.0.1', '10.0.0.6'] | ansible.utils.cidr_merge('span')", '10.0.0.0/29'],
    [
      "('192.168.0.0/30' | ansible.utils.usable_range).usable_ips",
      ['192.168.0.0', '192.168.0.1', '192.168.0.2', '192.168.0.3'],
    ],
    ["'192.168.1.5/24' | ansible.utils.next_nth_usable(2)", '192.168.1.7'],
    ["'192.168.1.254/24' | ansible.utils.next_nth_usable(1)", false],
    ["'192.168.1.5/24' | ansible.utils.previous_nth_usable(2)", '192.168.1.3'],
    ["['192.168.0.34', '10.3.0.3'] | ansible.utils.reduce_on_network('192.168.0.0/24')", ['192.168.0.34']],
    ["'192.168.1.5' | ansible.utils.ip4_hex(':')", 'c0:a8:01:05'],
    ["'fdcf:1894:23b5:d38c::' | ansible.utils.slaac('c2:31:b3:83:bf:2b')", 'fdcf:1894:23b5:d38c:c031:b3ff:fe83:bf2b'],
    ["'1A2B3C4D5E6F' | ansible.utils.hwaddr('linux')", '1a:2b:3c:4d:5e:6f'],
    ["'1a:2b:3c:4d:5e:6f' | ansible.utils.hwaddr('cisco')", '1a2b.3c4d.5e6f'],
    ["'x' | ansible.utils.hwaddr", false],
    ["'10.1.1.9/24' | ansible.utils.ipaddr('network_netmask')", '10.1.1.0 255.255.255.0'],
    ["'10.1.1.9/24' | ansible.utils.ipaddr('ip_netmask')", '10.1.1.9 255.255.255.0'],
    ["'10.1.1.9/24' | ansible.utils.ipaddr('next_usable')", '10.1.1.10'],
    ["'10.1.1.254/24' | ansible.utils.ipaddr('next_usable')", false],
    ["'10.0.0.1/31' | ansible.utils.ipaddr('peer')", '10.0.0.0'],
    ["'10.0.0.0/29' | ansible.utils.ipaddr('size_usable')", 6],
    ["'10.0.0.0/29' | ansible.utils.ipaddr('type')", 'network'],
    ["'fe80::1' | ansible.utils.ipaddr('link-local')", 'fe80::1'],
    ["'10.1.1.1' is ansible.utils.in_network '10.0.0.0/8'", true],
    ["'11.1.1.1' is ansible.utils.in_network '10.0.0.0/8'", false],
    ["'10.1.1.1' is ansible.utils.in_any_network ['11.0.0.0/8', '10.0.0.0/8']", true],
    ["'10.1.1.1' is ansible.utils.in_one_network ['10.1.0.0/16', '10.0.0.0/8']", false],
    ["'10.0.0.0/8' is ansible.utils.supernet_of '10.1.0.0/16'", true],
    ["'10.1.1.1/24' is ansible.utils.ipv4 and '10.1.1.1/24' is not ansible.utils.ipv4_address", true],
    ["'fe80::1' is ansible.utils.ipv6_address and 'x' is not ansible.utils.ip", true],
    ["'127.0.0.1' is ansible.utils.loopback and '8.8.8.8' is ansible.utils.public", true],
    ["'10.1.1.1' is ansible.utils.private and '10.1.1.1' is not ansible.utils.public", true],
    ["'255.255.255.0' is ansible.utils.ipv4_netmask and '255.0.255.0' is not ansible.utils.ipv4_netmask", true],
    ["'0.0.0.255' is ansible.utils.ipv4_hostmask and '224.0.0.1' is ansible.utils.multicast", true],
    ["'02:16:3e:e4:16:f3' is ansible.utils.mac and '::' is ansible.utils.unspecified", true],
  ];
  test.each(cases)('%s', (expression, expected) => expect(run(expression)).toEqual(expected));
});

describe('filters of community.general', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["[['a', 1], ['b', 2]] | community.general.dict", { a: 1, b: 2 }],
    ["'x' | community.general.dict_kv('k')", { k: 'x' }],
    ["[{'n': 'a', 'v': 1}] | community.general.groupby_as_dict('n')", { a: { n: 'a', v: 1 } }],
    ["['1.10', '1.9', '1.2'] | community.general.version_sort", ['1.2', '1.9', '1.10']],
    ["['1.10', '1.9'] | community.general.version_sort(reverse=true)", ['1.10', '1.9']],
    ["'e\u0301' | community.general.unicode_normalize", '\u00e9'],
    ["[{'a': 1, 'b': 2}] | community.general.keep_keys(target=['a'])", [{ a: 1 }]],
    ["[{'ab': 1, 'b': 2}] | community.general.keep_keys(target='a', matching_parameter='starts_with')", [{ ab: 1 }]],
    ["[{'a': 1, 'b': 2}] | community.general.remove_keys(target=['a'])", [{ b: 2 }]],
    ["[{'a1': 1, 'b': 2}] | community.general.remove_keys(target='.\\d', matching_parameter='regex')", [{ b: 2 }]],
    ['[1, 2, 2] | community.general.lists_union([3], [1])', [1, 2, 3]],
    ['[[1, 2], [2, 3], []] | community.general.lists_union(flatten=true)', [1, 2, 3]],
    ['[[1, 2], [2, 3]] | community.general.lists_intersect(flatten=true)', [2]],
    ['[1, 2, 3] | community.general.accumulate', [1, 3, 6]],
    ["['a', 'b'] | community.general.accumulate", ['a', 'ab']],
    [
      "'# c\n[s]\nA = 1\nb: x = y\n  more\n\n[t]\n' | community.general.from_ini",
      { s: { A: '1', b: 'x = y\nmore' }, t: {} },
    ],
    ["'[DEFAULT]\na = 1\n[s]\nb = 2' | community.general.from_ini", { s: { a: '1', b: '2' }, DEFAULT: { a: '1' } }],
    ["{'s': {'a': 1, 'b': 'x'}, 't': {}} | community.general.to_ini", '[s]\na = 1\nb = x\n\n[t]\n'],
    ['[1, 2, 3] | community.general.lists_intersect([2, 3], [3])', [3]],
    ['[1, 2, 3] | community.general.lists_difference([2])', [1, 3]],
    ['[1, 2] | community.general.lists_symmetric_difference([2, 3])', [1, 3]],
    [
      "[[{'n': 'b', 'l': [1]}, {'n': 'a', 'x': 1}], [{'n': 'b', 'l': [2]}]] | community.general.lists_mergeby('n', list_merge='append')",
      [
        { n: 'a', x: 1 },
        { n: 'b', l: [1, 2] },
      ],
    ],
    [
      "[{'n': 'a', 'd': {'x': 1}}] | community.general.lists_mergeby([{'n': 'a', 'd': {'y': 2}}], 'n', recursive=true)",
      [{ n: 'a', d: { x: 1, y: 2 } }],
    ],
    [
      "[{'n': 'a', 'd': {'x': 1}}] | community.general.lists_mergeby([{'n': 'a', 'd': {'y': 2}}, {'z': 1}], 'n')",
      [{ n: 'a', d: { y: 2 } }],
    ],
    ["['a', 'b', 'a'] | community.general.counter", { a: 2, b: 1 }],
    ['\'a,b\n1,"2,3"\n\' | community.general.from_csv', [{ a: '1', b: '2,3' }]],
    ["'1;2' | community.general.from_csv(delimiter=';', fieldnames=['x', 'y'])", [{ x: '1', y: '2' }]],
    ["'a\tb\n1\t2' | community.general.from_csv(dialect='excel-tab')", [{ a: '1', b: '2' }]],
    ["'foo' | community.general.crc32", '8c736521'],
    ["[{'a': 1, 'b': 2}] | community.general.replace_keys(target=[{'before': 'a', 'after': 'c'}])", [{ c: 1, b: 2 }]],
    ["('1h 30m' | community.general.to_seconds) == 5400", true],
    ["('1h 30min' | community.general.to_time_unit('minutes')) == 90", true],
    ["('1y' | community.general.to_months(month=365)) == 1", true],
    ["('2 weeks' | replace(' ', '') | community.general.to_days) == 14", true],
    ["'0' | community.general.to_hours", 0],
    ["'52:54:00' | community.general.random_mac(seed='web1') is search('^52:54:00(:[0-9a-f]{2}){3}$')", true],
    ["('52:54' | random_mac(seed='web1')) == ('52:54' | random_mac(seed='web2'))", false],
    ["('x' | password_hash('sha512', salt_size=8)).split('$')[2] | length", 8],
    ["('x' | password_hash('sha512', 'abc', rounds=5000)) == ('x' | password_hash('sha512', 'abc'))", true],
  ];
  test.each(cases)('%s', (expression, expected) => expect(run(expression)).toEqual(expected));

  test('a secret stays secret', () => {
    expect(run("(s | community.general.dict_kv('k')).k")).toBeInstanceOf(Secret);
    expect(run("([s] | community.general.lists_union(['x']))[0]")).toBeInstanceOf(Secret);
    expect(run('[s] | community.general.version_sort | first')).toBeInstanceOf(Secret);
  });

  test('a long list is refused within a second, not compared for hours', () => {
    const message = caught(() => run('range(20000) | community.general.lists_union([1])')).diagnostics[0]?.message;
    expect(message).toContain('takes too long');
  });

  const refused = [
    "'1h30m' | community.general.to_seconds('q')",
    "'soon' | community.general.to_seconds",
    "'1h' | community.general.to_time_unit('parsec')",
    "[[1], [2]] | community.general.lists_mergeby('n')",
    "'a' | community.general.from_csv(dialect='word')",
    "'x' | community.general.random_mac",
    "'x' | password_hash('sha512', salt_size=17)",
    "'x' | password_hash('sha512', 'abc', ident='2b')",
    "'10.0.0.0/8' | ansible.utils.usable_range",
    "['10.0.0.0/8', 'fe80::/10'] | ansible.utils.cidr_merge('span')",
    "[{'n': 1}, {'n': 1}] | community.general.groupby_as_dict('n')",
    "[{'n': 1}] | community.general.groupby_as_dict('m')",
    "'x' | community.general.unicode_normalize('NFX')",
    "[{'a': 1}] | community.general.keep_keys(target='a', matching_parameter='like')",
    "[{'a': 1}] | community.general.keep_keys(target='a', other=1)",
  ];
  test.each(refused)('refuses %s', (expression) =>
    expect(caught(() => run(expression)).diagnostics[0]?.at).toBeDefined(),
  );
});
