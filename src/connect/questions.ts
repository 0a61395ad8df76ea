import { type Asked, answerName, type Question, quote, type Script } from '../core/sh.ts';

/** Sets every answer that these scripts read to nothing: the shell lives on from trip to trip, and yesterday's is none. */
export function forgetAnswers(scripts: readonly Script[]): string {
  const names = new Set(scripts.flatMap((s) => s.asked).map(({ question, item }) => answerName(question, item)));
  return names.size === 0 ? '' : `${[...names].map((name) => `${name}=`).join(' ')}\n`;
}

/** Asks each question once, for all of the scripts that need its answers, and keeps these in variables of this shell. */
export function askOnce(scripts: readonly Script[]): string {
  return [...itemsOf(scripts.flatMap((s) => s.asked))].map(([question, items]) => askOne(question, items)).join('\n');
}

function itemsOf(asked: readonly Asked[]): ReadonlyMap<Question, readonly string[]> {
  const all = new Map<Question, Set<string>>();
  for (const { question, item } of asked) {
    const items = all.get(question) ?? new Set();
    all.set(question, items.add(item));
  }
  return new Map([...all].map(([question, items]) => [question, [...items]]));
}

function askOne(question: Question, items: readonly string[]): string {
  const cases = items.map((item) => `${quote(item)}) ${answerName(question, item)}=\${1#* } ;;`).join('\n');
  return `_q=$( { ${question.ask(items).text}
} </dev/null 2>/dev/null ); set -f; IFS='
'; set -- $_q; IFS=' \t
'; set +f
while [ $# -gt 0 ]; do case \${1%% *} in
${cases}
esac; shift; done`;
}
