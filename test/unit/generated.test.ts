import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generated, onDisk } from '../../src/gen.ts';
import { shown, stored } from '../bench/stored.ts';

test('the registry and the docs match the modules (else: npm run gen)', async () => {
  for (const [path, text] of Object.entries(await generated())) expect(onDisk(path), path).toBe(text);
});

test('the benchmark pages match their stored runs (else: npm run bench -- --write)', () => {
  for (const [path, text] of Object.entries(shown(stored()))) expect(readFileSync(path, 'utf8'), path).toBe(text);
});
