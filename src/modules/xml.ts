import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { absolutePath, args, exclude, flag, oneOf, text } from './shared/args.ts';
import { fileEdits, parseText, planEdit, probeText } from './shared/edit.ts';
import { type Seen, textOf } from './shared/path-state.ts';
import { backupData } from './shared/place.ts';
import {
  find,
  isElement,
  leadingText,
  meaningOf,
  parseXml,
  pathOf,
  prettify,
  stripCdata,
  tagOf,
  writeXml,
  type Xml,
  XmlError,
} from './shared/xml.ts';
import { addChildren, make, remove, setChildren, setValue } from './shared/xml-edit.ts';

const children = (description: string) =>
  Type.Optional(Type.Array(Type.Unsafe<Value>({}), { expected: 'a list of children', description }));

const Args = args({
  path: Type.Optional(absolutePath('The file on the host.')),
  xmlstring: text('A text of XML, instead of a file. The result has it with the changes, and no host is changed.'),
  xpath: text('What is meant, as an XPath expression.'),
  namespaces: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: 'The namespaces of the prefixes in xpath.',
  }),
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'present: create or change it. absent: remove it.',
  }),
  attribute: text('The attribute that gets value. Without it, the text of the element.'),
  value: Type.Optional(Type.Unsafe<Value>({ description: 'The text of the element, or the value of the attribute.' })),
  add_children: children(
    'Elements that are added to what xpath finds, in each run: a name, or a dict of a name and its text.',
  ),
  set_children: children('The only elements that what xpath finds has inside.'),
  count: flag('Only return how many nodes xpath finds.'),
  print_match: flag('Only return the paths of what xpath finds.'),
  content: Type.Optional(
    Type.Enum(['attribute', 'text'], { description: 'Only return texts or attributes in `matches`.' }),
  ),
  pretty_print: flag('Lay the document out anew when it is written, or if there is nothing else to do.'),
  input_type: Type.Enum(['xml', 'yaml'], { default: 'yaml', description: 'How children are written.' }),
  backup: flag('Keep the old file beside the new one, with the date in its name.'),
  strip_cdata_tags: flag('Write sections of CDATA as plain text.'),
  insertbefore: flag('Add children before the first element that xpath finds.'),
  insertafter: flag('Add children after the last element that xpath finds.'),
});
type Args = Static<typeof Args>;

const KINDS = ['add_children', 'set_children', 'value', 'content', 'count', 'print_match'] as const;

export const xml = defineModule<typeof Args, Seen | undefined>({
  name: 'xml',
  summary: 'Reads and changes parts of a file of XML.',
  args: Args,
  aliases: { dest: 'path', file: 'path', ensure: 'state' },
  examples: [
    { title: 'The text of an element', args: { path: '/srv/app/conf.xml', xpath: '/config/port', value: '8080' } },
    {
      title: 'An attribute',
      args: { path: '/srv/app/conf.xml', xpath: '/config/log', attribute: 'level', value: 'info' },
    },
    {
      title: 'Remove elements',
      args: { path: '/srv/app/conf.xml', xpath: "/config/user[@name='old']", state: 'absent' },
    },
    { title: 'Read attributes', args: { path: '/srv/app/conf.xml', xpath: '/config/log', content: 'attribute' } },
  ],
  verify(given) {
    const needing = [...KINDS, 'insertbefore', 'insertafter'].filter((name) => isGiven(given, name));
    const isIdle = given.xpath === undefined && !given.pretty_print;
    return [
      ...exclude(given, 'path', 'xmlstring'),
      ...oneOf(given, 'path', 'xmlstring'),
      ...exclude(given, ...KINDS),
      ...exclude(given, 'insertbefore', 'insertafter'),
      ...(given.xpath === undefined && (needing.length > 0 || isIdle || given.state === 'absent')
        ? [argError([], 'E_MISSING_ARGUMENT', { name: "'xpath'" })]
        : []),
      ...(given.attribute !== undefined && given.value == null
        ? [argError([], 'E_MISSING_ARGUMENT', { name: "'value'" })]
        : []),
      ...(given.value != null && typeof given.value !== 'string' && !Number.isInteger(given.value)
        ? [argError(['value'], 'E_ARGUMENT_VALUE', { problem: "'value' is not a text", hint: 'write it in quotes' })]
        : []),
      ...(['insertbefore', 'insertafter'] as const)
        .filter((name) => given[name] && given.add_children === undefined)
        .map((name) => argError([name], 'E_ARGUMENT_CONFLICT', { problem: `'${name}' needs 'add_children'` })),
      ...KINDS.filter((name) => given.state === 'absent' && isGiven(given, name)).map((name) =>
        argError([name], 'E_ARGUMENT_CONFLICT', { problem: `'${name}' has no effect with 'state: absent'` }),
      ),
    ];
  },
  needs: ({ path }) => (path === undefined ? [] : [`path:${path}`]),
  touches: (given) => (given.path === undefined || isReading(given) ? [] : [`path:${given.path}`]),
  edits: {
    of: (given) => (given.path === undefined ? JSON.stringify(given) : fileEdits.of({ path: given.path })),
    seeing: (stdout, after, given) =>
      given.path === undefined ? undefined : fileEdits.seeing(stdout, after, { path: given.path }),
  },
  probe: ({ path }) => (path === undefined ? sh`:` : probeText({ path })),
  parse: (stdout, { path }) => (path === undefined ? undefined : parseText(stdout, { path })),
  plan(now, given, ctx) {
    const { path, backup, xmlstring = '' } = given;
    if (now === undefined || path === undefined) {
      const done = edited(xmlstring, given, 'xmlstring');
      return typeof done === 'string' ? [] : done;
    }
    return planEdit(now, { path, backup }, ctx, (before) => edited(before, given, path), false);
  },
  data(now, given, _ctx, ran) {
    const { xpath = '', namespaces, state, xmlstring } = given;
    const before = now === undefined ? (xmlstring ?? '') : (textOf(now) ?? '');
    const after = edited(before, given, '');
    return {
      actions: { xpath, namespaces, state },
      ...(isReading(given) && typeof after === 'string' && readings(before, given)),
      ...(xmlstring !== undefined && typeof after === 'string' && { xmlstring: after }),
      ...backupData(ran?.stdout),
    };
  },
});

