import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { globMatches } from '../core/glob.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { lines, type Script, sh } from '../core/sh.ts';
import type { Value, Vars } from '../core/value.ts';
import { args, names, optionalFlag } from './shared/args.ts';
import { decodeText } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';

const DYNAMIC = ['/etc/mtab', '/proc/mounts', '/etc/mnttab'];
const STATIC = ['/etc/fstab', '/etc/vfstab', '/etc/filesystems'];

const Args = args({
  devices: Type.Optional(names('Only mounts of these devices: patterns with * and ?.')),
  fstypes: Type.Optional(names('Only file systems of these types: patterns with * and ?.')),
  sources: Type.Optional(
    names('What is read: dynamic (what is mounted), static (fstab), all, files, or mount_binary. Default: all.'),
  ),
  mount_binary: Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
    default: 'mount',
    description: 'The program that lists mounts, if it is one of sources, or if there is no file that does.',
  }),
  timeout: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      description: 'The time limit for the size of each mount in seconds. Default: none.',
    }),
  ),
  on_timeout: Type.Enum(['error', 'warn', 'ignore'], {
    default: 'error',
    description:
      'What a size that cannot be read in time is: an error, left out with a warning in the result, or left out.',
  }),
  include_aggregate_mounts: optionalFlag('Return all mounts of each mount point in aggregate_mounts too.'),
});
type Args = Static<typeof Args>;
type Mount = Readonly<{ device: string; mount: string; fstype: string; vars: Vars; source: string; line: string }>;

export const mount_facts = defineModule<typeof Args, Fields>({
  name: 'mount_facts',
  summary: 'Gathers mounts, and what fstab says, as ansible_facts.mount_points.',
  args: Args,
  facts: () => ['mount_points', 'aggregate_mounts'],
  examples: [
    {
      title: 'What is mounted from the network',
      args: { fstypes: ['nfs*', 'cifs'], timeout: 5, on_timeout: 'ignore' },
    },
    { title: 'What fstab says', args: { sources: ['static'] } },
  ],
  verify: ({ devices = [], fstypes = [] }) =>
    [...devices, ...fstypes]
      .filter((one) => one.includes('['))
      .map((one) =>
        argError([], 'E_ARGUMENT_VALUE', { problem: `'${one}' has brackets`, expected: 'a pattern with * and ?' }),
      ),
  needs: () => ['path:/etc/fstab', 'live:*'],
  probe: (given) => sh`dynamic=
${lines(sourcesOf(given).map((source) => read(source, given)))}
points() {
cat /proc/mounts
${lines(filesOf(given).map((file) => sh`cat -- ${file} 2>/dev/null`))}
}
points | awk '$1 !~ /^#/ && $2 ~ /^\// { print $2 }' | sort -u | while IFS= read -r p; do
  p=$(printf '%b' "$p"); [ -d "$p" ] || continue
  if s=$(${given.timeout === undefined ? sh`` : sh`timeout ${String(given.timeout)}`} stat -f -c '%S %b %a %c %d' -- "$p" 2>/dev/null); then printf 'size %s %s\n' "$s" "$(printf %s "$p" | base64 -w0)"
  elif [ $? = 124 ]; then printf 'late %s\n' "$(printf %s "$p" | base64 -w0)"; fi
done
for u in /dev/disk/by-uuid/*; do [ -e "$u" ] || continue; printf 'uuid %s %s\n' "\${u##*/}" "$(readlink -f -- "$u")"; done`,
  parse: fields,
  plan(f, given): Steps {
    const late = f.all('late').map(decodeText);
    if (f.get('nobinary') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: given.mount_binary ?? '', hint: 'correct `mount_binary`' });
    }
    const isWanted = found(f, given).some(({ mount }) => late.includes(mount));
    if (given.on_timeout !== 'error' || !isWanted) return [];
    return blocked('E_TOOL_REFUSED', {
      tool: 'stat',
      detail: `no answer within ${given.timeout} s: ${late.join(', ')}`,
    });
  },
  data(f, given) {
    const all = found(f, given).map((one): readonly [string, Value] => [one.mount, described(one, f)]);
    const mount_points: Record<string, Value> = {};
    for (const [mount, value] of all) mount_points[mount] ??= value;
    const aggregate_mounts = given.include_aggregate_mounts === true ? all.map(([, value]) => value) : [];
    const late = given.on_timeout === 'warn' ? f.all('late').map(decodeText) : [];
    const warnings = late.map((mount) => `the size of ${mount} cannot be read within ${given.timeout} s`);
    return { ansible_facts: { mount_points, aggregate_mounts }, ...(late.length > 0 && { warnings }) };
  },
});

