import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { templatePorts } from '../../../src/cli/templates.ts';
import { listTree } from '../../../src/cli/tree.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import { lookups } from '../../../src/template/lookups.ts';
import { compileExpression } from '../../../src/template/template.ts';

describe('a tree of files', () => {
  const root = mkdtempSync(join(tmpdir(), 'bringup-tree-'));
  const at = { file: join(root, 'playbook.yml'), line: 1, col: 1, length: 1 };
  const ports = templatePorts({ onSecret: () => {}, writes: false, dir: root });
  const ask = (expression: string) => compileExpression(expression, at).evaluate({ get: () => undefined, ports });
  beforeAll(() => {
    mkdirSync(join(root, 'app', 'b'), { recursive: true });
    mkdirSync(join(root, 'app', 'node_modules'));
    writeFileSync(join(root, 'app', 'b', 'two.bin'), Buffer.from([0xff, 0x00]));
    writeFileSync(join(root, 'app', 'a.txt'), 'one');
    writeFileSync(join(root, 'app', 'node_modules', 'x'), '');
    symlinkSync('a.txt', join(root, 'app', 'link'));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('is listed by name, without excluded files', () => {
    const found = listTree(join(root, 'app'), /(^|\/)node_modules(\/|$)/);
    expect(found.map((e) => `${e.state} ${e.path}`)).toEqual([
      'file a.txt',
      'directory b',
      'file b/two.bin',
      'link link',
    ]);
  });

  it('distinguishes bytes that are not text', () => {
    const sum = () => listTree(join(root, 'app', 'b'), undefined)[0]?.checksum;
    const before = sum();
    writeFileSync(join(root, 'app', 'b', 'two.bin'), Buffer.from([0xfe, 0x00, 0x00]));
    expect(sum()).not.toBe(before);
  });

  it('is the result of the lookup; a file is a tree of one entry, and a missing path is an error', () => {
    expect(lookups['filetree']).toBeDefined();
    expect(ask("query('filetree', 'app', exclude='node_modules|b') | map(attribute='path') | list")).toEqual([
      'a.txt',
      'link',
    ]);
    expect(ask("query('filetree', 'app/a.txt') | map(attribute='checksum') | first")).toMatch(/^[0-9a-f]{64}$/);
    expect(() => ask("query('filetree', 'nosuch')")).toThrow(Failure);
  });
});
