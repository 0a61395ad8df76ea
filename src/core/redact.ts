import { REDACTED } from './value.ts';

/**
 * Collects every secret of a run as it becomes known. `hide` removes the secrets from data that is about to be printed.
 */
export type Redactor = Readonly<{ add: (secret: string) => void; hide: <T>(data: T) => T }>;

/** A private key is a secret wherever it appears, for example in a file that a task copies. */
const PRIVATE_KEY = /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*(?:(-----END [A-Z ]*PRIVATE KEY-----)|$)/g;

export function redactor(): Redactor {
  const secrets = new Set<string>();
  /**
   * Compiled again at the next use after a secret was added. A run learns most of its secrets before it prints
   * anything.
   */
  let pattern: RegExp | undefined;
  const hide = (data: unknown): unknown => {
    if (typeof data === 'string') {
      const text = data.includes('PRIVATE KEY-----') ? data.replace(PRIVATE_KEY, `$1\n${REDACTED}\n$2`) : data;
      if (secrets.size === 0) return text;
      pattern ??= patternOf(secrets);
      return text.replace(pattern, REDACTED);
    }
    if (Array.isArray(data)) return data.map(hide);
    if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return data;
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, hide(value)]));
  };
  return {
    add(secret) {
      // A diff shows single lines, so each line of a secret is a secret too.
      for (const part of [secret, ...secret.split('\n').filter((line) => line.trim().length >= 8)]) {
        if (part.trim().length === 0 || secrets.has(part)) continue;
        secrets.add(part);
        pattern = undefined;
      }
    },
    hide: <T>(data: T): T => hide(data) as T,
  };
}

function patternOf(secrets: ReadonlySet<string>): RegExp {
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapeRegex).join('|'), 'g');
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