/** In Ansible's order, each once. */
function sourcesOf({ sources = ['all'], mount_binary }: Args): readonly string[] {
  const binary = mount_binary === null ? [] : [mount_binary];
  const all = sources.flatMap((one) => {
    if (one === 'all') return [...DYNAMIC, ...binary, ...STATIC];
    return one === 'dynamic' ? [...DYNAMIC, ...binary] : one === 'static' ? STATIC : [one];
  });
  return [...new Set(all)];
}

function filesOf(given: Args): readonly string[] {
  return sourcesOf(given).filter((one) => one !== given.mount_binary && one.startsWith('/'));
}

/** mount itself is asked only by its name in `sources`, or if no file told what is mounted. */
function read(source: string, { sources = [], mount_binary }: Args): Script {
  if (source !== mount_binary) {
    const mark = DYNAMIC.includes(source) ? sh`dynamic=yes;` : sh``;
    return sh`if [ -s ${source} ] || { [ -r ${source} ] && [ -n "$(head -c 1 ${source})" ]; }; then ${mark} printf ${`file ${source} %s\n`} "$(base64 -w0 <${source})"; fi`;
  }
  const isAsked = sources.includes(source);
  return sh`if ${isAsked ? sh`:` : sh`[ -z "$dynamic" ]`}; then
  if command -v ${source} >/dev/null; then printf ${`mount ${source} %s\n`} "$(${source} | base64 -w0)"; else echo 'nobinary yes'; fi
fi`;
}

function found(f: Fields, given: Args): readonly Mount[] {
  const matches = (patterns: readonly string[] | undefined, text: string): boolean =>
    patterns === undefined || patterns.some((one) => globMatches(one, text));
  const devices = new Map(f.all('uuid').map((line) => line.split(' ') as [string, string]));
  const all = sourcesOf(given).flatMap((source): readonly Mount[] => {
    const content = (key: string): string | undefined =>
      f
        .all(key)
        .find((line) => line.startsWith(`${source} `))
        ?.slice(source.length + 1);
    const [file, listed] = [content('file'), content('mount')];
    if (listed !== undefined)
      return decodeText(listed)
        .split('\n')
        .flatMap((line) => fromMount(line, source));
    return file === undefined
      ? []
      : decodeText(file)
          .split('\n')
          .flatMap((line) => fromTable(line, source));
  });
  return all
    .map((one) => {
      const uuid = /^UUID=(.*)$/.exec(one.device)?.[1];
      return uuid === undefined ? one : { ...one, device: devices.get(uuid) ?? one.device };
    })
    .filter(({ device, fstype }) => matches(given.devices, device) && matches(given.fstypes, fstype));
}

/** A line of fstab(5), of which /proc/mounts has the form too. */
function fromTable(line: string, source: string): readonly Mount[] {
  const trimmed = line.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return [];
  const octal = (text: string): string =>
    text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  const [device, mount, fstype, options, dump, passno] = trimmed.split(/\s+/).map(octal);
  if (device === undefined || mount === undefined || fstype === undefined || options === undefined) return [];
  const numbers =
    dump === undefined ? {} : { dump: Number(dump), ...(passno !== undefined && { passno: Number(passno) }) };
  return [{ device, mount, fstype, vars: { device, mount, fstype, options, ...numbers }, source, line: trimmed }];
}

function fromMount(line: string, source: string): readonly Mount[] {
  const [, device, mount, fstype, options = ''] = /^(\S+) on (\S+) type (\S+) \((.+)\)$/.exec(line) ?? [];
  if (device === undefined || mount === undefined || fstype === undefined) return [];
  return [{ device, mount, fstype, vars: { device, mount, fstype, options }, source, line }];
}

function described({ device, mount, vars, source, line }: Mount, f: Fields): Vars {
  const size = f
    .all('size')
    .map((one) => one.split(' '))
    .find(([, , , , , path = '']) => decodeText(path) === mount);
  const stated = /^UUID=(.*)$/.exec(String(vars['device']))?.[1];
  const uuid =
    stated ??
    f
      .all('uuid')
      .find((one) => one.endsWith(` ${device}`))
      ?.split(' ')[0] ??
    null;
  return {
    ...vars,
    ...(size !== undefined && sizes(size.map(Number))),
    ansible_context: { source, source_data: line },
    uuid,
  };
}

function sizes([block = 0, blocks = 0, free = 0, inodes = 0, freeInodes = 0]: readonly number[]): Vars {
  return {
    size_total: block * blocks,
    size_available: block * free,
    block_size: block,
    block_total: blocks,
    block_available: free,
    block_used: blocks - free,
    inode_total: inodes,
    inode_available: freeInodes,
    inode_used: inodes - freeInodes,
  };
}
