import { entry } from './entry.ts';

/** Mistakes in ansible.cfg and in Ansible's environment variables. */
export const settings = {
  E_SETTING: entry({
    summary: 'a setting has a value that is not allowed',
    meaning: 'ansible.cfg or an environment variable of Ansible sets a value that bringup cannot use.',
    fix: 'Write a value such as the one that `expected:` shows, or remove the setting.',
    example: { name: 'defaults.forks', value: 'many', expected: 'a whole number from 1' },
    tell: ({ name, value, expected }: { name: string; value: string; expected: string }) => ({
      message: `the setting '${name}' has the value '${value}'`,
      expected,
    }),
  }),
  E_SETTING_LINE: entry({
    summary: 'a line of ansible.cfg cannot be read',
    meaning: 'ansible.cfg has sections in brackets, and lines such as `key = value` below them.',
    fix: 'Correct the line, or begin it with # to make it a comment.',
    example: { line: 'forks 20' },
    tell: ({ line }: { line: string }) => ({
      message: `'${line}' is neither a section nor a setting`,
      expected: '[section], or key = value below one',
    }),
  }),
  E_SETTING_NO_EFFECT: entry({
    summary: 'a setting of ansible.cfg has no effect',
    meaning: 'bringup reads the settings of ansible.cfg that it has something to do with. This is not one of them.',
    fix: 'Remove the setting if you do not need it for Ansible. docs/settings.md lists the settings with an effect.',
    example: { name: 'defaults.error_on_undefined_vars' },
    tell: ({ name }: { name: string }) => ({
      message: `the setting '${name}' has no effect in bringup`,
      hint: 'docs/settings.md lists the settings that have one',
    }),
  }),
  E_SETTING_HOST_KEYS: entry({
    summary: 'ansible.cfg switches the check of host keys off',
    meaning: 'bringup always checks host keys: a connection to an unknown or changed key is refused.',
    fix: 'Accept the keys of new hosts once, as the refused connection tells, and remove the setting.',
    example: {},
    tell: () => ({
      message: "the setting 'defaults.host_key_checking' has no effect: bringup always checks host keys",
      hint: 'remove the setting; a host whose key is unknown is refused, with the command that accepts it',
    }),
  }),
  E_SETTING_WORLD_WRITABLE: entry({
    summary: 'ansible.cfg lies in a directory that everybody can write',
    meaning: 'Anybody could put settings of their own there, so the file is not read.',
    fix: 'Take the permission away, or name the file in ANSIBLE_CONFIG.',
    example: { path: '/tmp/project/ansible.cfg' },
    tell: ({ path }: { path: string }) => ({
      message: `'${path}' is not read: everybody can write its directory`,
      hint: 'run: chmod o-w .',
    }),
  }),
  E_SETTING_MERGE: entry({
    summary: 'ansible.cfg merges maps of the same name',
    meaning: 'With `hash_behaviour = merge`, variables have other values than bringup gives them.',
    fix: 'Set `hash_behaviour = replace`, and merge maps where they are used: {{ a | combine(b) }}.',
    example: {},
    tell: () => ({
      message: "bringup does not merge maps: the setting 'defaults.hash_behaviour' would change values of variables",
      expected: 'hash_behaviour = replace',
      hint: 'merge maps where they are used: {{ a | combine(b) }}',
    }),
  }),
};
