import { entry } from './entry.ts';

/** Mistakes in requirements.yml. */
export const requirements = {
  E_REQUIREMENT_SOURCE: entry({
    summary: 'a requirement has a source that bringup cannot install from',
    meaning: 'A role or collection comes from a git repository, from an archive (tar) or from a folder.',
    fix: 'Write the address of one of these, or its path on this machine.',
    example: { kind: 'role', src: 'hg' },
    tell: ({ kind, src }: { kind: string; src: string }) => ({
      message: `bringup cannot install a ${kind} from ${src === 'nothing' ? src : `'${src}'`}`,
      expected: 'https://HOST/REPOSITORY.git, https://HOST/FILE.tar.gz, ./FILE.tar.gz or ./FOLDER',
    }),
  }),
  E_REQUIREMENT_GALAXY: entry({
    summary: 'a requirement is named as on Ansible Galaxy',
    meaning: 'bringup does not ask Ansible Galaxy where a role or collection is. It installs from addresses.',
    fix: 'Write the address of its git repository. Its page on Galaxy links to it.',
    example: { kind: 'role', name: 'geerlingguy.nginx' },
    tell: ({ kind, name }: { kind: string; name: string }) => ({
      message: `bringup does not look up the ${kind} '${name}' on Ansible Galaxy`,
      expected:
        kind === 'role'
          ? `- name: ${name}, src: https://…/REPOSITORY.git, version: …`
          : `- name: ${name}, source: https://…/REPOSITORY.git, type: git, version: …`,
      hint: `write the address of its repository; its page on Galaxy links to it`,
    }),
  }),
  E_REQUIREMENT_NAME: entry({
    summary: 'a requirement has a name that no folder can have',
    meaning: 'A role is installed in a folder of its name, a collection in NAMESPACE/NAME.',
    fix: 'Use letters, digits, dots, dashes and underscores for a role, and NAMESPACE.NAME for a collection.',
    example: { kind: 'role', name: '../nginx' },
    tell: ({ kind, name }: { kind: string; name: string }) => ({
      message: `a ${kind} cannot have the name '${name}'`,
      expected: kind === 'role' ? 'letters, digits, dots, dashes and underscores' : 'NAMESPACE.NAME',
    }),
  }),
  E_REQUIREMENT_TWICE: entry({
    summary: 'two requirements have the same name',
    meaning: 'Both would be installed in the same folder.',
    fix: 'Remove one of them, or give it another name.',
    example: { what: 'role nginx', file: 'requirements.yml', line: 2 },
    tell: ({ what, file, line }: { what: string; file: string; line: number }) => ({
      message: `the ${what} is required in ${file}:${line} too`,
      hint: 'remove one of them, or give it another name',
    }),
  }),
  E_REQUIREMENT_PASSWORD: entry({
    summary: 'the address of a requirement contains a password',
    meaning: 'The address would be an argument of git, which every user of this machine can read.',
    fix: 'Let git know the password: use an SSH key, or a credential helper of git.',
    example: { src: 'https://git.example.com/nginx.git', file: 'requirements.yml', line: 2 },
    tell: ({ src, file, line }: { src: string; file: string; line: number }) => ({
      message: `${file}:${line}: the address of ${src} contains a password`,
      hint: 'remove it, and use an SSH key or a credential helper of git',
    }),
  }),
  E_REQUIREMENTS_LOCK: entry({
    summary: 'the lock file of the requirements cannot be read',
    meaning: 'bringup writes the lock file, and reads from it what each requirement is.',
    fix: 'Restore the file from git, or remove it: `bringup install` writes it anew.',
    example: { path: 'requirements.lock.json' },
    tell: ({ path }: { path: string }) => ({
      message: `'${path}' is not a lock file that bringup wrote`,
      hint: 'restore it from git, or remove it',
    }),
  }),
};

/** What goes wrong while roles and collections are fetched and put into place. */
export const installRuns = {
  E_INSTALL_FETCH: entry({
    summary: 'a role or collection cannot be fetched',
    meaning: 'git or the web server refuses, or cannot be reached. Nothing was installed.',
    fix: 'Check the address, the network and the credentials.',
    example: { url: 'https://git.example.com/nginx.git', detail: 'fatal: repository not found' },
    tell: ({ url, detail }: { url: string; detail: string }) => ({
      message: `${url} cannot be fetched`,
      detail,
      hint: 'check the address, the network and the credentials',
    }),
  }),
  E_INSTALL_VERSION: entry({
    summary: 'a repository does not have the version that is required',
    meaning: 'A version is a tag, a branch or a commit of the repository. Nothing was installed.',
    fix: 'Write a version that the repository has.',
    example: { url: 'https://git.example.com/nginx.git', version: '3.2', known: ['3.0', '3.1'] },
    tell: ({ url, version, known }: { url: string; version: string; known: readonly string[] }) => ({
      message: `${url} has no version '${version}'`,
      ...(known.length > 0 && { expected: `a tag, branch or commit, such as ${known.join(', ')}` }),
    }),
  }),
  E_INSTALL_CHECKSUM: entry({
    summary: 'an archive is not the one that the lock file names',
    meaning: 'The file at this address has changed since the lock file was written. Nothing was installed.',
    fix: 'If the new content is right, run `bringup install --update`.',
    example: { url: 'https://example.com/nginx.tar.gz', expected: 'ab12…', found: 'cd34…' },
    tell: ({ url, expected, found }: { url: string; expected: string; found: string }) => ({
      message: `${url} has changed: its SHA-256 is ${found}`,
      expected,
      hint: 'if the new content is right, run: bringup install --update',
    }),
  }),
  E_INSTALL_CONTENT: entry({
    summary: 'a source contains no role or collection',
    meaning:
      'A role has one of the folders tasks, handlers, defaults, vars, files, templates or meta. A collection has MANIFEST.json or galaxy.yml.',
    fix: 'Check the address and the version.',
    example: { url: 'https://git.example.com/nginx.git', kind: 'role' },
    tell: ({ url, kind }: { url: string; kind: string }) => ({
      message: `${url} contains no ${kind}`,
      expected:
        kind === 'role'
          ? 'a folder tasks, handlers, defaults, vars, files, templates or meta'
          : 'MANIFEST.json or galaxy.yml with namespace and name',
    }),
  }),
  E_INSTALL_DEPENDENCY: entry({
    summary: 'an installed role depends on one that is not required',
    meaning: 'The role names another role, and neither requirements.yml nor a folder of the project has it.',
    fix: 'Add the other role to requirements.yml, with its address.',
    example: { role: 'gitlab', name: 'geerlingguy.docker' },
    tell: ({ role, name }: { role: string; name: string }) => ({
      message: `the role ${role} depends on '${name}', which is not installed`,
      hint: `add it to the requirements: - name: ${name}, src: https://…`,
    }),
  }),
  E_INSTALL_OCCUPIED: entry({
    summary: 'the folder of a requirement has other content',
    meaning: 'bringup replaces only folders that it has installed itself and that nobody has changed since.',
    fix: 'Move the folder away, or run `bringup install --force` to replace it.',
    example: { path: 'roles/nginx', why: 'its files were changed since they were installed' },
    tell: ({ path, why }: { path: string; why: string }) => ({
      message: `${path} is not replaced: ${why}`,
      hint: 'move it away, or replace it with: bringup install --force',
    }),
  }),
};
