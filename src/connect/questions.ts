import { type Asked, answerName, type Question, quote, type Script } from '../core/sh.ts';

/**
 * Resets every answer that these scripts read. The shell lives on after a round trip, and an old answer must not be
 * used again.
 */
export function forgetAnswers(scripts: readonly Script[]): string {
  const names = new Set(scripts.flatMap((s) => s.asked).map(({ question, item }) => answerName(question, item)));
  return names.size === 0 ? '' : `${[...names].map((name) => `${name}=`).join(' ')}\n`;
}

/**
 * Asks each question once for all scripts that need its answers, and stores the answers in variables of this shell.
 * Questions keep the order in which they were first asked, because a question may read the answers of earlier ones.
 */
export function askOnce(scripts: readonly Script[], mark: string): string {
  const questions = [...itemsOf(scripts.flatMap((s) => s.asked))];
  if (questions.length === 0) return ':';
  const all = questions.map(([question, items]) => askOne(question, items, mark)).join('\n');
  return `{ ${all}\n} </dev/null 2>/dev/null`;
}

function itemsOf(asked: readonly Asked[]): ReadonlyMap<Question, readonly string[]> {
  const all = new Map<Question, Set<string>>();
  for (const { question, item } of asked) {
    const items = all.get(question) ?? new Set();
    all.set(question, items.add(item));
  }
  return new Map([...all].map(([question, items]) => [question, [...items]]));
}

function askOne(question: Question, items: readonly string[], mark: string): string {
  if (question.setsAnswers === true) return question.ask(items).text;
  const item = question.item?.text ?? '${1%% *}';
  const value = question.areFiles === true ? `${mark}@${item}` : (question.answer?.text ?? '${1#* }');
  const names = items.map((i) => answerName(question, i));
  const cases = items.map((i, at) => `${quote(i)}) ${names[at]}=${value} ;;`).join('\n');
  const words =
    question.areFiles === true
      ? `set --; ${question.ask(items).text}\n${send(mark)}`
      : `_q=$( ${question.ask(items).text}
); _c=$?; set -f; IFS='
'; set -- $_q; IFS=' \t
'; set +f; _n=$#`;
  return `${words}
while [ $# -gt 0 ]; do case ${item} in
${cases}
esac; shift; done${question.missing === undefined ? '' : `\n${markMissing(question.missing, names)}`}`;
}

/**
 * Marks items without a line as missing if each line was about a different item. $_n is the number of lines, $_c the
 * exit code.
 */
function markMissing(code: number, names: readonly string[]): string {
  const count = names.map((name) => `[ -z "$${name}" ] || _n=$((_n - 1))`);
  const mark = names.map((name) => `${name}=\${${name}:--}`);
  return `if [ $_c = ${code} ]; then ${count.join('; ')}
if [ $_n = 0 ]; then ${mark.join('; ')}; fi; fi`;
}

/**
 * Sends the files that "$@" names with one process. A host with dpkg has GNU tar. On other hosts, and for a single
 * file, nothing is answered.
 */
function send(mark: string): string {
  return `if [ $# -gt 1 ] && [ -d /var/lib/dpkg ]; then printf '${mark}'
tar -cPhf - -b 1 --hard-dereference -- "$@" | base64 -w0; printf '\\n%s 0 @\\n' ${mark}
else set --; fi`;
}

/** Replaces the placeholders with the files that `send` sent. A line whose file is missing is removed. */
export function withFiles(stdout: string, sent: ReadonlyMap<string, Uint8Array>, mark: string): string {
  if (!stdout.includes(`${mark}@`)) return stdout;
  return stdout.replace(new RegExp(`^(.*)${mark}@(\\S+)\\n`, 'gm'), (_, before: string, path: string) => {
    const bytes = sent.get(path);
    return bytes === undefined ? '' : `${before}${Buffer.from(bytes).toString('base64')}\n`;
  });
}

/**
 * The files in the output of `send`, by path. The format is described in GNU tar's manual, "Basic Tar Format"; the
 * paths are short and plain.
 */
export function filesIn(base64: string): ReadonlyMap<string, Uint8Array> {
  const tar = Buffer.from(base64, 'base64');
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const path = tar.toString('latin1', at, at + 100).split('\0', 1)[0] ?? '';
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    const start = at + BLOCK;
    if (path !== '' && start + size <= tar.length) files.set(path, tar.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
const BLOCK = 512;
