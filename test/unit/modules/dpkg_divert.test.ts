import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dpkg_divert } from '../../../src/modules/dpkg_divert.ts';
import { apply, bound, context, list, read, refusal, scratch, words } from './harness.ts';

let dir = '';
beforeEach(() => {
  dir = scratch();
  mkdirSync(`${dir}/db/updates`, { recursive: true });
  writeFileSync(`${dir}/db/status`, '');
  process.env['DPKG_ADMINDIR'] = `${dir}/db`;
  mkdirSync(`${dir}/etc`);
  writeFileSync(`${dir}/etc/f`, 'own\n');
});
afterEach(() => {
  delete process.env['DPKG_ADMINDIR'];
});

const files = (): readonly string[] =>
  list(`${dir}/etc`).map((name) => `${name}: ${read(`${dir}/etc/${name}`).trim()}`);
const go = (args: Readonly<Record<string, unknown>>) => apply(dpkg_divert, { path: `${dir}/etc/f`, ...args });
const absent = { state: 'absent' };

describe('dpkg_divert', () => {
  it('adds and removes a diversion, and leaves the file', () => {
    const to = `${dir}/etc/f.distrib`;
    const diversion = { path: `${dir}/etc/f`, state: 'present', divert: to, holder: 'LOCAL' };
    expect(go({})).toEqual({ first: [`divert ${dir}/etc/f to ${to}`], again: [], data: { diversion } });
    expect(go({})).toEqual({ first: [], again: [], data: { diversion } });
    expect(files()).toEqual(['f: own']);
    expect(go(absent)).toMatchObject({ first: [`no diversion of ${dir}/etc/f`], again: [] });
    expect(go(absent)).toMatchObject({ first: [], data: { diversion: { state: 'absent', divert: null } } });
  });

  it('moves the file aside, and back', () => {
    expect(go({ rename: true, divert: `${dir}/etc/moved` })).toMatchObject({ again: [] });
    expect(files()).toEqual(['moved: own']);
    expect(go({ ...absent, rename: true })).toMatchObject({ again: [] });
    expect(files()).toEqual(['f: own']);
  });

  it('replaces a file that is in the way only by force', () => {
    writeFileSync(`${dir}/etc/f.distrib`, 'in the way\n');
    expect(go({ rename: true }).first).toMatch(/f\.distrib is in the way of/);
    expect(files()).toEqual(['f: own', 'f.distrib: in the way']);
    expect(go({ rename: true, force: true })).toMatchObject({ again: [] });
    expect(files()).toEqual(['f.distrib: own']);
    writeFileSync(`${dir}/etc/f`, 'new\n');
    expect(go({ ...absent, rename: true }).first).toMatch(/is in the way of/);
    expect(go({ ...absent, rename: true, force: true })).toMatchObject({ again: [] });
    expect(files()).toEqual(['f: own']);
  });

  it('changes the place and the holder, and moves what was diverted', () => {
    go({ rename: true });
    expect(go({ divert: `${dir}/etc/other`, holder: 'app' })).toMatchObject({
      again: [],
      data: { diversion: { divert: `${dir}/etc/other`, holder: 'app' } },
    });
    expect(files()).toEqual(['other: own']);
    expect(go({ divert: `${dir}/etc/other`, holder: 'LOCAL' })).toMatchObject({ again: [] });
  });

  it('says that the host has no dpkg', () => {
    const step = bound(dpkg_divert, { path: '/etc/f' });
    expect(words(step.plan('missing dpkg-divert\n', context()))).toBe('the host has no dpkg-divert');
  });

  it.each([
    ['a relative path', { path: 'f' }],
    ['an option as a package', { path: '/f', holder: '--x' }],
  ])('refuses %s', (_, args) => {
    expect(refusal(dpkg_divert, args)).not.toBe('');
  });
});
