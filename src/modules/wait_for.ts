import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, exclude, text } from './shared/args.ts';

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
  active_connection_states: Type.Optional(
    Type.Array(Type.String(), { description: 'Ignored: all states but LISTEN, TIME_WAIT and CLOSE count.' }),
  ),
});
type Args = Static<typeof Args>;

export const wait_for = defineModule<typeof Args, boolean>({
  name: 'wait_for',
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
if holds; then echo holds; fi`,
  parse: (stdout) => stdout.split('\n').includes('holds'),
  plan(holds, given) {
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
printf 'elapsed %s\n' "$(($(date +%s) - t))"`,
        action: true,
        harmless: true,
        waits: true,
      },
    ];
  },
  data: (_, { port, path, state, search_regex }, _ctx, ran) => ({
    state,
    ...(port !== undefined && { port }),
    ...(path !== undefined && { path }),
    ...(search_regex !== undefined && { search_regex }),
    elapsed: Number(/^elapsed (\d+)$/m.exec(ran?.stdout ?? '')?.[1] ?? 0),
  }),
});

function described({ host, port, path, state, search_regex }: Args): string {
  const said = search_regex === undefined ? '' : ` and says ${search_regex}`;
  if (path !== undefined)
    return state === 'stopped' || state === 'absent' ? `${path} is gone` : `${path} is there${said}`;
  if (state === 'drained') return `no connection to port ${port ?? 0} is open`;
  return state === 'stopped' || state === 'absent'
    ? `${host}:${port ?? 0} does not answer`
    : `${host}:${port ?? 0} answers${said}`;
}

function test({ host, port, path, state, search_regex, connect_timeout, exclude_hosts }: Args): Script {
  const wantsAbsence = state === 'stopped' || state === 'absent';
  const not = wantsAbsence ? sh`! ` : sh``;
  if (path !== undefined) {
    const condition = search_regex === undefined ? sh`[ -e ${path} ]` : sh`grep -Eqs -- ${search_regex} ${path}`;
    return sh`holds() { ${not}${condition}; }`;
  }
  if (state === 'drained') {
    const hex = (port ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const left = (exclude_hosts ?? []).map(littleEndian).join('|');
    // 0A, 06 and 07 are LISTEN, TIME_WAIT and CLOSE
    return sh`holds() { ! awk -v p=${`:${hex}`} -v x=${left === '' ? '^none$' : `^(${left}):`} '$2 ~ p "$" && $4 !~ /^(0A|06|07)$/ && $3 !~ x { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }`;
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
