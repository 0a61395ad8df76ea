// The host's part of `bringup adopt`: what a new host has, its login key, and sudo without a password.
import type { Connection } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import { type Script, sh } from '../core/sh.ts';

/** Programs that bringup's scripts run on every host. A busybox has all of them. */
const NEEDED = ['awk', 'base64', 'cat', 'cp', 'id', 'mkdir', 'mktemp', 'mv', 'rm', 'sed', 'sha256sum', 'stat', 'tar'];

type Options = Readonly<{ host: string; signal: AbortSignal }>;

/** What the host says of itself before anything is changed. Throws Failure if it lacks what bringup needs. */
export async function inspect(line: Connection, { host, signal }: Options): Promise<Readonly<{ hasSudo: boolean }>> {
  const script = sh`uname -s
for p in ${NEEDED}; do command -v "$p" >/dev/null || echo "lacks $p"; done
PATH=$PATH:/usr/sbin:/sbin
if command -v sudo >/dev/null && command -v visudo >/dev/null; then echo sudo; fi`;
  const { stdout } = await ran(line, script, undefined, { host, signal });
  const [system, ...lines] = stdout.trim().split('\n');
  if (system !== 'Linux')
    throw failure('E_ADOPT_SYSTEM', {
      host,
      problem: `runs ${system || 'no system that is known'}`,
      hint: 'install Linux',
    });
  const lacks = lines.flatMap((one) => (one.startsWith('lacks ') ? [one.slice(6)] : []));
  if (lacks.length > 0) {
    const hint = `install on ${host}: apt-get install coreutils sed tar mawk`;
    throw failure('E_ADOPT_SYSTEM', { host, problem: `lacks ${lacks.join(', ')}`, hint });
  }
  return { hasSudo: lines.includes('sudo') };
}

/** Adds public keys to the login user's authorized_keys. Returns whether one was missing. */
export async function installKeys(line: Connection, keys: readonly string[], options: Options): Promise<boolean> {
  const script = sh`set -e
umask 077
mkdir -p ~/.ssh
file=~/.ssh/authorized_keys
new=
for key in ${keys}; do
  # the comment of a key may differ
  body=$(echo "$key" | cut -d' ' -f1,2)
  grep -qsF -- "$body" "$file" || new="$new$key
"
done
[ -n "$new" ] || exit 0
if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then new="
$new"; fi
printf %s "$new" >>"$file"
sync "$file" 2>/dev/null || sync
echo installed`;
  const { stdout, code, stderr } = await ran(line, script, undefined, options);
  if (code === 0) return stdout.includes('installed');
  throw failure('E_ADOPT_SYSTEM', {
    host: options.host,
    problem: `does not take the login key: ${stderr.trim()}`,
    hint: 'check the home directory of the login user',
  });
}

/**
 * Lets a user run everything with sudo without a password. The rule is a file that visudo accepted. A file that breaks
 * sudo is removed at once.
 */
export async function allowSudo(line: Connection, user: string, options: Options): Promise<void> {
  // Of several rules the last one counts, and sudo reads the files in the order of their names.
  const file = `/etc/sudoers.d/zz-bringup-${user.replace(/[^A-Za-z0-9_-]/g, '_')}`;
  const rule = `# Written by bringup adopt: bringup logs in as this user.\n${user} ALL=(ALL:ALL) NOPASSWD: ALL\n`;
  const script = sh`set -eu
PATH=$PATH:/usr/sbin:/sbin
umask 077
new=$(mktemp /run/bringup-sudoers.XXXXXX)
trap 'rm -f "$new"' EXIT
printf %s ${rule} >"$new"
chmod 0440 "$new"
visudo -cqf "$new"
if visudo -cq 2>/dev/null; then was_good=1; else was_good=; fi # the modes of other files may be wrong
mkdir -p -m 0750 /etc/sudoers.d
# A name with a dot is ignored by sudo, so a file that is half written never counts.
cp -p "$new" ${file}.new
mv -f ${file}.new ${file}
if [ -z "$was_good" ] || visudo -cq; then exit 0; fi
rm -f ${file}
exit 1`;
  const { code, stderr } = await ran(line, script, 'root', options);
  if (code === 0) return;
  throw failure('E_ADOPT_SUDO', {
    host: options.host,
    user,
    why: `visudo refuses ${file}`,
    detail: stderr.trim(),
    hint: 'repair the sudoers files on the host: visudo -c',
  });
}

/** Whether the connection can become root. */
export async function becomesRoot(line: Connection, options: Options): Promise<boolean> {
  const { stdout } = await ran(line, sh`id -u`, 'root', options);
  return stdout.trim() === '0';
}

async function ran(line: Connection, script: Script, user: string | undefined, { host, signal }: Options) {
  const [output] = await line.run([{ script, user }], { signal, timeout: 60 });
  if (output !== undefined) return output;
  throw failure('E_ADOPT_SYSTEM', { host, problem: 'does not answer', hint: 'run the command again' });
}
