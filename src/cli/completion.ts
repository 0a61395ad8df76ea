// Completion of command lines in bash, zsh and fish. The shells ask `bringup complete`, so a script never gets old.
import type { Argument, Command, Option } from 'commander';

/** What may stand at the cursor: words, or names of files, which the shell knows best. */
export type Completion = Readonly<{ files: boolean; words: readonly string[] }>;

/** What a project has. `inventories` are those that the line names. */
export type Sources = Readonly<{
  hosts: (inventories: readonly string[]) => readonly string[];
  tags: (playbook: string, inventories: readonly string[]) => readonly string[];
  modules: () => readonly string[];
  /** What `bringup doc` has a page of. */
  pages: () => readonly string[];
  codes: () => readonly string[];
}>;

type Kind = 'hosts' | 'tags' | 'modules' | 'pages' | 'codes' | 'files' | 'none' | readonly string[];

const OPTIONS: Readonly<Record<string, Kind>> = {
  '--limit': 'hosts',
  '--rebuild': 'hosts',
  '--power-cycle': 'hosts',
  '--from': 'hosts',
  '--tags': 'tags',
  '--skip-tags': 'tags',
  '--module-name': 'modules',
  '--generate': 'hosts',
};
/** By the name of an argument, or of an option's value. */
const VALUES: Readonly<Record<string, Kind>> = {
  ...{ host: 'hosts', hosts: 'hosts', pattern: 'hosts', module: 'modules', page: 'pages', code: 'codes' },
  ...{ playbook: 'files', file: 'files', files: 'files', checks: 'files', drills: 'files', source: 'files' },
  ...{ directory: 'files', 'file|disk|directory': 'files' },
};

/** @param words what follows the name of the program; the last one is being typed and may be empty */
export function complete(program: Command, words: readonly string[], sources: Sources): Completion {
  const typed = words.at(-1) ?? '';
  const line = read(program, words.slice(0, -1));
  if (line.open !== undefined) return candidates(kindOfOption(line.open), typed, line, sources);
  if (typed.startsWith('-')) {
    const flags = [...line.command.options, ...helpOf(line.command)].filter((option) => !option.hidden);
    return among(
      flags.flatMap(({ long, short }) => long ?? short ?? []),
      typed,
    );
  }
  const subcommands = line.command.commands.filter((one) => !isHidden(one)).map((one) => one.name());
  if (subcommands.length > 0) return among(subcommands, typed);
  const argument = argumentAt(line.command, line.given.length);
  const kind = argument?.argChoices ?? kindOfName(argument?.name() ?? '');
  return candidates(kind, typed, line, sources);
}

type Line = Readonly<{
  command: Command;
  /** The arguments of the command. */
  given: readonly string[];
  inventories: readonly string[];
  /** The option whose value comes next. */
  open: Option | undefined;
}>;

function read(program: Command, words: readonly string[]): Line {
  let command = program;
  let open: Option | undefined;
  const given: string[] = [];
  const inventories: string[] = [];
  for (const word of words) {
    if (open !== undefined) {
      if (open.long === '--inventory') inventories.push(word);
      open = undefined;
    } else if (word.startsWith('-')) {
      const [flag, value] = word.split('=', 2);
      const option = command.options.find((one) => one.long === flag || one.short === flag);
      if (option?.long === '--inventory' && value !== undefined) inventories.push(value);
      if (option?.required === true && value === undefined) open = option;
    } else {
      const next = command.commands.find((one) => one.name() === word);
      if (next === undefined) given.push(word);
      else command = next;
    }
  }
  return { command, given, inventories, open };
}

function candidates(kind: Kind, typed: string, { given, inventories }: Line, sources: Sources): Completion {
  if (kind === 'none') return among([], typed);
  if (kind === 'files') return { files: true, words: [] };
  if (typeof kind !== 'string') return among(kind, typed);
  if (kind === 'modules' || kind === 'pages' || kind === 'codes') return among(sources[kind](), typed);
  const all = kind === 'hosts' ? sources.hosts(inventories) : sources.tags(given[0] ?? '', inventories);
  // A list: what stands before the last comma stays.
  const before = typed.slice(0, typed.lastIndexOf(',') + 1);
  return among(
    all.map((one) => `${before}${one}`),
    typed,
  );
}

const among = (all: readonly string[], typed: string): Completion => ({
  files: false,
  words: [...new Set(all)].filter((one) => one.startsWith(typed)).sort(),
});

function kindOfOption(option: Option): Kind {
  if (option.argChoices !== undefined) return option.argChoices;
  const [, name = ''] = /<([^>]+)>/.exec(option.flags) ?? [];
  return OPTIONS[option.long ?? ''] ?? kindOfName(name.replace(/\.+$/, ''));
}

function kindOfName(name: string): Kind {
  return VALUES[name] ?? (name.includes('|') ? name.split('|') : 'none');
}

/** The last argument takes all further words if it is variadic. */
function argumentAt(command: Command, n: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[n] ?? (last?.variadic === true ? last : undefined);
}

const isHidden = (command: Command): boolean => (command as Command & { _hidden?: boolean })._hidden === true;
const helpOf = (command: Command): readonly Option[] => command.createHelp().visibleOptions(command).slice(-1);

/** The scripts to be sourced. The first line of `bringup complete` says what follows: `files` or `words`. */
export const SCRIPTS: Readonly<Record<'bash' | 'zsh' | 'fish', string>> = {
  bash: `_bringup() {
  local cur=\${COMP_WORDS[COMP_CWORD]} lines
  mapfile -t lines < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "\${lines[0]}" = files ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  else
    COMPREPLY=("\${lines[@]:1}")
  fi
}
complete -F _bringup bringup ./bringup
`,
  zsh: `#compdef bringup
_bringup() {
  local -a lines
  lines=("\${(@f)$($words[1] complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $lines[1] == files ]]; then _files; else compadd -- "\${(@)lines[2,-1]}"; fi
}
compdef _bringup bringup ./bringup
`,
  fish: `function __bringup_complete
  set -l all (commandline -opc) (commandline -ct)
  set -l lines ($all[1] complete -- $all[2..-1] 2>/dev/null)
  if test "$lines[1]" = files
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $lines[2..-1]
  end
end
complete -c bringup -f -a '(__bringup_complete)'
`,
};
