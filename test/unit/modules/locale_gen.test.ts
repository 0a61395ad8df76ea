import { describe, expect, test } from 'vitest';
import { edit, locale_gen } from '../../../src/modules/locale_gen.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, context, words } from './harness.ts';

const OLD = '# a comment\n# de_CH ISO-8859-1\n# de_CH.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n';
const FILE = `stat 81a4/0/0/9/0/0/0/1/5/0/root/root\ncontent ${encodeBase64(OLD)}\nparent yes!\n`;
const FR = 'fr_CH.UTF-8 UTF-8';

describe('/etc/locale.gen', () => {
  test.each([
    ['enabled', ['de_CH.UTF-8'], 'present', OLD.replace('# de_CH.UTF-8', 'de_CH.UTF-8')],
    ['without a charset', ['de_CH'], 'present', OLD.replace('# de_CH I', 'de_CH I')],
    ['added', ['fr_CH.UTF-8'], 'present', `${OLD}${FR}\n`],
    ['disabled', ['en_US.UTF-8'], 'absent', OLD.replace('en_US', '# en_US')],
  ] as const)('%s', (_, names, state, expected) => {
    expect(edit(OLD, names, state, [FR])).toBe(expected);
  });
});

describe('what is planned', () => {
  test.each([
    ['no tool', 'locale-gen missing\n', {}, 'the host has no locale-gen'],
    ['generated', `is de_CH.utf8\n${FILE}`, {}, []],
    ['missing', FILE, {}, ['update /etc/locale.gen', 'generate de_CH.UTF-8']],
    ['enabled, not generated', FILE, { name: 'en_US.UTF-8' }, ['generate en_US.UTF-8']],
    ['unknown', FILE, { name: 'xx_YY.UTF-8' }, 'there is no locale xx_YY.UTF-8 on the host'],
    ['gone', FILE, { state: 'absent' }, []],
    [
      'to be gone',
      `is en_US.utf8\n${FILE}`,
      { name: 'en_US.UTF-8', state: 'absent' },
      ['update /etc/locale.gen', 'remove en_US.UTF-8'],
    ],
    ['with a modifier', `is de_DE.iso885915@euro\n${FILE}`, { name: 'de_DE.ISO-8859-15@euro' }, []],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bound(locale_gen, { name: 'de_CH.UTF-8', ...args }).plan(observed, context()))).toEqual(expected);
  });
});
