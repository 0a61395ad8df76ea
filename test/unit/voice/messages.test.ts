import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commandLine } from '../../../src/cli/program.ts';
import { AREAS, type Code, ENTRIES, exampleOf } from '../../../src/core/errors/index.ts';
import { MISTAKES } from '../support/mistakes.ts';
import { project } from '../support/project.ts';

const LONGEST = 80;
/** Words with which a command, an option or an argument may begin: what it does. */
const VERBS = [
  ...['add', 'replace', 'become', 'begin', 'connect', 'continue', 'create', 'decrypt', 'edit', 'encrypt', 'forget'],
  ...[
    'apply',
    'ask',
    'boot',
    'break',
    'cause',
    'cut',
    'deploy',
    'display',
    'exit',
    'explain',
    'install',
    'list',
    'log',
  ],
  ...[
    'merge',
    'output',
    'plan',
    'print',
    'prove',
    'read',
    'remove',
    'reset',
    'restore',
    'retry',
    'run',
    'save',
    'set',
    'show',
  ],
  ...['skip', 'switch', 'turn', 'use', 'verify', 'wait', 'work', 'write'],
];
/** Names that keep their capital at the beginning of a text. */
const NAMES = /^(JUnit|JSON|YAML|DNS|HTTP|SSH|MySQL|MariaDB|Debian|NAME=VALUE)\b/;
/** A pronoun has no noun in a list of lines, and a question does not say what has happened. */
const UNCLEAR = /^(it|its|what|who|whom|that|how|those|they|their|them)\b/i;
/** Words of the past, which readers had to look up. */
const ODD = /\bmend\b|hangs on|unknown until|as things stand|locked us out|looked at|told us/i;

