import { createRequire } from 'node:module';
import type { transform } from 'sucrase';

/**
 * TypeScript as JavaScript with `require`. The library is loaded at the first use, because few runs need it. The build
 * replaces this file, so that the command loads it from a file beside it (src/setup.mjs).
 */
export function transpile(text: string, file: string): string {
  const sucrase: { transform: typeof transform } = createRequire(import.meta.url)('sucrase');
  return sucrase.transform(text, { transforms: ['typescript', 'imports'], filePath: file }).code;
}
