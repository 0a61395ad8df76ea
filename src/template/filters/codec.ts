import { createHash, getHashes } from 'node:crypto';
import { passwordHash } from '../crypt.ts';
import { asNumber, type Item, isList, isString, unsupported, wrong } from '../item.ts';
import { jsonText, readJson } from '../json.ts';
import { number, type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';
import { toYaml } from '../yaml.ts';

const plainJson = value('indent sort_keys ensure_ascii separators **', (item, [indent, sort, ascii, separators]) =>
  jsonText(item, {
    indent: indentOf(indent),
    sort: asNumber(sort) === 1,
    ascii: asNumber(ascii) !== 0,
    separators: pair(separators),
  }),
);

/** Filters that convert between values and texts in other formats. */
export const codecFilters: Readonly<Record<string, Operation>> = {
  to_json: plainJson,
  to_nice_json: value('indent sort_keys ensure_ascii separators **', (item, [indent, sort, ascii, separators]) =>
    jsonText(item, {
      indent: indentOf(indent) ?? '    ',
      sort: asNumber(sort) !== 0,
      ascii: asNumber(ascii) !== 0,
      separators: pair(separators),
    }),
  ),
  tojson: value('indent', (item, [indent]) =>
    jsonText(item, { indent: indentOf(indent), sort: true, ascii: true, separators: undefined }).replace(
      /[<>&']/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  ),
  from_json: value('**', (item) => (isString(item) ? readJson(item) : wrong('from_json needs a string'))),
  to_yaml: value(
    'default_flow_style indent width sort_keys allow_unicode **',
    (item, [flow, indent, width, sort, unicode]) =>
      toYaml(item, {
        flow: asNumber(flow) === 1 ? 'all' : asNumber(flow) === 0 ? 'none' : 'leaves',
        indent: number(indent, 2),
        width: number(width, 80),
        sort: asNumber(sort) !== 0,
        unicode: asNumber(unicode) !== 0,
      }),
  ),
  to_nice_yaml: value(
    'indent width sort_keys default_flow_style allow_unicode **',
    (item, [indent, width, sort, _flow, unicode]) =>
      toYaml(item, {
        flow: 'none',
        indent: number(indent, 4),
        width: number(width, 80),
        sort: asNumber(sort) !== 0,
        unicode: asNumber(unicode) !== 0,
      }),
  ),
  from_yaml: value('', (item, _given, ctx) => {
    const parse = ctx.env.ports.parseYaml ?? unsupported("the filter 'from_yaml' is not supported here");
    return isString(item) ? parse(item) : item;
  }),
  from_yaml_all: value('', (item, _given, ctx) => {
    const parse = ctx.env.ports.parseYaml ?? unsupported("the filter 'from_yaml_all' is not supported here");
    return str(item)
      .split(/^---(?:[ \t].*)?$/m)
      .filter((part) => part.trim() !== '')
      .map(parse);
  }),
  b64encode: value('encoding', (item, [encoding]) => encoded(str(item), text(encoding, 'utf-8')).toString('base64')),
  b64decode: value('encoding', (item, [encoding]) =>
    decoded(Buffer.from(str(item), 'base64'), text(encoding, 'utf-8')),
  ),
  hash: value('hashtype', (item, [type]) => digest(text(type, 'sha1'), str(item))),
  sha1: value('', (item) => digest('sha1', str(item))),
  checksum: value('', (item) => digest('sha1', str(item))),
  md5: value('', (item) => digest('md5', str(item))),
  password_hash: value('hashtype salt salt_size rounds ident', (item, [type, salt, size, rounds, ident]) => {
    if (ident !== undefined && ident !== null)
      wrong("password_hash: only bcrypt has an 'ident', and it is not supported");
    return passwordHash(
      str(item),
      text(type, 'sha512'),
      salt === undefined || salt === null ? number(size, 16) : text(salt),
      rounds === undefined || rounds === null ? undefined : number(rounds, 0),
    );
  }),
  to_uuid: value('namespace', (item, [namespace]) =>
    uuid5(text(namespace, '361E6D51-FAEC-444A-9079-341386DA8E2E'), str(item)),
  ),
  urlsplit: value('query', (item, [part]) => {
    const parts = urlParts(str(item));
    if (part === undefined || part === '')
      return Object.fromEntries(Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1)));
    const name = text(part);
    return Object.hasOwn(parts, name)
      ? (parts[name] ?? null)
      : wrong(`urlsplit: no part '${name}'`, { expected: `one of ${Object.keys(parts).join(', ')}` });
  }),
  urldecode: value('', (item) => decodeURIComponent(str(item).replaceAll('+', ' '))),
};

function indentOf(indent: Item | undefined): string | undefined {
  if (indent === undefined || indent === null) return undefined;
  return isString(indent) ? indent : ' '.repeat(Math.min(100, Math.max(0, number(indent, 4))));
}

function pair(separators: Item | undefined): readonly [string, string] | undefined {
  return isList(separators) ? [text(separators[0]), text(separators[1])] : undefined;
}

function digest(type: string, of: string): string {
  const name = type.replace('-', '').toLowerCase();
  if (
    !getHashes()
      .map((one) => one.toLowerCase())
      .includes(name)
  )
    wrong(`no hash '${type}'`, { expected: 'one of md5, sha1, sha224, sha256, sha384, sha512' });
  return createHash(name).update(of).digest('hex');
}

function uuid5(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function urlParts(url: string): Readonly<Record<string, string | number | null>> {
  const [, scheme = '', netloc = '', path = '', query = '', fragment = ''] =
    /^(?:([A-Za-z][A-Za-z\d+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#([\s\S]*))?$/.exec(url) ?? [];
  const [, user, password, host, port] =
    /^(?:([^:@]*)(?::([^@]*))?@)?(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(netloc) ?? [];
  return {
    scheme: scheme.toLowerCase(),
    netloc,
    path,
    query,
    fragment,
    username: user ?? null,
    password: password ?? null,
    hostname: host === undefined || host === '' ? null : host.replace(/^\[|\]$/g, '').toLowerCase(),
    port: port === undefined ? null : Number(port),
  };
}

/** Python's names of the encodings that both encoding filters support. */
const ENCODINGS: Readonly<Record<string, BufferEncoding>> = {
  utf8: 'utf8',
  utf16le: 'utf16le',
  utf16be: 'utf16le',
  utf16: 'utf16le',
  latin1: 'latin1',
  iso88591: 'latin1',
  ascii: 'latin1',
};

function encoded(s: string, name: string): Buffer {
  const word = encodingWord(name);
  const most = word === 'ascii' ? 0x7f : ENCODINGS[word] === 'latin1' ? 0xff : 0x10ffff;
  if ([...s].some((char) => (char.codePointAt(0) ?? 0) > most))
    wrong(`the text does not fit into the encoding ${name}`);
  const bytes = Buffer.from(word === 'utf16' ? `\ufeff${s}` : s, ENCODINGS[word]);
  return word === 'utf16be' ? bytes.swap16() : bytes;
}

function decoded(bytes: Buffer, name: string): string {
  const word = encodingWord(name);
  if (word.startsWith('utf16') && bytes.length % 2 === 1) wrong(`these bytes are not ${name}`);
  const whole = word === 'utf16be' ? Buffer.from(bytes).swap16() : bytes;
  return whole.toString(ENCODINGS[word]).replace(/^\ufeff/, (mark) => (word === 'utf16' ? '' : mark));
}

function encodingWord(name: string): string {
  const word = name.toLowerCase().replace(/[-_ ]/g, '');
  if (Object.hasOwn(ENCODINGS, word)) return word;
  return wrong(`the encoding '${name}' is not supported`, { expected: 'utf-8, utf-16, utf-16-le, latin-1 or ascii' });
}
