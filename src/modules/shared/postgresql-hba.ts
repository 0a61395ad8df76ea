// pg_hba.conf: the first rule that fits a connection decides, so rules are sorted from the narrowest to the widest.

export type HbaRule = Readonly<{
  type: string;
  db: string;
  usr: string;
  src?: string | undefined;
  mask?: string | undefined;
  method: string;
  options?: string | undefined;
  comment?: string | undefined;
  /** Why the rule is not valid. */
  problem?: string | undefined;
}>;
export type HbaFile = Readonly<{ comments: readonly string[]; rules: readonly HbaRule[]; problem: string | undefined }>;

/** A rule in its normal form: a network with its prefix length instead of a netmask. */
export function readRule(given: HbaRule): HbaRule {
  if (given.type === 'local') return { ...given, src: undefined, mask: undefined };
  const { src = '', mask } = given;
  if (mask === undefined || mask === '') {
    const isBare = addressBytes(src) !== undefined;
    return { ...given, mask: undefined, src: isBare ? `${src}/${src.includes(':') ? 128 : 32}` : src };
  }
  const length = prefixOf(mask);
  if (addressBytes(src) === undefined || length === undefined) {
    return { ...given, problem: `'${src}' with the netmask '${mask}' is not a network` };
  }
  return { ...given, mask: undefined, src: `${src}/${length}` };
}

/** What a file may hold only once: the address, the databases and the users. */
export function ruleKey({ type, db, usr, src }: HbaRule): string {
  return [type === 'local' ? 'local' : network(src ?? ''), sorted(db), sorted(usr)].join('\0');
}

const sorted = (list: string): string => list.split(',').sort().join(',');

export function parseHba(text: string): HbaFile {
  const comments: string[] = [];
  const rules: HbaRule[] = [];
  let problem: string | undefined;
  for (const line of text.replace(/\\\n/g, '').split('\n')) {
    const words = [...line.matchAll(/#.*$|(?:"[^"]*"|[^\s"#])+/g)].map(([word]) => word);
    if (words.length === 0) continue;
    const last = words.at(-1) ?? '';
    const comment = last.startsWith('#') ? last.slice(1) : undefined;
    const rest = comment === undefined ? words : words.slice(0, -1);
    if (rest.length === 0) comments.push(line.trim());
    else {
      const rule = ofWords(rest, comment);
      if (rule === undefined || rule.problem !== undefined) problem ??= line.trim();
      else rules.push(rule);
    }
  }
  return { comments, rules, problem };
}

function ofWords(words: readonly string[], comment: string | undefined): HbaRule | undefined {
  const [type = '', db = '', usr = '', ...rest] = words;
  if (!/^(local|host(no)?(ssl|gssenc)?)$/.test(type)) return undefined;
  const hasMask = type !== 'local' && addressBytes(rest[0] ?? '') !== undefined;
  const [src, mask] = type === 'local' ? [] : hasMask ? [rest[0], rest[1]] : [rest[0]];
  const [method, ...options] = rest.slice(type === 'local' ? 0 : hasMask ? 2 : 1);
  if (method === undefined) return undefined;
  return readRule({
    type,
    db,
    usr,
    src,
    mask,
    method,
    options: options.length === 0 ? undefined : options.join(' '),
    comment,
  });
}

export function renderHba(comments: readonly string[], rules: readonly HbaRule[], withComments: boolean): string {
  const lines = rules.map(({ type, db, usr, src, method, options, comment }) =>
    [type, db, usr, src, method, options, withComments && comment !== undefined ? `#${comment}` : undefined]
      .filter((one) => one !== undefined)
      .join('\t'),
  );
  return [...comments, ...lines].map((line) => `${line}\n`).join('');
}

/** The narrowest address first, then the narrowest databases, then the narrowest users. */
export function sortedRules(rules: readonly HbaRule[]): readonly HbaRule[] {
  const weight = (rule: HbaRule): readonly number[] => [-sourceWeight(rule), listWeight(rule.db), listWeight(rule.usr)];
  return [...rules].sort((a, b) => {
    const [one, two] = [weight(a), weight(b)];
    for (const [at, value] of one.entries()) if (value !== two[at]) return value - (two[at] ?? 0);
    return ruleKey(a) < ruleKey(b) ? -1 : ruleKey(a) > ruleKey(b) ? 1 : 0;
  });
}

function sourceWeight({ type, src = '' }: HbaRule): number {
  if (type === 'local') return 130;
  if (src === 'all') return 0;
  if (src === 'samehost') return 129;
  if (src === 'samenet') return 96;
  const [, address = '', length = ''] = /^(.*)\/(\d+)$/.exec(src) ?? [];
  if (length !== '') return address.includes(':') ? Number(length) : Number(length) === 0 ? 0 : Number(length) + 96;
  return src.startsWith('.') ? 96 : 128;
}

function listWeight(list: string): number {
  return list === 'all'
    ? 1_000_000
    : list.split(',').reduce((sum, one) => sum + (/^(\+|same)/.test(one) ? 1000 : 1), 0);
}

/** The network of an address with a prefix length. Anything else stays as it is. */
function network(src: string): string {
  const [, address = src, length = ''] = /^(.*)\/(\d+)$/.exec(src) ?? [];
  const bytes = addressBytes(address);
  if (bytes === undefined || length === '') return src;
  const kept = bytes.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, Number(length) - at * 8))) & 0xff);
  return `${kept.join('.')}/${length}`;
}

/** undefined: not an address. */
function addressBytes(address: string): readonly number[] | undefined {
  if (/^\d+(\.\d+){3}$/.test(address)) {
    const bytes = address.split('.').map(Number);
    return bytes.every((byte) => byte < 256) ? bytes : undefined;
  }
  if (!/^[0-9a-fA-F:]*:[0-9a-fA-F:]*$/.test(address)) return undefined;
  const [head = '', tail] = address.split('::');
  const parts = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));
  const [first, last] = [parts(head), parts(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array<string>(Math.max(0, zeros)).fill('0'), ...last];
  if (all.length !== 8) return undefined;
  return all.flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff]);
}

/** The prefix length of a netmask. undefined: its ones are not all at its beginning. */
function prefixOf(mask: string): number | undefined {
  const bits = addressBytes(mask)
    ?.map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  return bits === undefined || /01/.test(bits) ? undefined : bits.replaceAll('0', '').length;
}