/** What is wrong with the text of an option or an argument. */
function wrongOption(text: string): readonly string[] {
  return [
    ...(text === '' ? ['empty'] : []),
    ...(text.endsWith('.') ? ['ends with a full stop'] : []),
    ...(/^[A-Z]/.test(text) && !NAMES.test(text) ? ['begins with a capital'] : []),
    ...(VERBS.includes(text.split(/[^a-z]/i)[0] ?? '') ? [] : ['does not begin with a verb']),
    ...(ODD.test(text) ? ['odd words'] : []),
  ];
}
/** What is wrong with the summary of a command or of an error code. */
const wrongSummary = (text: string): readonly string[] => [
  ...(text === '' ? ['empty'] : []),
  ...(text.length > LONGEST ? [`longer than ${LONGEST} characters`] : []),
  ...(text.endsWith('.') ? ['ends with a full stop'] : []),
  ...(/^[A-Z]/.test(text) && !NAMES.test(text) ? ['begins with a capital'] : []),
  ...(ODD.test(text) ? ['odd words'] : []),
];
const wrongCommand = (text: string): readonly string[] => [
  ...wrongSummary(text),
  ...(VERBS.includes(text.split(/[^a-z]/i)[0] ?? '') ? [] : ['does not begin with a verb']),
];
const wrongMessage = (text: string): readonly string[] => [
  ...(text.trim() === '' ? ['empty'] : []),
  ...(UNCLEAR.test(text) ? ['begins with a pronoun or a question word'] : []),
  ...(ODD.test(text) ? ['odd words'] : []),
];
/** A whole text, such as what a code means. */
const wrongProse = (text: string): readonly string[] => [
  ...wrongMessage(text),
  ...(/[.!:/`)]$|…$/.test(text) ? [] : ['does not end as a sentence']),
];

const at = (where: string, wrongs: readonly string[]): readonly string[] => wrongs.map((w) => `${where}: ${w}`);

/** Every command below `command`, with itself, by the words that call it. */
function commandsOf(command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] {
  const own = [...path, command.name()];
  return [[own.join(' '), command], ...command.commands.flatMap((sub) => commandsOf(sub, own))];
}

function wrongsOf(command: Command): readonly string[] {
  return commandsOf(command).flatMap(([path, one]) => [
    ...at(path, wrongCommand(one.description())),
    ...one.options.flatMap((o) => (o.long === '--version' ? [] : at(`${path} ${o.flags}`, wrongOption(o.description)))),
    ...one.registeredArguments.flatMap((a) =>
      a.description === '' ? [] : at(`${path} <${a.name()}>`, wrongOption(a.description)),
    ),
  ]);
}

const CODES = AREAS.flatMap(({ codes }) => codes);
const sources = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith(join('core', 'errors')))
    .map((name) => readFileSync(join(folder, name), 'utf8'));

describe('texts of --help', () => {
  const program = commandLine({ argv: [], done: () => {}, signal: new AbortController().signal });
  it('say what a command or an option does', () => {
    expect(commandsOf(program).length).toBeGreaterThan(20);
    expect(wrongsOf(program)).toEqual([]);
  });
  it('a planted text is refused', () => {
    const planted = commandLine({ argv: [], done: () => {}, signal: new AbortController().signal });
    planted.command('bad').description('what is there').option('--mend', 'Mends it.').option('--late', 'late hosts');
    const wrongs = wrongsOf(planted);
    for (const wrong of ['bad: does not begin with a verb', '--mend: ends with a full stop', '--late: does not begin'])
      expect(wrongs.join('\n')).toContain(wrong);
    expect(wrongCommand(`show ${'x'.repeat(LONGEST)}`)).toEqual(['longer than 80 characters']);
    expect(wrongOption('run all: it hangs on X')).toEqual(['odd words']);
    expect(wrongOption('Run all')).toEqual(['begins with a capital', 'does not begin with a verb']);
  });
});

describe('the catalogue of errors', () => {
  it.each(CODES)('%s says what happened and how to fix it', (code) => {
    const { summary, meaning, fix } = ENTRIES[code];
    const { message, expected = 'x', hint = 'x' } = exampleOf(code);
    expect([
      ...at('summary', wrongSummary(summary)),
      ...at('meaning', wrongProse(meaning)),
      ...at('fix', wrongProse(fix)),
      ...at('message', wrongMessage(message)),
      ...at('expected', wrongMessage(expected)),
      ...at('hint', wrongMessage(hint)),
      ...(/[^.…]\.$/.test(message) ? ['the message ends with a full stop'] : []),
    ]).toEqual([]);
  });
  it('lists each code once, and every code is used', () => {
    expect(new Set(CODES).size).toBe(CODES.length);
    expect([...CODES].sort()).toEqual(Object.keys(ENTRIES).sort());
    const text = sources('src').join('\n');
    expect(CODES.filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });
  it('has no two causes that read alike', () => {
    const summaries = CODES.map((code) => ENTRIES[code].summary);
    expect(summaries.filter((one, i) => summaries.indexOf(one) !== i)).toEqual([]);
  });
  it('a planted entry is refused', () => {
    expect(wrongMessage('It did not work')).toEqual(['begins with a pronoun or a question word']);
    expect(wrongMessage('whose wire?')).toEqual([]);
    expect(wrongMessage('the host could not be looked at')).toEqual(['odd words']);
    expect(wrongProse('')).toEqual(['empty', 'does not end as a sentence']);
    expect(wrongProse('Mend it')).toContain('odd words');
  });
});

describe('the diagnostics of common mistakes', () => {
  it.each(MISTAKES.map(([what, files]) => ({ what, files })))('$what', async ({ files }) => {
    const found = await project(files).mistakes();
    expect(found.length).toBeGreaterThan(0);
    for (const { code, message, expected = 'x', hint = 'x' } of found) {
      expect(CODES).toContain(code satisfies Code);
      expect([...wrongMessage(message), ...wrongMessage(expected), ...wrongMessage(hint)], message).toEqual([]);
    }
  });
});
