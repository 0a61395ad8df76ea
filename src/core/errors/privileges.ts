import { entry } from './entry.ts';

export const privileges = {
  E_SUDO_PASSWORD: entry({
    summary: 'sudo asks for a password, and none is given',
    meaning: 'The login user may become root only with a password.',
    fix: 'Give the password with --ask-become-pass or ansible_become_password, or allow NOPASSWD in sudoers.',
    example: { host: 'web1', method: 'sudo' },
    tell: ({ host, method, detail }: { host: string; method: string; detail?: string }) => ({
      message: `${host}: ${method} asks for a password`,
      detail,
      hint: 'give it with --ask-become-pass or ansible_become_password, or allow NOPASSWD in sudoers',
    }),
  }),
  E_SUDO_PASSWORD_WRONG: entry({
    summary: 'the sudo password is wrong',
    meaning: 'sudo on the host refuses the given password.',
    fix: 'Give the right password with --ask-become-pass or ansible_become_password.',
    example: { host: 'web1' },
    tell: ({ host }: { host: string }) => ({
      message: `${host}: the sudo password is wrong`,
      hint: 'give the right one with --ask-become-pass or ansible_become_password',
    }),
  }),
  E_SUDO_REFUSED: entry({
    summary: 'the login user may not become root',
    meaning: 'sudo, doas or su on the host refuses to run commands as another user.',
    fix: 'Allow the login user to become root in sudoers.',
    example: { host: 'web1', method: 'sudo', detail: 'deploy is not in the sudoers file.' },
    tell: ({ host, method, detail }: { host: string; method: string; detail: string }) => ({
      message: `${host}: ${method} refused`,
      detail,
      hint: "allow the login user to become root: visudo, then 'USER ALL=(ALL) NOPASSWD: ALL'",
    }),
  }),
  E_BECOME_METHOD: entry({
    summary: 'a become method needs a terminal for its password',
    meaning: 'bringup can give a password to sudo only. su and doas ask for it on a terminal.',
    fix: 'Use sudo, or doas with `permit nopass`.',
    example: { host: 'web1', method: 'su' },
    tell: ({ host, method }: { host: string; method: string }) => ({
      message: `${host}: become_method ${method} takes a password only on a terminal`,
      hint: "use become_method: sudo, or doas with 'permit nopass'",
    }),
  }),
  E_NO_TERMINAL: entry({
    summary: 'there is no terminal to ask on',
    meaning: 'An option such as --ask-become-pass or --step asks on the terminal, and bringup runs without one.',
    fix: 'Run bringup in a terminal, or put passwords into a vault file or a password file.',
    example: { question: 'become password', hint: 'set ansible_become_password in a vault file' },
    tell: ({ question, hint }: { question: string; hint: string }) => ({
      message: `there is no terminal to ask for: ${question}`,
      hint,
    }),
  }),
};
