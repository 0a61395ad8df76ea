import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

type Problem = Readonly<{ problem: string; expected?: string | undefined; hint?: string | undefined }>;

export const args = {
  E_UNKNOWN_ARGUMENT: entry({
    summary: 'an argument is not known',
    meaning: 'Each module, check and step takes a fixed set of arguments. bringup refuses any other before the run.',
    fix: "Correct the spelling. 'bringup doc MODULE' lists the arguments of a module.",
    example: { name: 'stat', known: ['state', 'name'] },
    tell: ({ name, known }: { name: string; known: Iterable<string> }) => ({
      message: `unknown argument '${name}'`,
      ...didYouMean(name, known),
    }),
  }),
  E_MISSING_ARGUMENT: entry({
    summary: 'a required argument is missing',
    meaning: 'The module, check or step cannot work without the argument.',
    fix: "Add the argument. 'bringup doc MODULE' lists the arguments of a module.",
    example: { name: "'dest'" },
    tell: ({ name, hint }: { name: string; hint?: string }) => ({ message: `argument ${name} is missing`, hint }),
  }),
  E_ARGUMENT_VALUE: entry({
    summary: 'an argument has a value that is not allowed',
    meaning: 'The argument is known, and its value has the wrong type or is outside of what is allowed.',
    fix: 'Write a value such as the one that `expected:` shows.',
    example: { problem: "'state' is not valid", expected: 'one of present, absent' },
    tell: ({ problem, expected, hint }: Problem) => ({ message: problem, expected, hint }),
  }),
  E_RELATIVE_PATH: entry({
    summary: 'a path on a host is relative',
    meaning:
      'Nobody can tell which file a relative path names, because it depends on the user and the way of the login. ' +
      "On this machine (`connection: local`, `delegate_to: localhost`), it begins at the playbook's directory.",
    fix: 'Write the whole path.',
    example: { of: 'copy', name: 'dest', path: 'etc/motd' },
    tell: ({ of, name, path }: { of: string; name: string; path: string }) => ({
      message: `${of}: '${name}' is the relative path '${path}'`,
      expected: 'a path on the host that begins with /, or with ~ if the home of the user is known from facts',
    }),
  }),
  E_ARGUMENT_CONFLICT: entry({
    summary: 'two arguments do not go together',
    meaning: 'The arguments exclude each other, or one of them needs another.',
    fix: 'Remove one of them, or add the missing one.',
    example: { problem: "'content' and 'src' exclude each other", hint: 'keep one of the two' },
    tell: ({ problem, expected, hint }: Problem) => ({ message: problem, expected, hint }),
  }),
  E_ARGUMENT_FORM: entry({
    summary: "a module's arguments are neither a map nor key=value",
    meaning: 'The module takes named arguments.',
    fix: 'Write the arguments as a map.',
    example: { module: 'apt', found: 'a list' },
    tell: ({ module, found }: { module: string; found: string }) => ({
      message: `the arguments of '${module}' are ${found}`,
      expected: 'a map: name: value',
    }),
  }),
  E_MODE_NOT_OCTAL: entry({
    summary: 'a file mode is not written in octal',
    meaning: 'YAML reads a number without a leading zero as decimal, and the mode would be another one than it looks.',
    fix: 'Quote the mode, with a leading zero.',
    example: { name: 'mode', value: '644', digits: '0644' },
    tell: ({ name, value, digits }: { name: string; value: string; digits: string }) => ({
      message: `${name}: ${value} is a decimal number, not an octal mode`,
      hint: `write ${name}: '${digits}', with the quotes`,
    }),
  }),
  E_NUL_BYTE: entry({
    summary: 'a command contains a NUL byte',
    meaning: 'The shell cannot pass a NUL byte in a command or in an argument of one.',
    fix: 'Write binary data with `copy`, from a file.',
    example: {},
    tell: () => ({
      message: 'a command or one of its arguments contains a NUL byte',
      hint: 'write binary data with copy, from a file',
    }),
  }),
  E_SLOW_PATTERN: entry({
    summary: 'a regular expression takes too long',
    meaning: 'A pattern such as `(a+)+` can match one text in very many ways. bringup stops it instead of hanging.',
    fix: 'Write the pattern so that no part of a text can match in many ways.',
    example: { what: "the pattern '(a+)+$'", limit: '1.0 s' },
    tell: ({ what, limit }: { what: string; limit: string }) => ({
      message: `${what} did not finish within ${limit}`,
      hint: 'write the pattern so that no part of a text can match in many ways',
    }),
  }),
  E_EXTRA_VARS: entry({
    summary: 'the value of `-e` cannot be read',
    meaning: '`-e` takes variables, a JSON object or a file of variables.',
    fix: 'Write `-e "NAME=VALUE NAME=VALUE"`, `-e \'{"name": "value"}\'` or `-e @FILE`.',
    example: { text: 'version' },
    tell: ({ text }: { text: string }) => ({
      message: `-e '${text}' is not NAME=VALUE`,
      expected: 'NAME=VALUE, a JSON object or @FILE',
      hint: 'put a value with blanks in quotes of its own: NAME="two words"',
    }),
  }),
  E_NO_SUCH_TASK: entry({
    summary: 'no task has the name of `--start-at-task`',
    meaning: 'The run would begin at a task that the playbook does not have. Included files are not searched.',
    fix: "Correct the name. 'bringup apply PLAYBOOK --list-tasks' lists all names.",
    example: { name: 'Instal nginx', known: ['Install nginx'] },
    tell: ({ name, known }: { name: string; known: Iterable<string> }) => ({
      message: `no task is named '${name}'`,
      ...didYouMean(name, known),
      hint: '--list-tasks lists the names; tasks of included files cannot be the first',
    }),
  }),
  E_RUN_TWICE: entry({
    summary: '`bringup run` has a module and a command',
    meaning: 'A command after `--` is the task. -m and -a are another one.',
    fix: 'Leave one of them out.',
    example: {},
    tell: () => ({
      message: "a command after '--' and -m or -a exclude each other",
      expected: 'bringup run PATTERN -- COMMAND, or bringup run PATTERN -m MODULE -a ARGS',
    }),
  }),
  E_RUN_NOTHING: entry({
    summary: '`bringup run` has nothing to run',
    meaning: 'The command line names hosts, and no task for them.',
    fix: 'Write a command after `--`, or a module with -m.',
    example: {},
    tell: () => ({
      message: 'there is nothing to run',
      expected: 'bringup run PATTERN -- COMMAND, or bringup run PATTERN -m MODULE -a ARGS',
    }),
  }),
  E_RUN_DASHES: entry({
    summary: '`bringup run` has a command without `--` before it',
    meaning: "Options of the command could be taken for bringup's own.",
    fix: 'Write `--` before the command.',
    example: { pattern: 'web', command: 'uptime' },
    tell: ({ pattern, command }: { pattern: string; command: string }) => ({
      message: `'${command}' stands where no argument is expected`,
      hint: `for a command, write: bringup run ${pattern} -- ${command} …`,
    }),
  }),
  E_RUN_ARGS: entry({
    summary: 'the arguments of `-a` cannot be read',
    meaning: 'Modules other than command and shell take named arguments.',
    fix: 'Write `-a "name=nginx state=present"` or `-a \'{"name": "nginx"}\'`.',
    example: { module: 'apt', text: 'nginx' },
    tell: ({ module, text }: { module: string; text: string }) => ({
      message: `'${text}' are no arguments of '${module}'`,
      expected: 'NAME=VALUE …, or a JSON object',
    }),
  }),
  E_BECOME_USER: entry({
    summary: '`become_user` is not a valid user name',
    meaning: 'The name would be read as an option or a path by sudo.',
    fix: 'Write the name of a user of the host.',
    example: { name: '-u root' },
    tell: ({ name }: { name: string }) => ({
      message: `become_user: '${name}' is not a user name`,
      expected: 'a name such as www-data',
    }),
  }),
  E_ENVIRONMENT_NAME: entry({
    summary: 'an environment variable has an invalid name',
    meaning: 'A name of the `environment` keyword has characters that the shell does not allow.',
    fix: 'Use letters, digits and underscores, without a leading digit.',
    example: { name: 'http-proxy' },
    tell: ({ name }: { name: string }) => ({
      message: `'${name}' is not a valid name of an environment variable`,
      expected: 'letters, digits and _; no digit first',
    }),
  }),
  E_UNKNOWN_CODE: entry({
    summary: 'an error code is not known',
    meaning: '`bringup explain` knows the codes that bringup prints.',
    fix: "Run 'bringup explain' without a code to list all codes.",
    example: { name: 'E_DUPLICATE', known: ['E_DUPLICATE_KEY'] },
    tell: ({ name, known }: { name: string; known: Iterable<string> }) => ({
      message: `there is no error code '${name}'`,
      hint: didYouMean(name, known).hint ?? "run 'bringup explain' to list all codes",
    }),
  }),
};
