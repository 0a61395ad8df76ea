/** What a seed file may contain. */
export type Data = string | number | boolean | readonly Data[] | { readonly [key: string]: Data | undefined };

/** Data as YAML. Every text is in double quotes with JSON's escapes, which YAML shares, so no text needs other rules. */
export function yamlText(data: { readonly [key: string]: Data | undefined }): string {
  return `${lines(data).join('\n')}\n`;
}

function lines(data: Data): readonly string[] {
  if (Array.isArray(data)) return (data as readonly Data[]).flatMap((item) => listItem(lines(item)));
  if (typeof data !== 'object') return [JSON.stringify(data)];
  return Object.entries(data).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const inner = lines(value);
    return typeof value !== 'object'
      ? [`${key}: ${inner[0]}`]
      : inner.length === 0
        ? [`${key}: ${Array.isArray(value) ? '[]' : '{}'}`]
        : [`${key}:`, ...inner.map((line) => `  ${line}`)];
  });
}

function listItem(inner: readonly string[]): readonly string[] {
  return inner.map((line, i) => `${i === 0 ? '- ' : '  '}${line}`);
}
