// Verifies who signed a commit or a tag of git before it is checked out.
import { type Script, sh } from '../../core/sh.ts';

type Signed = Readonly<{ version: string; verify_commit: boolean; gpg_whitelist: readonly string[] }>;

/** `undo` runs if the signature is not as wanted. `g` is git. */
export function verified({ version, verify_commit, gpg_whitelist }: Signed, what: string, undo: Script): Script {
  if (!verify_commit) return sh`:`;
  return sh`refuse_signature() { ${undo}
printf '%s\n%s: %s; nothing was checked out\n' "$k" ${version} "$1" >&2; exit 1; }
t=commit; [ "$(g cat-file -t ${what})" != tag ] || t=tag
k=$(g "verify-$t" --raw ${what} 2>&1) || refuse_signature 'its signature cannot be verified'
${
  gpg_whitelist.length === 0
    ? sh`:`
    : sh`f=$(printf '%s\n' "$k" | awk '$2 == "VALIDSIG" { print (NF > 11 ? $12 : $3); exit }')
case ${` ${gpg_whitelist.join(' ').toUpperCase()} `} in *" \${f:-none} "*) ;; *) refuse_signature "gpg_whitelist does not include the key \${f:-that signed it}" ;; esac`
}`;
}