function isGiven(given: Args, name: string): boolean {
  const value = (given as Readonly<Record<string, unknown>>)[name];
  return value !== undefined && value !== null && value !== false;
}

function isReading({ count, print_match, content }: Args): boolean {
  return count || print_match || content !== undefined;
}

/** The text after the change, or what is wrong with the text or the expression. */
function edited(before: string, given: Args, of: string): string | Blocked {
  try {
    const document = parseXml(before);
    if (isReading(given)) {
      if (given.content !== undefined) mustFind(document, given);
      else find(given.xpath ?? '', document.document, given.namespaces);
      return before;
    }
    const was = meaningOf(document.root);
    if (given.strip_cdata_tags) stripCdata(document, document.root);
    change(document, given);
    const isOnlyLayout = given.xpath === undefined;
    if (!isOnlyLayout && meaningOf(document.root) === was) return before;
    if (given.pretty_print) prettify(document);
    return writeXml(document);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return blocked('E_XML', { of, why: error.message });
  }
}

function mustFind({ document }: Xml, { xpath = '', namespaces }: Args): void {
  if (!find(xpath, document, namespaces).some(isElement)) throw new XmlError(`${xpath} leads to no element`);
}

function change(document: Xml, given: Args): void {
  const { xpath, namespaces, attribute, value, add_children, set_children, input_type } = given;
  if (xpath === undefined) return;
  const where = { xpath, namespaces };
  if (given.state === 'absent') remove(document, where);
  else if (set_children !== undefined) setChildren(document, where, set_children, input_type);
  else if (add_children !== undefined) {
    const beside = given.insertbefore ? 'before' : given.insertafter ? 'after' : undefined;
    addChildren(document, where, add_children, input_type, beside);
  } else if (value != null) setValue(document, where, attribute, String(value));
  else make(document, where, document.document);
}

function readings(text: string, { xpath = '', namespaces, content, count }: Args): Vars {
  const found = find(xpath, parseXml(text).document, namespaces);
  if (content === undefined && count) return { count: found.length, msg: `found ${found.length} nodes` };
  if (content === undefined) {
    return { matches: [], msg: `selector '${xpath}' match: ${JSON.stringify(found.map(pathOf))}` };
  }
  const matches = found.filter(isElement).map((element): Vars => {
    if (content === 'text') return { [tagOf(element)]: leadingText(element) };
    const all = [...Array(element.attributes.length).keys()].map((i) => element.attributes.item(i));
    return {
      [tagOf(element)]: Object.fromEntries(
        all.flatMap((one) => (one === null || one.name.startsWith('xmlns') ? [] : [[tagOf(one), one.value]])),
      ),
    };
  });
  return { matches, count: matches.length, msg: matches.length };
}
