import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { npm } from '../../../src/modules/npm.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { apply, bound, changes, context, list, refusal, scratch, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const sent = (key: string, value: unknown): string => `${key} ${encodeBase64(JSON.stringify(value))}\n`;
const is = (dependencies: Args): string => sent('list', { name: 'app', dependencies });
const plan = (args: Args, seen: string) => bound(npm, args).plan(seen, context());
const commands = (args: Args, seen: string): readonly string[] =>
  changes(plan(args, seen)).map((c) => /^npm (?!list).*$/m.exec(c.run.text)?.[0]?.trim() ?? '');

describe('npm', () => {
  const pm2 = is({ pm2: { version: '5.4.2' } });
  it.each([
    ['installs', { name: 'pm2' }, is({}), ['npm install pm2 --global']],
    ['is there', { name: 'pm2' }, pm2, []],
    ['this version', { name: 'pm2', version: 'v5.4.2' }, pm2, []],
    ['another version', { name: 'pm2', version: '5.4.3' }, pm2, ['npm install pm2@5.4.3 --global']],
    [
      'with options',
      { name: 'pm2', ignore_scripts: true, force: true, no_bin_links: true, unsafe_perm: true },
      is({}),
      ['npm install pm2 --no-bin-links --ignore-scripts --unsafe-perm --force --global'],
    ],
    ['removes', { name: 'pm2', state: 'absent' }, pm2, ['npm uninstall pm2 --global']],
    ['is gone', { name: 'pm2', state: 'absent' }, is({}), []],
    ['is the latest', { name: 'pm2', state: 'latest' }, pm2 + sent('outdated', {}), []],
    [
      'is old',
      { name: 'pm2', state: 'latest' },
      pm2 + sent('outdated', { pm2: {}, other: {} }),
      ['npm install pm2@latest --global'],
    ],
    ['latest, and not there', { name: 'pm2', state: 'latest' }, is({}), ['npm install pm2@latest --global']],
  ])('%s', (_, args, seen, expected) => {
    expect(commands({ global: true, ...args }, seen)).toEqual(expected);
  });

  const project = is({ a: { version: '1.0.0' }, b: { missing: true }, c: { version: '1.0.0', invalid: '"^2"' } });
  it.each([
    ['installs the project', {}, project, ['npm install']],
    [
      'by its lock file',
      { ci: true, production: true, no_optional: true },
      project,
      ['npm ci --omit=dev --omit=optional'],
    ],
    ['is complete', { ci: true }, is({ a: { version: '1.0.0' } }), []],
    ['updates', { state: 'latest' }, is({ a: { version: '1.0.0' } }) + sent('outdated', { a: {} }), ['npm update']],
  ])('%s', (_, args, seen, expected) => {
    expect(commands({ path: '/srv/app', ...args }, seen).map((c) => c.replace(/ +/g, ' '))).toEqual(expected);
  });

  it('compares a range after npm has installed it', () => {
    const [change] = changes(plan({ name: 'pm2', global: true, version: '^5' }, pm2));
    expect(change).toMatchObject({ action: true, unaltered: expect.any(String) });
  });

  it('works in a directory of this machine', () => {
    const folder = scratch();
    mkdirSync(`${folder}/dep`);
    mkdirSync(`${folder}/app`);
    writeFileSync(`${folder}/dep/package.json`, '{"name": "dep", "version": "1.2.3"}');
    writeFileSync(`${folder}/app/package.json`, '{"name": "app", "dependencies": {"dep": "file:../dep"}}');
    const args = { path: `${folder}/app` };
    expect(apply(npm, args)).toMatchObject({ first: [`install dep in ${folder}/app`], again: [] });
    expect(list(`${folder}/app/node_modules`)).toContain('dep');
    expect(apply(npm, { ...args, name: 'dep', state: 'absent' })).toMatchObject({
      first: [`uninstall dep in ${folder}/app`],
      again: [],
    });
    expect(list(`${folder}/app/node_modules`)).not.toContain('dep');
  });

  it.each([
    ['npm missing', /the host has no npm/],
    ['folder missing', /\/srv\/app does not exist/],
    [`list ${encodeBase64('npm ERR! code EJSONPARSE')}`, /npm fails on the host/],
  ])('says what is in the way: %s', (seen, expected) => {
    expect(words(plan({ path: '/srv/app' }, seen))).toMatch(expected);
  });

  it.each([
    [{}, /'path' is missing/],
    [{ global: true, state: 'absent' }, /'name' is missing/],
    [{ global: true, version: '1' }, /'version' needs 'name'/],
    [{ path: '/a', ci: true, name: 'x' }, /installs the whole project/],
    [{ path: '/a', registry: 'https://me:pw@example.com' }, /without a password/],
    [{ path: '/a', name: '--x' }, /a package/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(npm, args)).toMatch(expected);
  });

  it('asks the registry of the task', () => {
    const registry = 'https://registry.example.com/';
    const [change] = changes(plan({ global: true, name: 'x', registry }, is({})));
    expect(change?.run.text).toContain(`npm_config_registry=${registry}`);
  });
});
