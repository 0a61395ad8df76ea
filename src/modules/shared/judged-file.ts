// Probes for a file whose new text is validated by its own program before anything changes.
import { type Script, sh } from '../../core/sh.ts';

/** Prints the file as `key` in base64, or nothing if it does not exist. */
export function shown(key: string, file: string): Script {
  return sh`if [ -f ${file} ]; then printf ${`${key} %s\\n`} "$(base64 -w0 <${file})"; fi`;
}

/** A condition: the file is missing or holds another text. */
export function differs(file: string, text: string): Script {
  return sh`[ "$(cat ${file} 2>/dev/null; echo x)" != ${`${text}x`} ]`;
}

/**
 * Prints the error of `check` about the text as `refused`. `tidy` is a filter for the message, including the leading |.
 */
export function refusal(check: Script, tidy: Script = sh``): Script {
  return sh`if e=$(${check} 2>&1); then :; else printf 'refused %s\n' "$(printf '%s\n' "$e" ${tidy}| base64 -w0)"; fi`;
}
