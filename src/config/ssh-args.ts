// Reads options of ssh, as ansible_ssh_common_args holds them. bringup speaks SSH itself, so each option has an effect
// here, changes nothing of what a connection does, or is refused.

import { splitWords } from '../core/words.ts';

export type SshArgs = Readonly<{
  jump?: string;
  knownHostsFile?: string;
  privateKeyFile?: string;
  user?: string;
  port?: string;
  connectTimeout?: string;
}>;

/** Options with an effect: names of ssh_config(5) in small letters, and the letters of ssh(1) for them. */
const WITH_EFFECT: Readonly<Record<string, keyof SshArgs>> = {
  proxyjump: 'jump',
  userknownhostsfile: 'knownHostsFile',
  identityfile: 'privateKeyFile',
  user: 'user',
  port: 'port',
  connecttimeout: 'connectTimeout',
};
const LETTERS: Readonly<Record<string, string>> = { J: 'proxyjump', i: 'identityfile', l: 'user', p: 'port' };

/**
 * Options about how the program ssh works, which bringup does not run: sharing and compressing connections, keeping
 * them alive, choosing among methods of login that would all be right, printing. Host keys are always checked.
 */
const WITHOUT_EFFECT = new Set(
  `controlmaster controlpath controlpersist compression serveraliveinterval serveralivecountmax tcpkeepalive
  preferredauthentications pubkeyauthentication passwordauthentication kbdinteractiveauthentication
  challengeresponseauthentication gssapiauthentication gssapidelegatecredentials hostbasedauthentication
  identitiesonly batchmode loglevel numberofpasswordprompts visualhostkey updatehostkeys checkhostip hashknownhosts
  stricthostkeychecking connectionattempts requesttty forwardx11 permitlocalcommand canonicalizehostname ipqos
  addkeystoagent clearallforwardings exitonforwardfailure warnweakcrypto`.split(/\s+/),
);
const FLAGS_WITHOUT_EFFECT = new Set('CqTtvxna'.split(''));

/** The options of a text, or the first word that bringup can do nothing with. An earlier option wins, as with ssh. */
export function readSshArgs(text: string): SshArgs | Readonly<{ unknown: string }> {
  const found: Record<string, string> = {};
  const split = splitWords(text);
  if (split === undefined) return { unknown: text };
  const words = [...split];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, letter = '', rest = ''] = /^-(\w)(.*)$/.exec(word) ?? [];
    if ([...letter, ...rest].every((flag) => FLAGS_WITHOUT_EFFECT.has(flag)) && letter !== '') continue;
    const named = letter === 'o' ? undefined : LETTERS[letter];
    if (letter !== 'o' && named === undefined) return { unknown: word };
    const value = rest === '' ? (words.shift() ?? '') : rest;
    const [, name = '', given = ''] =
      named === undefined ? (/^\s*(\w+)\s*[= ]\s*(.*)$/.exec(value) ?? []) : ['', named, value];
    const option = name.toLowerCase();
    if (WITHOUT_EFFECT.has(option)) continue;
    const jump = option === 'proxycommand' ? jumpOf(given) : undefined;
    const key = jump === undefined ? WITH_EFFECT[option] : 'jump';
    if (key === undefined || given === '') return { unknown: letter === 'o' ? `-o ${value}` : word };
    found[key] ??= jump ?? given;
  }
  return found;
}

/** The jump host of `ssh -W %h:%p [-q] [-p PORT] [USER@]HOST`, the older way to write ProxyJump. */
function jumpOf(command: string): string | undefined {
  const words = [...(splitWords(command) ?? [])];
  if (words.shift() !== 'ssh') return undefined;
  let host: string | undefined;
  let port: string | undefined;
  let user: string | undefined;
  let forwards = false;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word.startsWith('-W')) forwards = ['%h:%p', '[%h]:%p'].includes(word.slice(2) || (words.shift() ?? ''));
    else if (word.startsWith('-p')) port = word.slice(2) || words.shift();
    else if (word.startsWith('-l')) user = word.slice(2) || words.shift();
    else if (/^-[CqTx]+$/.test(word)) continue;
    else if (word.startsWith('-') || host !== undefined) return undefined;
    else host = word;
  }
  if (!forwards || host === undefined) return undefined;
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}
