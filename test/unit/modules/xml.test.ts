import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { xml } from '../../../src/modules/xml.ts';
import { apply, bound, context, list, read, refusal, scratch, words } from './harness.ts';

const FILE = `<?xml version='1.0' encoding="UTF-8"?>
<!DOCTYPE business [ <!ENTITY x "]>"> ]>
<!-- a company -->
<business type='bar'>
  <name>Tasty Beverage Co.</name>
  <beers>
    <beer>Rochefort 10</beer>
    <!-- the best -->
    <beer>Schlitz</beer>
  </beers>
  <rating subjective="true">10</rating>
  <website>
    <mobilefriendly/>
  </website>
</business>
<!-- the end -->
`;
const SPACES = `<foo xmlns="http://x.test" xmlns:attr="http://z.test">
  <bar>
    <baz xmlns="http://y.test" attr:own="true"/>
  </bar>
</foo>
`;
const XYZ = { x: 'http://x.test', y: 'http://y.test', z: 'http://z.test' };

/** The file after the task, and after the task once more. */
function twice(args: Readonly<Record<string, unknown>>, text = FILE) {
  const path = `${scratch()}/x.xml`;
  writeFileSync(path, text);
  const one = apply(xml, { path, ...args });
  const first = read(path);
  const again = apply(xml, { path, ...args });
  return { ...one, first, text: read(path), changes: [one.first.length, again.first.length], data: again.data };
}

