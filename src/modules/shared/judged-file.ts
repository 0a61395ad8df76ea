// A file whose new text its own program judges before anything is touched; for probes.
import { type Script, sh } from '../../core/sh.ts';

/** Prints the file as `key`, through base64; nothing where there is none. */
export function shown(key: string, file: string): Script {
  return sh`if [ -f ${file} ]; then printf ${`${key} %s\\n`} "$(base64 -w0 <${file})"; fi`;
}

/** True where the file holds another text, or is not there. */
export function differs(file: string, text: string): Script {
  return sh`[ "$(cat ${file} 2>/dev/null; echo x)" != ${`${text}x`} ]`;
}

/** Prints what `check` has to say against the text, as `refused`. `tidy`: a filter for its words, with the | before it. */
export function refusal(check: Script, tidy: Script = sh``): Script {
  return sh`if e=$(${check} 2>&1); then :; else printf 'refused %s\n' "$(printf '%s\n' "$e" ${tidy}| base64 -w0)"; fi`;
}
