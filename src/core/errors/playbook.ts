import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

type OwnModule = Readonly<{ file: string; problem: string; expected?: string; hint?: string; detail?: string }>;
type Named = Readonly<{ name: string; known: Iterable<string> }>;

export const playbook = {
  E_WRONG_SHAPE: entry({
    summary: 'a list stands where a map belongs, or the other way round',
    meaning:
      'A part of a playbook, an inventory, a checks file or a drills file has a form that bringup cannot read. A dash begins an item of a list. A name with a colon begins an entry of a map.',
    fix: 'Write the part in the form that `expected:` shows.',
    example: { what: 'a playbook', wanted: 'a list of plays', found: 'a map', expected: '- hosts: …' },
    tell: (of: { what: string; wanted: string; found: string; expected?: string; hint?: string }) => ({
      message: `${of.what} must be ${of.wanted}, not ${of.found}`,
      expected: of.expected,
      hint: of.hint,
    }),
  }),
  E_UNKNOWN_KEYWORD: entry({
    summary: 'a keyword is not known at this place',
    meaning:
      'Each play, block, task, check and drill takes a fixed set of keywords. bringup refuses any other, because Ansible would ignore it or fail later.',
    fix: 'Correct the spelling, or move the keyword to a place that takes it.',
    example: { keyword: 'whenn', where: 'a task', known: ['when', 'loop'] },
    tell: ({
      keyword,
      where,
      known,
      hint,
    }: {
      keyword: string;
      where: string;
      known: Iterable<string>;
      hint?: string;
    }) => ({
      message: `unknown keyword '${keyword}' in ${where}`,
      ...didYouMean(keyword, known),
      ...(hint !== undefined && { hint }),
    }),
  }),
  E_UNSUPPORTED_KEYWORD: entry({
    summary: 'a keyword of Ansible is not supported',
    meaning: 'Ansible has this keyword, and bringup does not. bringup refuses it, so that it is not silently ignored.',
    fix: 'Do what the hint says.',
    example: { keyword: 'throttle', instead: 'use `serial` on the play' },
    tell: ({ keyword, instead }: { keyword: string; instead: string }) => ({
      message: `'${keyword}' is not supported`,
      hint: instead,
    }),
  }),
  E_KEYWORD_VALUE: entry({
    summary: 'a keyword has a value of the wrong kind',
    meaning: 'The keyword is known, and its value is not of the kind that the keyword takes.',
    fix: 'Write a value such as the one that `expected:` shows.',
    example: { keyword: 'become', wanted: 'a boolean', found: "'maybe'", expected: 'true or false' },
    tell: (of: { keyword: string; wanted: string; found: string; expected?: string; hint?: string }) => ({
      message: `'${of.keyword}' takes ${of.wanted}, not ${of.found}`,
      expected: of.expected,
      hint: of.hint,
    }),
  }),
  E_UNSUPPORTED_VALUE: entry({
    summary: 'a value of a keyword is not supported',
    meaning: 'Ansible accepts this value of the keyword, and bringup does not.',
    fix: 'Use one of the values that `expected:` lists, or do what the hint says.',
    example: { keyword: 'strategy', value: 'debug', expected: 'linear, free or host_pinned' },
    tell: (of: { keyword: string; value: string; expected?: string; hint?: string }) => ({
      message: `'${of.keyword}: ${of.value}' is not supported`,
      expected: of.expected,
      hint: of.hint,
    }),
  }),
  E_NO_ACTION: entry({
    summary: 'a task names no module, or an entry names no check or step',
    meaning:
      'Each task names exactly one module. Each entry of a checks file names one check, each step of a drill one action.',
    fix: 'Add the module, the check or the action.',
    example: { of: 'task', action: 'module', expected: 'a module, such as: apt: {name: nginx}' },
    tell: ({ of, action, expected }: { of: string; action: string; expected: string }) => ({
      message: `the ${of} names no ${action}`,
      expected,
    }),
  }),
  E_TWO_ACTIONS: entry({
    summary: 'a task names two modules, or an entry two checks or steps',
    meaning:
      'Each task names exactly one module. Each entry of a checks file names one check, each step of a drill one action.',
    fix: 'Split the entry into two.',
    example: { of: 'task', action: 'module', first: 'apt', second: 'copy' },
    tell: ({ of, action, first, second }: { of: string; action: string; first: string; second: string }) => ({
      message: `the ${of} names two ${action}s: '${first}' and '${second}'`,
      hint: `split the ${of} into two`,
    }),
  }),
  E_UNKNOWN_MODULE: entry({
    summary: 'a module is not known',
    meaning: 'A task has a key that is neither a keyword nor the name of a module.',
    fix: "Correct the spelling. 'bringup doc' lists all modules.",
    example: { name: 'atp', known: ['apt', 'copy'] },
    tell: ({ name, known }: Named) => ({
      message: `unknown module or keyword '${name}'`,
      hint: didYouMean(name.split('.').at(-1) ?? name, known).hint ?? "run 'bringup doc' to list the modules",
    }),
  }),
  E_MODULE_MISSING: entry({
    summary: 'bringup does not have this module of Ansible',
    meaning: 'A task that a host reaches uses a module of Ansible or of a collection, and bringup has no such module.',
    fix: "Use another module ('bringup doc' lists all), or `command` with `creates`, or leave the task out with `when`.",
    example: { name: 'community.general.pacman' },
    tell: ({ name }: { name: string }) => ({
      message: `bringup has no module '${name}'`,
      hint: "use another module ('bringup doc' lists all), or command with creates",
    }),
  }),
  E_OWN_MODULE: entry({
    summary: "a project's own module is wrong",
    meaning: 'A file in a library/ directory, or the declaration of its arguments, cannot be used.',
    fix: 'Correct the file. docs/own-modules.md describes modules and their declarations.',
    example: {
      file: 'library/flag.yml',
      problem: "the option 'name' has an unknown type 'string'",
      expected: 'one of str, int, float, bool, list, dict, path, raw',
    },
    tell: ({ file, problem, expected, hint, detail }: OwnModule) => ({
      message: `the module ${file} cannot be used: ${problem}`,
      expected,
      hint,
      detail,
    }),
  }),
  E_MODULE_REPLACED: entry({
    summary: 'a file of the project replaces a module of bringup',
    meaning: 'As in Ansible, a module in a library/ directory wins over one of the same name. `-v` shows this note.',
    fix: "Nothing, if this is intended. Write the module's full name, as ansible.builtin.copy, to use bringup's own.",
    example: { file: 'library/copy.sh', name: 'copy' },
    tell: ({ file, name }: { file: string; name: string }) => ({
      message: `${file} replaces bringup's module '${name}'`,
    }),
  }),
  E_FOREIGN_MODULE: entry({
    summary: 'a module of the project is written in another language',
    meaning:
      'A task that a host reaches uses a module of a library/ directory that is no shell script and no TypeScript. Hosts need no Python, so bringup cannot run it.',
    fix: "Write the module as NAME.sh (docs/own-modules.md), or name bringup's own module in full.",
    example: { file: 'library/flag.py', name: 'flag' },
    tell: ({ file, name, full }: { file: string; name: string; full?: string | undefined }) => ({
      message: `bringup cannot run the module ${file}`,
      expected: `library/${name}.sh or library/${name}.ts`,
      hint:
        full === undefined
          ? `write it as ${name}.sh (docs/own-modules.md), or run it with the module script`
          : `write ${full} to use bringup's module`,
    }),
  }),
  E_NO_ANSWER: entry({
    summary: 'a variable of vars_prompt has no answer',
    meaning: 'A play asks for a variable, nobody can answer because there is no terminal, and it has no default.',
    fix: 'Pass the value with -e NAME=VALUE, or give the prompt a default.',
    example: { name: 'release' },
    tell: ({ name }: { name: string }) => ({
      message: `nobody can answer the prompt for '${name}': there is no terminal, and it has no default`,
      hint: `pass the value with -e ${name}=VALUE`,
    }),
  }),
  E_NO_HOSTS: entry({
    summary: 'a play names no hosts',
    meaning: 'A play without `hosts` has nothing to run on.',
    fix: 'Add `hosts:` with a host, a group or a pattern.',
    example: {},
    tell: () => ({ message: 'the play names no hosts', expected: 'hosts: PATTERN' }),
  }),
  E_UNKNOWN_ROLE: entry({
    summary: 'a role does not exist',
    meaning: 'No folder with the name of the role is in `roles/` beside the playbook.',
    fix: "Correct the name, or create the role's tasks file.",
    example: { name: 'ngnix', known: ['nginx', 'haproxy'], file: 'playbooks/roles/ngnix/tasks/main.yml' },
    tell: ({ name, known, file }: Named & { file: string }) => ({
      message: `there is no role '${name}'`,
      ...didYouMean(name, known),
      hint:
        didYouMean(name, known).hint ?? `create ${file}, or add the role to requirements.yml and run: bringup install`,
    }),
  }),
  E_CYCLE: entry({
    summary: 'a file imports itself, or a role depends on itself',
    meaning: 'bringup reads imports and role dependencies before the run. A cycle of them never ends.',
    fix: 'Remove one import of the cycle, or use include_tasks with a condition.',
    example: { what: "'tasks/main.yml'", verb: 'imports' },
    tell: ({ what, verb }: { what: string; verb: 'imports' | 'depends on' }) => ({ message: `${what} ${verb} itself` }),
  }),
  E_NO_TARGET: entry({
    summary: 'an include or a role entry names no file or role',
    meaning: 'The entry says that something is included, and not what.',
    fix: 'Add the name.',
    example: { kind: 'include_role', wanted: 'role', expected: 'name: ROLE' },
    tell: ({ kind, wanted, expected }: { kind: string; wanted: string; expected: string }) => ({
      message: `${kind} names no ${wanted}`,
      expected,
    }),
  }),
  E_UNKNOWN_HANDLER: entry({
    summary: 'a notified handler does not exist',
    meaning:
      'A task notifies a name that no handler of the play has as its name or its `listen` topic. The handler would silently never run.',
    fix: 'Correct the name in `notify`, or add the handler.',
    example: { name: 'reload ngnix', known: ['reload nginx'] },
    tell: ({ name, known }: Named) => ({ message: `there is no handler '${name}'`, ...didYouMean(name, known) }),
  }),
  E_NOT_A_HANDLER: entry({
    summary: 'a handler is a block, an include or a meta action',
    meaning: 'A handler is a single task that runs a module.',
    fix: 'Give each task of the block the same `listen` topic, or write the action as a task.',
    example: { what: "'meta: flush_handlers'", hint: 'write it as a task' },
    tell: ({ what, hint }: { what: string; hint: string }) => ({ message: `${what} cannot be a handler`, hint }),
  }),
  E_UNKNOWN_META: entry({
    summary: 'a meta action is not known',
    meaning: 'A misspelled meta action would end a play, or be ignored, without a message.',
    fix: 'Use one of the actions that `expected:` lists.',
    example: { name: 'flush_handler', known: ['flush_handlers', 'end_play'] },
    tell: ({ name, known }: Named) => ({ message: `unknown meta action '${name}'`, ...didYouMean(name, known) }),
  }),
  E_END_ROLE_OUTSIDE: entry({
    summary: '`meta: end_role` is used outside of a role',
    meaning: 'The action skips the rest of the role that contains it.',
    fix: 'Use `meta: end_play` or `meta: end_host`.',
    example: {},
    tell: () => ({ message: "'meta: end_role' is outside of a role", hint: 'use end_play or end_host' }),
  }),
  E_INCLUDE_PLACE: entry({
    summary: 'an include or import is not possible at this place',
    meaning: 'import_playbook belongs beside plays. The old keyword `include` is not supported.',
    fix: 'Do what the hint says.',
    example: { kind: 'include', hint: 'write include_tasks or import_tasks' },
    tell: ({ kind, hint }: { kind: string; hint: string }) => ({ message: `'${kind}' is not possible here`, hint }),
  }),
  E_IMPORT_DYNAMIC: entry({
    summary: 'an import contains a loop or a template',
    meaning: 'bringup reads an import before the run, when loops and variables of hosts have no value.',
    fix: 'Write the include of the same name, which is read during the run.',
    example: { kind: 'import_tasks', what: 'loop' },
    tell: ({ kind, what }: { kind: string; what: 'loop' | 'template' }) => ({
      message: `${kind} is read before the run, and takes no ${what}`,
      hint: `write ${kind.replace('import', 'include')}`,
    }),
  }),
  E_UNKNOWN_LOOP: entry({
    summary: 'a `with_…` loop is not known',
    meaning: 'A key that begins with `with_` names a lookup that bringup cannot loop over.',
    fix: 'Correct the name, or write `loop:`.',
    example: { name: 'with_itmes', known: ['with_items', 'with_dict'] },
    tell: ({ name, known }: Named) => ({ message: `unknown loop '${name}'`, ...didYouMean(name, known) }),
  }),
  E_UNKNOWN_TAG: entry({
    summary: 'no task has the given tag',
    meaning: 'The run would select no task, or skip none.',
    fix: 'Correct the tag after `--tags` or `--skip-tags`.',
    example: { name: 'ngnix', known: ['nginx', 'dns'] },
    tell: ({ name, known }: Named) => ({ message: `no task has the tag '${name}'`, ...didYouMean(name, known) }),
  }),
  E_JINJA2_HEADER: entry({
    summary: 'a `#jinja2:` line of a template has an unknown setting',
    meaning: 'The first line of a template file may change the marks of Jinja2 and how blocks are trimmed.',
    fix: 'Use one of the settings that `expected:` shows.',
    example: { pair: 'trim_block: True' },
    tell: ({ pair }: { pair: string }) => ({
      message: `#jinja2: '${pair}' is not supported`,
      expected: "lstrip_blocks: True, trim_blocks: False or variable_start_string: '[['",
    }),
  }),
  E_INCLUDE_DEPTH: entry({
    summary: 'includes are nested too deeply',
    meaning: 'A file probably includes itself without a condition that ends the recursion.',
    fix: 'Add a `when` that becomes false, or remove the include.',
    example: { limit: 200 },
    tell: ({ limit }: { limit: number }) => ({
      message: `more than ${limit} nested includes: nested too deeply`,
      hint: 'check whether a file includes itself without a condition that ends it',
    }),
  }),
};
