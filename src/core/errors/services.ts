import { entry } from './entry.ts';

/** What a module finds in a service of a host, such as a database server, and cannot work with. */
export const services = {
  E_POSTGRESQL_UNREACHABLE: entry({
    summary: 'a PostgreSQL server does not accept the login',
    meaning: 'psql on the host cannot log in to the server, or the server refuses to read its catalog.',
    fix: 'Start the server in an earlier task, run the task as the user postgres, or give login_host and login_password.',
    example: { why: 'FATAL:  Peer authentication failed for user "postgres"' },
    tell: ({ why }: { why: string }) => ({
      message: `PostgreSQL does not accept the login: ${why}`,
      hint: 'start the server in an earlier task, set `become_user: postgres`, or give login_host and login_password',
    }),
  }),
  E_POSTGRESQL_REFUSED: entry({
    summary: 'a PostgreSQL server cannot do what the task asks for',
    meaning: 'The server refuses the statement, or no statement leads from the present state to the wanted one.',
    fix: 'Correct the arguments of the task, or change the object by hand.',
    example: { why: 'encoding of database app is UTF8, and it cannot be changed to LATIN1' },
    tell: ({ why }: { why: string }) => ({
      message: `PostgreSQL cannot do this: ${why}`,
      hint: 'correct the arguments of the task, or change the object by hand',
    }),
  }),
};