describe('xml', () => {
  it.each([
    ['the text of an element', { xpath: '/business/rating', value: '11' }, '>10<', '>11<'],
    ['a number', { xpath: '/business/rating', value: 11 }, '>10<', '>11<'],
    ['several elements', { xpath: '//beer', value: 'x' }, /Rochefort 10|Schlitz/g, 'x'],
    ['a text with special characters', { xpath: '//rating', value: 'a<b & "c"' }, '>10<', '>a&lt;b &amp; "c"<'],
    ['an attribute', { xpath: '/business/rating', attribute: 'subjective', value: 'no' }, '"true"', '"no"'],
    [
      'a new attribute',
      { xpath: '/business/website', attribute: 'lang', value: 'de' },
      '<website>',
      '<website lang="de">',
    ],
    [
      'a new element',
      { xpath: '/business/phone', value: '555' },
      '\n</business>',
      '\n  <phone>555</phone>\n</business>',
    ],
    [
      'a new element without a value',
      { xpath: '/business/website/valid' },
      '\n  </website>',
      '\n    <valid/>\n  </website>',
    ],
    [
      'new elements on the way',
      { xpath: '/business/a/b', value: 'c' },
      '\n</business>',
      '\n  <a><b>c</b></a>\n</business>',
    ],
    ['an empty attribute', { xpath: '/business/name/@lang' }, '<name>', '<name lang="">'],
    ['an attribute with its value in the path', { xpath: "/business/@type='pub'" }, 'type="bar"', 'type="pub"'],
    ['a text in the path', { xpath: "/business/rating/text()='12'" }, '>10<', '>12<'],
    [
      'what a filter asks for',
      { xpath: "/business/user[@id='7' and role/text()='x']" },
      '\n</business>',
      '\n  <user id="7"><role>x</role></user>\n</business>',
    ],
    ['no attribute', { xpath: '/business/rating/@subjective', state: 'absent' }, ' subjective="true"', ''],
    [
      'no element',
      { xpath: "/business/beers/beer[text()='Schlitz']", state: 'absent' },
      '\n    <beer>Schlitz</beer>',
      '',
    ],
    ['no children', { xpath: '/business/website/*', state: 'absent' }, '\n    <mobilefriendly/>', ''],
    [
      'these children only',
      { xpath: '/business/website', set_children: ['a', { b: 'c' }] },
      '<mobilefriendly/>',
      '<a/>\n    <b>c</b>',
    ],
    ['no children, by an empty list', { xpath: '/business/website', set_children: [] }, '    <mobilefriendly/>\n', ''],
    [
      'children from XML',
      { xpath: '/business/website', input_type: 'xml', set_children: ['<a b="c">d</a>'] },
      '<mobilefriendly/>',
      '<a b="c">d</a>',
    ],
    [
      'a child with attributes and children',
      { xpath: '/business/website', set_children: [{ a: { k: 'v', '+value': 't', _: ['x', { y: 'z' }] } }] },
      '<mobilefriendly/>',
      '<a k="v">t<x/><y>z</y></a>',
    ],
  ])('sets %s, once, and leaves the rest as it is', (_, args, from, to) => {
    const { text, changes } = twice(args);
    const expected = FILE.replace("type='bar'", 'type="bar"').replace(from as string, to);
    expect(text.replace(/\s+(?=<\/website>)/, '')).toBe(expected.replace(/\s+(?=<\/website>)/, ''));
    expect(changes).toEqual([1, 0]);
  });

  it.each([
    ['an attribute that has a value', { xpath: '/business/rating/@subjective' }],
    ['what is not there', { xpath: '/business/gone', state: 'absent' }],
    [
      'children that are the same',
      { xpath: '/business/beers', set_children: [{ beer: 'Rochefort 10' }, { beer: 'Schlitz' }] },
    ],
    ['the text that it has', { xpath: '/business/rating', value: '10' }],
    ['an element that is there', { xpath: '/business/website' }],
  ])('leaves %s, to the last blank', (_, args) => {
    expect(twice(args)).toMatchObject({ text: FILE, changes: [0, 0] });
  });

  it.each([
    [{}, '\n    <beer>Old</beer>\n  </beers>', '\n  </beers>'],
    [
      { xpath: "//beer[text()='Rochefort 10']", insertbefore: true },
      '<beer>Old</beer>\n    <beer>Rochefort 10',
      '<beer>Rochefort 10',
    ],
    [{ xpath: '//beer', insertafter: true }, 'Schlitz</beer>\n    <beer>Old</beer>', 'Schlitz</beer>'],
  ])('adds children in each run, with %o', (more, to, from) => {
    const { first, changes } = twice({ xpath: '/business/beers', add_children: [{ beer: 'Old' }], ...more });
    expect(first).toBe(FILE.replace("type='bar'", 'type="bar"').replace(from, to));
    expect(changes).toEqual([1, 1]);
  });

  it('knows namespaces', () => {
    const attribute = twice({ xpath: '/x:foo/x:bar/y:baz', namespaces: XYZ, attribute: 'z:own', value: 'no' }, SPACES);
    expect(attribute.text).toBe(SPACES.replace('"true"', '"no"'));
    const element = twice({ xpath: '/x:foo/x:bar/x:new', namespaces: XYZ, value: 'v' }, SPACES);
    expect(element.text).toBe(SPACES.replace('\n  </bar>', '\n    <new>v</new>\n  </bar>'));
    const other = twice({ xpath: '/x:foo/z:new', namespaces: XYZ }, SPACES);
    expect(other.text).toBe(SPACES.replace('\n</foo>', '\n  <attr:new/>\n</foo>'));
    const child = twice({ xpath: '/x:foo/x:bar', namespaces: XYZ, set_children: ['a'] }, SPACES);
    expect([child.text.includes('<a/>'), child.changes]).toEqual([true, [1, 0]]);
  });

  it('lays a document out anew, alone or with a change', () => {
    const flat = '<a><b>1</b><c><d/>\n\n</c><e>t<f/></e></a>';
    const pretty = '<a>\n  <b>1</b>\n  <c>\n    <d/>\n  </c>\n  <e>t<f/></e>\n</a>';
    expect(twice({ pretty_print: true }, flat)).toMatchObject({ text: pretty, changes: [1, 0] });
    const both = twice({ xpath: '/a/b', value: '2', pretty_print: true }, flat);
    expect(both.text).toBe(pretty.replace('1', '2'));
    expect(twice({ xpath: '/a/b', value: '1', pretty_print: true }, flat).changes).toEqual([0, 0]);
  });

  it('keeps sections of CDATA, or not', () => {
    const text = '<a><b><![CDATA[x<y]]></b><c>1</c></a>';
    expect(twice({ xpath: '/a/c', value: '2' }, text).text).toBe(text.replace('1', '2'));
    expect(twice({ xpath: '/a/c', value: '2', strip_cdata_tags: true }, text).text).toBe(
      '<a><b>x&lt;y</b><c>2</c></a>',
    );
  });

  it.each([
    [
      { xpath: '//beer', count: true },
      { count: 2, msg: 'found 2 nodes' },
    ],
    [
      { xpath: '//beer', print_match: true },
      { matches: [], msg: `selector '//beer' match: ["/business/beers/beer[1]","/business/beers/beer[2]"]` },
    ],
    [
      { xpath: '//beer', content: 'text' },
      { matches: [{ beer: 'Rochefort 10' }, { beer: 'Schlitz' }], count: 2, msg: 2 },
    ],
    [
      { xpath: '//rating', content: 'attribute' },
      { matches: [{ rating: { subjective: 'true' } }], count: 1 },
    ],
    [{ xpath: '//none', count: true }, { count: 0 }],
  ])('reads with %o', (args, expected) => {
    const { text, changes, data } = twice(args);
    expect([text, changes]).toEqual([FILE, [0, 0]]);
    expect(data).toMatchObject({ ...expected, actions: { xpath: args.xpath, namespaces: {}, state: 'present' } });
  });

  it('names namespaces in what it reads as Ansible does', () => {
    const { data } = twice({ xpath: '//y:baz', namespaces: XYZ, content: 'attribute' }, SPACES);
    expect(data['matches']).toEqual([{ '{http://y.test}baz': { '{http://z.test}own': 'true' } }]);
  });

  it('changes a text instead of a file', () => {
    const step = bound(xml, { xmlstring: '<a><b>1</b></a>', xpath: '/a/b', value: '2' });
    expect(words(step.plan('', context()))).toEqual([]);
    expect(step.data('', context())['xmlstring']).toBe('<a><b>2</b></a>');
  });

  it('keeps the old file', () => {
    const path = `${scratch()}/x.xml`;
    writeFileSync(path, FILE);
    const { data } = apply(xml, { path, xpath: '//rating', value: '1', backup: true });
    expect(read(String(data['backup_file']))).toBe(FILE);
    expect(list(path.replace(/\/x.xml$/, '')).length).toBe(2);
  });

  it.each([
    ['<a><b></a>', { xpath: '/a', value: 'x' }, /x.xml: .*(unclosed|mismatch|end tag)/i],
    ['not xml', { xpath: '/a', count: true }, /x.xml: /],
    ['', { xpath: '/a', count: true }, /x.xml: /],
    ['<a>&own;</a>', { xpath: '/a/b' }, /x.xml: .*entity/i],
    ['<a/>', { xpath: '/a[', count: true }, /x.xml: \/a\[/],
    ['<a/>', { xpath: '/a/b[last()]/c', value: 'x' }, /last\(\)/],
    ['<a/>', { xpath: '/b', value: 'x' }, /\/b is another root than <a>/],
    ['<a/>', { xpath: '/a', state: 'absent' }, /is the root, which cannot be removed/],
    ['<a/>', { xpath: '/a/q:b', value: 'x' }, /q/],
    ['<a b="1"/>', { xpath: '/a/@b', value: 'x' }, /leads to no element/],
    ['<a/>', { xpath: '/a/b', content: 'text' }, /leads to no element/],
    ['<a/>', { xpath: '/a', add_children: [{ b: true }] }, /write it in quotes/],
    ['<a/>', { xpath: '/a', add_children: [{ b: 'x', c: 'y' }] }, /a dict with one name/],
    ['<a/>', { xpath: '/a', add_children: ['b c'] }, /no name of an element/],
  ])('changes nothing of %s with %o', (text, args, expected) => {
    const path = `${scratch()}/x.xml`;
    writeFileSync(path, text);
    expect(apply(xml, { path, ...args }).first).toMatch(expected);
    expect(read(path)).toBe(text);
  });

  it.each([
    [{ xpath: '/a' }, /'path' or 'xmlstring'/],
    [{ path: '/x', xmlstring: '<a/>', xpath: '/a' }, /exclude each other/],
    [{ path: '/x' }, /'xpath' is missing/],
    [{ path: '/x', pretty_print: true, state: 'absent' }, /'xpath' is missing/],
    [{ path: '/x', xpath: '/a', attribute: 'b' }, /'value' is missing/],
    [{ path: '/x', xpath: '/a', value: 'x', count: true }, /exclude each other/],
    [{ path: '/x', xpath: '/a', insertafter: true }, /needs 'add_children'/],
    [{ path: '/x', xpath: '/a', insertafter: true, insertbefore: true, add_children: ['b'] }, /exclude each other/],
    [{ path: '/x', xpath: '/a', state: 'absent', value: 'x' }, /no effect with 'state: absent'/],
    [{ path: '/x', xpath: '/a', value: true }, /in quotes/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(xml, args)).toMatch(expected);
  });
});
