// Files of repositories in the format of configparser: /etc/yum.repos.d, /etc/zypp/repos.d.

/** The options of a section. A value may have several lines. */
export type Options = readonly (readonly [key: string, value: string])[];

const HEAD = /^\[([^\]]*)\]/;

/** The options of a section, or undefined if there is no such section. */
export function optionsIn(text: string, section: string): Options | undefined {
  const lines = linesOf(text, section);
  if (lines === undefined) return undefined;
  const options: [string, string][] = [];
  for (const line of lines.list) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const last = options.at(-1);
    if (/^\s/.test(line) && last !== undefined) last[1] += `\n${line.trim()}`;
    else {
      const [, key = line.trim(), value = ''] = /^([^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
      options.push([key.toLowerCase(), value]);
    }
  }
  return options;
}

/** The text with other options in a section, or without the section. Everything else stays. */
export function withSection(text: string, section: string, options: Options | undefined): string {
  const all = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const found = linesOf(text, section);
  const own =
    options === undefined
      ? []
      : [`[${section}]`, ...options.map(([key, value]) => `${key} = ${value.replaceAll('\n', '\n\t')}`), ''];
  const before = found === undefined ? all : all.slice(0, found.start);
  const after = found === undefined ? [] : all.slice(found.end);
  const gap = found === undefined && own.length > 0 && (before.at(-1) ?? '') !== '' ? [''] : [];
  const lines = [...before, ...gap, ...own, ...after];
  return lines.length === 0 ? '' : `${lines.join('\n').replace(/\n+$/, '')}\n`;
}

export function hasSections(text: string): boolean {
  return text.split('\n').some((line) => HEAD.test(line));
}

function linesOf(text: string, section: string) {
  const all = text.replace(/\n$/, '').split('\n');
  const start = all.findIndex((line) => HEAD.exec(line)?.[1] === section);
  if (start < 0) return undefined;
  const next = all.findIndex((line, i) => i > start && HEAD.test(line));
  const end = next < 0 ? all.length : next;
  return { start, end, list: all.slice(start + 1, end) };
}
