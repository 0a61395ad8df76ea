import { entry } from './entry.ts';

export const files = {
  E_FILE_UNWRITABLE: entry({
    summary: 'a file of this machine cannot be written',
    meaning: 'fetch writes files below a directory of this machine, and could not.',
    fix: 'Give yourself the permission, free some space, or choose another `dest`.',
    example: { path: 'backup/web1/etc/hosts', why: 'EACCES: permission denied' },
    tell: ({ path, why }: { path: string; why: string }) => ({ message: `cannot write '${path}': ${why}` }),
  }),
  E_VARS_EXTENSION: entry({
    summary: 'a directory of variables holds another kind of file',
    meaning: 'include_vars with `dir` found a file whose extension is not one of `extensions`.',
    fix: 'Set `ignore_unknown_extensions: true`, or move the file.',
    example: { path: 'vars/README', known: ['yml'] },
    tell: ({ path, known }: { path: string; known: readonly string[] }) => ({
      message: `'${path}' is no file of variables`,
      expected: `the extension ${known.join(', ')}`,
      hint: 'set `ignore_unknown_extensions: true`, or move the file',
    }),
  }),
  E_FILE_MISSING: entry({
    summary: 'a file on this machine does not exist',
    meaning: 'A playbook, a role or the command line names a file that bringup cannot find on the controller.',
    fix: 'Correct the name, or create the file. The message lists every place that bringup searched.',
    example: { path: 'motd.j2', tried: ['roles/base/templates/motd.j2', 'playbooks/motd.j2'] },
    tell: ({ path, tried = [] }: { path: string; tried?: readonly string[] }) => ({
      message: `the file '${path}' does not exist`,
      hint: 'correct the name, or create the file',
      detail: tried.length > 0 ? `searched:\n${tried.join('\n')}` : undefined,
    }),
  }),
  E_NOT_A_FILE: entry({
    summary: 'a path on this machine is not a regular file',
    meaning: 'A file is needed, and the path leads to a directory, a pipe, a socket or a device.',
    fix: 'Name a file.',
    example: { path: 'files/app', is: 'a directory' },
    tell: ({ path, is }: { path: string; is: string }) => ({
      message: `'${path}' is ${is}`,
      expected: 'a regular file',
    }),
  }),
  E_FILE_UNREADABLE: entry({
    summary: 'a file on this machine cannot be read',
    meaning: 'The file exists, and the operating system refuses to open it or to read it.',
    fix: 'Correct the permissions of the file, or run bringup as a user who may read it.',
    example: { path: 'secrets.yml', why: 'permission denied', hint: 'chmod u+r secrets.yml' },
    tell: ({ path, why, hint }: { path: string; why: string; hint?: string }) => ({
      message: `the file '${path}' cannot be read: ${why}`,
      hint,
    }),
  }),
  E_NOT_UTF8: entry({
    summary: 'a file on this machine is not UTF-8 text',
    meaning: 'Playbooks, inventories and files of variables are UTF-8 text.',
    fix: 'Convert the file: iconv -f latin1 -t utf-8.',
    example: { path: 'group_vars/all.yml' },
    tell: ({ path }: { path: string }) => ({
      message: `the file '${path}' is not UTF-8 text`,
      hint: `convert it: iconv -f latin1 -t utf-8 ${path}`,
    }),
  }),
  E_BAD_LINK: entry({
    summary: 'a symbolic link in a copied folder leads nowhere or into itself',
    meaning: '`copy` follows the links of a folder, and this one cannot be followed.',
    fix: 'Remove the link, or set `local_follow: false` to copy links as they are.',
    example: { problem: "the link 'files/app/current' leads to nothing: releases/3" },
    tell: ({ problem }: { problem: string }) => ({
      message: problem,
      hint: 'remove the link, or set `local_follow: false` to copy links as they are',
    }),
  }),
  E_NO_FILE_NAMED: entry({
    summary: 'a template includes or imports an empty name',
    meaning: 'The list of files to include is empty.',
    fix: 'Name a file, or add `ignore missing`.',
    example: {},
    tell: () => ({ message: 'the include names no file', expected: 'the name of a template file' }),
  }),
  E_NO_PROOF: entry({
    summary: '`bringup prove --resume` finds no record to continue',
    meaning: 'A proof records its steps in a file, and the file does not exist.',
    fix: 'Begin a proof without --resume, or name the record with --file.',
    example: { file: '.bringup/prove.jsonl' },
    tell: ({ file }: { file: string }) => ({
      message: `there is no record of a proof: ${file}`,
      hint: 'begin a proof without --resume, or name the record with --file',
    }),
  }),
  E_PROOF_ENDED: entry({
    summary: '`bringup prove --resume` finds a proof that has ended',
    meaning: 'The proof reached its end, or a promise was broken. Nothing is left to continue.',
    fix: 'Begin a new proof without --resume.',
    example: { file: '.bringup/prove.jsonl' },
    tell: ({ file }: { file: string }) => ({
      message: `the proof in ${file} has ended`,
      hint: 'begin a new one without --resume',
    }),
  }),
  E_PROOF_FILE: entry({
    summary: 'the record of a proof cannot be read',
    meaning: 'The file is not a record that `bringup prove` of this version wrote.',
    fix: 'Begin a proof without --resume; it replaces the file.',
    example: { file: '.bringup/prove.jsonl' },
    tell: ({ file }: { file: string }) => ({
      message: `${file} is not a record of a proof`,
      hint: 'begin a proof without --resume; it replaces the file',
    }),
  }),
  E_REPORT_FORMAT: entry({
    summary: 'a file is not the JSON output of a run',
    meaning: '`bringup report merge` reads the outputs of `apply -o json` or `plan -o json`, all of the same command.',
    fix: 'Name the files to which the runs wrote their output.',
    example: { problem: 'this line is not an event' },
    tell: ({ problem }: { problem: string }) => ({
      message: problem,
      expected: "the output of 'bringup apply -o json' or 'bringup plan -o json'",
    }),
  }),
};
