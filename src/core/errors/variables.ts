import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

type Problem = Readonly<{ problem: string; expected?: string | undefined; hint?: string | undefined }>;

export const variables = {
  E_UNDEFINED_VARIABLE: entry({
    summary: 'a variable is not defined',
    meaning: 'A template reads a name that no inventory, playbook, role, fact, register or `-e` defines.',
    fix: "Correct the name, define the variable, or give it a default: {{ name | default('…') }}.",
    example: { name: 'sit_url', known: ['site_url'] },
    tell: ({ name, known = [], hint }: { name: string; known?: Iterable<string>; hint?: string }) => ({
      message: `'${name}' is undefined`,
      hint: didYouMean(name, known).hint ?? hint,
    }),
  }),
  E_UNDEFINED_ATTRIBUTE: entry({
    summary: 'a value does not have the given attribute or key',
    meaning: 'A template reads a part of a value, and the value has no such part.',
    fix: 'Correct the name, or give it a default: {{ value.key | default(…) }}.',
    example: { of: "'dict object'", name: 'prot', known: ['port', 'host'] },
    tell: ({ of, name, known }: { of: string; name: string; known: Iterable<string> }) => ({
      message: `${of} has no attribute '${name}'`,
      ...didYouMean(name, known),
    }),
  }),
  E_UNDEFINED_VALUE: entry({
    summary: 'a part of a template gives no value',
    meaning:
      'An expression gives nothing: an inline `if` without `else`, an empty list, a parameter that a macro did not get.',
    fix: 'Add the missing part, or a default.',
    example: { problem: 'the inline if-expression evaluated to false and has no else' },
    tell: ({ problem }: Problem) => ({ message: problem }),
  }),
  E_RECURSIVE_VARIABLE: entry({
    summary: 'a variable is defined by itself',
    meaning: 'The templates of some variables read each other in a circle.',
    fix: 'Give one of the variables a value of its own.',
    example: { names: ['a', 'b', 'a'] },
    tell: ({ names }: { names: readonly string[] }) => ({
      message: `recursive: ${names.join(' -> ')}`,
      hint: 'give one of them a value of its own',
    }),
  }),
  E_TEMPLATE_SYNTAX: entry({
    summary: 'a template or an expression cannot be parsed',
    meaning: 'The text between {{ }} or {% %}, or the expression of a keyword, is not valid Jinja2.',
    fix: 'Correct the template at the marked place.',
    example: { problem: "expected ')', got the end" },
    tell: ({ problem, hint }: Problem) => ({ message: problem, hint }),
  }),
  E_TEMPLATE_VALUE: entry({
    summary: 'a template cannot be evaluated with the values given',
    meaning: 'A filter, a test or an operator got a value that it cannot work with.',
    fix: 'Convert the value first, for example with | int, | string or | list.',
    example: {
      problem: 'can only concatenate str (not "int") to str',
      hint: 'join them with ~ instead of +, or use | string',
    },
    tell: ({ problem, expected, hint }: Problem) => ({ message: problem, expected, hint }),
  }),
  E_TEMPLATE_LIMIT: entry({
    summary: 'a template makes or does too much',
    meaning: 'A text, a list or a loop of a template grows beyond what bringup allows, so that a run cannot hang.',
    fix: 'Check for a loop or a multiplication with a wrong number.',
    example: { problem: 'the range is too long: more than 1,000,000 items' },
    tell: ({ problem, hint }: Problem) => ({ message: problem, hint }),
  }),
  E_TEMPLATE_DEPTH: entry({
    summary: 'a template is nested too deeply',
    meaning: 'Includes, macros or values nest beyond what bringup can evaluate.',
    fix: 'Check for a template that includes itself.',
    example: {},
    tell: () => ({
      message: 'the template is nested too deeply',
      hint: 'check for a template or a macro that calls itself',
    }),
  }),
  E_UNKNOWN_PLUGIN: entry({
    summary: 'a filter, test, lookup or function is not known',
    meaning: 'A template uses a name that neither Jinja2 nor Ansible has, or that bringup does not have.',
    fix: 'Correct the spelling. docs/ansible.md tells what is not supported.',
    example: { kind: 'filter', name: 'uper', known: ['upper', 'lower'] },
    tell: ({ kind, name, known }: { kind: string; name: string; known: Iterable<string> }) => ({
      message: `no ${kind} named '${name}'`,
      ...didYouMean(name.split('.').at(-1) ?? name, known),
    }),
  }),
  E_UNSUPPORTED_PLUGIN: entry({
    summary: 'a filter, test or lookup of Ansible is not supported',
    meaning: 'Ansible has it, and bringup does not.',
    fix: 'Do what the hint says.',
    example: {
      problem: "the lookup 'pipe' is not supported",
      hint: 'use the command module with delegate_to: localhost',
    },
    tell: ({ problem, hint }: Problem) => ({ message: problem, hint }),
  }),
};
