import { expect, test } from 'vitest';
import { generated, onDisk } from '../../src/gen.ts';

test('the registry and the docs are those of the modules (else: npm run gen)', async () => {
  for (const [path, text] of Object.entries(await generated())) expect(onDisk(path), path).toBe(text);
});
