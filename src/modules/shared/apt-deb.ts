// Installs a .deb file of the host or from a URL.
import { type Blocked, blocked, type Change, type Context } from '../../core/module.ts';
import { type Script, sh, staged } from '../../core/sh.ts';
import { type AptArgs, installOptions, preamble, updating } from './apt-get.ts';
import type { AptCurrent } from './apt-state.ts';
import { download } from './download.ts';
import { getRequest } from './http.ts';
import { dirname, spoolOf } from './paths.ts';

export function isAddress(deb: string): boolean {
  return !deb.startsWith('/');
}

/** undefined: the package of the file is installed in the file's version. `refresh`: read the package index anew first. */
export function planDeb(
  current: AptCurrent,
  deb: string,
  args: AptArgs,
  refresh: boolean,
  ctx: Context,
): Change | Blocked | undefined {
  const before = sh`${preamble(args)}
${refresh ? updating(args) : sh`:`}`;
  if (isAddress(deb)) return fromAddress(current, deb, args, before, ctx);
  const { deb: seen, installed } = current;
  if (seen === undefined)
    return blocked('E_PATH_MISSING', { path: deb, hint: 'put it there in an earlier task (get_url, copy)' });
  const has = installed.find(({ name, isConfig }) => name === seen.name && !isConfig);
  if (has?.version === seen.version) return undefined;
  return {
    what: `install ${seen.name} ${seen.version} from ${deb}`,
    run: sh`${before}
apt_get install ${installOptions(args)} -- ${deb}`,
  };
}

/** In seconds. */
const CONNECT = 10;
const SAME = 'bringup: this version is installed';

/** Only the file names its package and version, so it is fetched before that can be compared. */
function fromAddress(
  { fields }: AptCurrent,
  url: string,
  args: AptArgs,
  before: Script,
  ctx: Context,
): Change | Blocked {
  const from = download(getRequest(url, true), CONNECT, fields);
  if ('blocked' in from) return from;
  const spool = spoolOf('/var/cache/apt/archives', url, ctx);
  return {
    what: `install ${url}`,
    ...('fetched' in from && { upload: [{ to: spool, ...from.fetched, isSpooled: true }] }),
    action: true,
    unaltered: SAME,
    // In a subshell, because the preamble may have a trap of its own.
    run: sh`${before}
( d=${'fetched' in from ? sh`${staged(dirname(spool))}` : sh`$(mktemp -d)`}
trap 'rm -rf -- "$d"' EXIT
trap 'exit 1' HUP INT TERM
# apt takes a path for a file only if it ends in .deb
f=$d/fetched.deb; s=$f
${'fetched' in from ? sh`mv -- ${spool} "$f"` : from.fill}
p=$(dpkg-deb -W --showformat='\${Package}/\${Version}' "$f")
has=$(dpkg-query -W -f '\${db:Status-Abbrev}\${Package}/\${Version}\n' -- "\${p%%/*}" 2>/dev/null) || :
case $has in "ii $p" | "hi $p") echo ${SAME} ;; *) apt_get install ${installOptions(args)} -- "$f" ;; esac
)`,
  };
}
