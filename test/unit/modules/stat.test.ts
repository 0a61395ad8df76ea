import { symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sh } from '../../../src/core/sh.ts';
import { stat } from '../../../src/modules/stat.ts';
import { bound, context, run, scratch } from './harness.ts';

/** The result, with an lsattr that prints what that of e2fsprogs prints. */
function seen(path: string, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const step = bound(stat, { path, ...more });
  const { stdout } = run(sh`lsattr() { [ "$1" = -vd ] && printf '%10s %s %s\\n' 123 ----i---------e------- "$3"; }
${step.probe?.(context()) ?? sh`:`}`);
  return step.data(stdout, context())['stat'] as Readonly<Record<string, unknown>>;
}

test('stat returns the attributes of a file whose name has blanks', () => {
  const path = `${scratch()}/a b`;
  writeFileSync(path, 'x');
  const found = { version: '123', attr_flags: 'ie', attributes: ['immutable', 'extents'] };
  expect(seen(path)).toMatchObject({ exists: true, ...found });
  for (const name of ['get_attributes', 'attr', 'attributes'])
    expect(seen(path, { [name]: false })).not.toHaveProperty('attr_flags');
});

test('stat says nothing of the attributes of what does not exist', () => {
  expect(seen(`${scratch()}/none`)).toEqual({ exists: false });
});

test('stat returns no attributes where lsattr shows none', () => {
  const path = `${scratch()}/link`;
  symlinkSync('nowhere', path);
  const step = bound(stat, { path });
  const { stdout } = run(sh`lsattr() { return 1; }
${step.probe?.(context()) ?? sh`:`}`);
  expect(step.data(stdout, context())['stat']).toMatchObject({ version: null, attr_flags: '', attributes: [] });
});

test.each(['mime', 'mime_type', 'mime-type'])('stat knows get_mime as %s', (name) => {
  expect(bound(stat, { path: '/x', [name]: false }).args['get_mime']).toBe(false);
});
