/** Tags of the library that are replaced by those below. */
export const UNWANTED = new Set([
  'tag:yaml.org,2002:bool',
  'tag:yaml.org,2002:int',
  'tag:yaml.org,2002:float',
  'tag:yaml.org,2002:timestamp',
  'tag:yaml.org,2002:binary',
  'tag:yaml.org,2002:set',
  'tag:yaml.org,2002:omap',
  'tag:yaml.org,2002:pairs',
]);
/** Booleans as PyYAML, and so Ansible, reads them. YAML 1.1 also has y and n, which are strings here. */
const BOOL = { tag: 'tag:yaml.org,2002:bool', default: true, identify: (value: unknown) => typeof value === 'boolean' };
const TRUE = { ...BOOL, test: /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/, resolve: () => true };
const FALSE = { ...BOOL, test: /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/, resolve: () => false };
const isNumber = (value: unknown): boolean => typeof value === 'number';
/** Numbers as PyYAML reads them: 08:30, 09, 1e3 and e3 are strings, 8:30 is 510, 0644 is octal. */
const INT = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  identify: isNumber,
  test: /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*(?::[0-5]?[0-9])*|0x[0-9a-fA-F_]+)$/,
  resolve: (text: string) => signed(text, intOf),
};
const FLOAT = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: isNumber,
  test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  resolve: (text: string) => signed(text, floatOf),
};
function signed(text: string, read: (digits: string) => number): number {
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '');
  return (text.startsWith('-') ? -read(digits) : read(digits)) + 0; // avoids -0
}
function intOf(digits: string): number {
  if (/^0[bx]/.test(digits)) return Number(digits);
  return /^0\d/.test(digits) ? Number.parseInt(digits, 8) : sexagesimal(digits);
}
function floatOf(digits: string): number {
  if (/^\.inf$/i.test(digits)) return Number.POSITIVE_INFINITY;
  return sexagesimal(digits);
}
function sexagesimal(digits: string): number {
  return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
const VAULT = { tag: '!vault', resolve: (text: string) => text };
const UNSAFE = { tag: '!unsafe', resolve: (text: string) => text };

/** Our own tags, in place of the unwanted ones. */
export const OWN = [TRUE, FALSE, INT, FLOAT, VAULT, UNSAFE];
