import { entry } from './entry.ts';

export const yaml = {
  E_YAML_SYNTAX: entry({
    summary: 'a file is not valid YAML',
    meaning: 'The YAML parser cannot read the file. bringup reports the position at which the parser stops.',
    fix: 'Correct the YAML at the marked place. Quote a value that contains a colon followed by a space.',
    example: {
      problem: 'Nested mappings are not allowed in compact mappings',
      hint: "quote the value: it contains ': '",
    },
    tell: ({ problem, hint }: { problem: string; hint?: string | undefined }) => ({ message: problem, hint }),
  }),
  E_YAML_TAB: entry({
    summary: 'a tab is used as indentation',
    meaning: 'YAML allows only spaces as indentation.',
    fix: 'Replace the tab with spaces.',
    example: {},
    tell: () => ({ message: 'a tab in the indentation', hint: 'indent with spaces' }),
  }),
  E_YAML_TAG: entry({
    summary: 'a YAML tag is not known',
    meaning: 'A value carries a tag such as `!reference`. bringup knows the tags that Ansible knows.',
    fix: 'Remove the tag, or write `!vault` or `!unsafe`.',
    example: { problem: 'Unresolved tag: !reference' },
    tell: ({ problem }: { problem: string }) => ({ message: problem, expected: '!vault or !unsafe' }),
  }),
  E_YAML_TOO_LARGE: entry({
    summary: 'a YAML file is too large',
    meaning: 'bringup refuses very large YAML files, because reading one takes minutes and much memory.',
    fix: 'Split the file, or keep large data in a file that `copy` or `template` sends.',
    example: { limit: '2 MiB' },
    tell: ({ limit }: { limit: string }) => ({
      message: `the file is larger than ${limit}, the limit for YAML files`,
      hint: 'split the file',
    }),
  }),
  E_YAML_CONTROL_CHARACTER: entry({
    summary: 'a file contains a control character',
    meaning: 'YAML does not allow control characters, except for tabs and line breaks.',
    fix: 'Write the character as an escape in double quotes, or remove it.',
    example: { code: '0007' },
    tell: ({ code }: { code: string }) => ({
      message: `the control character U+${code} is not allowed in YAML`,
      hint: `write it as "\\u${code}" in double quotes`,
    }),
  }),
  E_YAML_DOCUMENTS: entry({
    summary: 'a file contains more than one YAML document',
    meaning: 'A second `---` starts a second document. Ansible and bringup read only one document in a file.',
    fix: "Remove the second '---', or split the file.",
    example: {},
    tell: () => ({ message: 'the file contains more than one YAML document', hint: "remove the second '---'" }),
  }),
  E_YAML_ALIAS: entry({
    summary: 'a YAML alias cannot be resolved',
    meaning:
      'An alias (`*name`) has no anchor (`&name`) before it, contains itself, or makes the file grow without limit.',
    fix: 'Define the anchor before the alias, or write the value itself.',
    example: { problem: "the alias '*defaults' has no anchor before it" },
    tell: ({ problem }: { problem: string }) => ({ message: problem }),
  }),
  E_YAML_DEPTH: entry({
    summary: 'a file is nested too deeply',
    meaning: 'The YAML contains more levels of lists and maps than bringup can read.',
    fix: 'Reduce the nesting. A list in flow style (`[[[…`) may have lost a bracket.',
    example: {},
    tell: () => ({ message: 'the file is nested too deeply', hint: 'check for a bracket that is not closed' }),
  }),
  E_DUPLICATE_KEY: entry({
    summary: 'a map has the same key twice',
    meaning: 'YAML would silently drop one of the two values, so bringup refuses both.',
    fix: 'Remove one of the two keys, or merge their values.',
    example: { key: 'tags' },
    tell: ({ key }: { key: string }) => ({
      message: `the key '${key}' is given twice in one map`,
      hint: `remove one '${key}', or merge the two values`,
    }),
  }),
  E_UNQUOTED_TEMPLATE: entry({
    summary: 'a template at the start of a value is not quoted',
    meaning: 'YAML reads `{{ x }}` without quotes as a map in a map.',
    fix: 'Put the whole value in double quotes.',
    example: {},
    tell: () => ({
      message: 'a template must be quoted here: YAML reads {{ }} as a map in a map',
      hint: 'write "{{ … }}" in double quotes',
    }),
  }),
};
