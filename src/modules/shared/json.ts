/** JSON as Python's json.dumps writes it: with a space after `:` and `,`, and ASCII only. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value instanceof Map)
    return `{${[...value].map(([k, v]) => `${ascii(String(k))}: ${pythonJson(v)}`).join(', ')}}`;
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return `{${Object.entries(value)
      .map(([k, v]) => `${ascii(k)}: ${pythonJson(v)}`)
      .join(', ')}}`;
  }
  return typeof value === 'string' ? ascii(value) : (JSON.stringify(value) ?? 'null');
}

function ascii(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The value with the keys of its dicts in order, to compare two. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
