import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, exclude, text } from './shared/args.ts';
import { fields } from './shared/fields.ts';
import { fileData, type Stat, statOf } from './shared/path-state.ts';
import { STAT_FORMAT } from './shared/questions.ts';

/** States of a TCP connection that is not over, as /proc/net/tcp writes them. */
const STATES = {
  ESTABLISHED: '01',
  FIN_WAIT1: '04',
  FIN_WAIT2: '05',
  SYN_RECV: '03',
  SYN_SENT: '02',
  TIME_WAIT: '06',
} as const;

const Args = args({
  host: Type.String({
    default: '127.0.0.1',
    pattern: '^[\\w.:%-]+$',
    expected: 'a host name or an address',
    description: 'The host of the port.',
  }),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'The TCP port.' })),
  path: Type.Optional(absolutePath('A file to wait for, instead of a port.')),
  state: Type.Enum(['started', 'present', 'stopped', 'absent', 'drained'], {
    default: 'started',
    description:
      'started, present: the port accepts connections or the file exists. stopped, absent: it does not. drained: no connection is open.',
  }),
  search_regex: text("A POSIX extended regular expression that the file or the port's output must match."),
  timeout: Type.Integer({ default: 300, minimum: 0, description: 'Seconds after which to give up.' }),
  connect_timeout: Type.Integer({ default: 5, minimum: 1, description: 'The time limit of one attempt in seconds.' }),
  delay: Type.Integer({ default: 0, minimum: 0, description: 'Seconds to wait before the first attempt.' }),
  sleep: Type.Integer({ default: 1, minimum: 1, description: 'Seconds between attempts.' }),
  msg: text('The error message on timeout.'),
  exclude_hosts: Type.Optional(
    Type.Array(Type.String(), { description: 'With drained: hosts whose connections do not count.' }),
  ),
  active_connection_states: Type.Array(Type.Enum(Object.keys(STATES) as (keyof typeof STATES)[]), {
    default: Object.keys(STATES),
    description: 'With drained: the states of TCP connections that count.',
  }),
});
type Args = Static<typeof Args>;

/** `stat`: of the path, if something is there. */
type Current = Readonly<{ holds: boolean; stat: Stat | undefined }>;

export const wait_for = defineModule<typeof Args, Current>({
  name: 'wait_for',
  waits: true,
  summary: 'Waits for a port, a file or a time.',
  args: Args,
  examples: [
    { title: 'Wait for a port', args: { port: 3306, timeout: 60 } },
    { title: 'Wait for a line in a file', args: { path: '/var/log/app.log', search_regex: 'ready' } },
    { title: 'Wait until no connection is open', args: { port: 80, state: 'drained' } },
    { title: 'Wait for some time', args: { timeout: 3 } },
  ],
  verify: (given) => [
    ...exclude(given, 'port', 'path'),
    ...(given.state === 'drained' && given.port === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'port'" })]
      : []),
  ],
  needs: ({ path }) => ['live:*', ...(path === undefined ? [] : [`path:${path}`])],
  probe: (given) =>
    given.port === undefined && given.path === undefined
      ? sh`:`
      : sh`${test(given)}
if holds; then echo 'holds yes'; fi
${seenPath(given)}`,
  parse(stdout) {
    const f = fields(stdout);
    return { holds: f.get('holds') === 'yes', stat: statOf(f.get('stat')) };
  },
  plan({ holds }, given) {
    const { port, path, delay, timeout, sleep } = given;
    if (holds && delay === 0) return [];
    if (port === undefined && path === undefined)
      return [
        {
          what: `wait ${timeout} s`,
          run: sh`sleep ${timeout}; echo elapsed ${timeout}`,
          action: true,
          harmless: true,
          waits: true,
        },
      ];
    return [
      {
        what: `wait until ${described(given)}`,
        run: sh`${test(given)}
t=$(date +%s); until=$((t + ${timeout}))
sleep ${delay}
until holds; do
  if [ "$(date +%s)" -ge "$until" ]; then printf '%s\n' ${given.msg ?? `after ${timeout} s still not: ${described(given)}`} >&2; exit 1; fi
  sleep ${sleep}
done
printf 'elapsed %s\n' "$(($(date +%s) - t))"
${seenPath(given)}`,
        action: true,
        harmless: true,
        waits: true,
      },
    ];
  },
  data({ stat }, { port, path, state, search_regex }, _ctx, ran) {
    const now = ran === undefined ? stat : statOf(/^stat (.*)$/m.exec(ran.stdout)?.[1]);
    return {
      state,
      port: port ?? null,
      // As in Ansible, the state of what is at the path takes the place of the state that was waited for.
      ...(path === undefined ? { path: null } : now === undefined ? { path } : fileData(path, { stat: now })),
      search_regex: search_regex ?? null,
      elapsed: Number(/^elapsed (\d+)$/m.exec(ran?.stdout ?? '')?.[1] ?? 0),
    };
  },
});

/** Prints the stat of the path, for the result. */
function seenPath({ path }: Args): Script {
  if (path === undefined) return sh`:`;
  return sh`st=$(stat -c ${STAT_FORMAT} -- ${path} 2>/dev/null) && printf 'stat %s\n' "$st" || :`;
}

function described({ host, port, path, state, search_regex }: Args): string {
  const said = search_regex === undefined ? '' : ` and says ${search_regex}`;
  if (path !== undefined)
    return state === 'stopped' || state === 'absent' ? `${path} is gone` : `${path} is there${said}`;
  if (state === 'drained') return `no connection to port ${port ?? 0} is open`;
  return state === 'stopped' || state === 'absent'
    ? `${host}:${port ?? 0} does not answer`
    : `${host}:${port ?? 0} answers${said}`;
}

function test({
  host,
  port,
  path,
  state,
  search_regex,
  connect_timeout,
  exclude_hosts,
  active_connection_states,
}: Args): Script {
  const wantsAbsence = state === 'stopped' || state === 'absent';
  const not = wantsAbsence ? sh`! ` : sh``;
  if (path !== undefined) {
    const condition = search_regex === undefined ? sh`[ -e ${path} ]` : sh`grep -Eqs -- ${search_regex} ${path}`;
    return sh`holds() { ${not}${condition}; }`;
  }
  if (state === 'drained') {
    const hex = (port ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const left = (exclude_hosts ?? []).map(littleEndian).join('|');
    const states = active_connection_states.map((one) => STATES[one]).join('|');
    return sh`holds() { ! awk -v p=${`:${hex}`} -v s=${`^(${states})$`} -v x=${left === '' ? '^none$' : `^(${left}):`} '$2 ~ p "$" && $4 ~ s && $3 !~ x { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }`;
  }
  const read = search_regex === undefined ? sh`` : sh` | grep -Eq -m 1 -- ${search_regex}`;
  const inBash = search_regex === undefined ? 'exec 9<>"/dev/tcp/$0/$1"' : 'exec 9<>"/dev/tcp/$0/$1" && cat <&9';
  return sh`holds() {
  if command -v bash >/dev/null; then ${not}timeout ${connect_timeout} bash -c ${inBash} ${host} ${port ?? 0} 2>/dev/null${read}
  else ${not}nc -z -w ${connect_timeout} ${host} ${port ?? 0} 2>/dev/null; fi
}`;
}

/** An IPv4 address as /proc/net/tcp writes it. */
function littleEndian(address: string): string {
  return address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}
