import { describe, expect, it } from 'vitest';
import { mebibytes, packagesOf, type Recipe, recipeKey, sourcesOf } from '../../../../src/hardware/image/recipe.ts';

const BASE: Recipe = { debian: 13, arch: 'amd64', size: '1G', packages: [] };

describe('the recipe of an image', () => {
  it.each<[Partial<Recipe>, readonly string[]]>([
    [{}, ['linux-image-amd64', 'grub-efi-amd64-signed', 'linux-sysctl-defaults']],
    [{ arch: 'arm64' }, ['linux-image-arm64', 'grub-efi-arm64-signed']],
    [{ packages: ['nftables'] }, ['nftables', 'cloud-init']],
  ])('%j has its packages', (more, packages) =>
    expect(packagesOf({ ...BASE, ...more })).toEqual(expect.arrayContaining([...packages])),
  );
  it('asks Debian 12 for no package that only Debian 13 has', () =>
    expect(packagesOf({ ...BASE, debian: 12 })).not.toContain('linux-sysctl-defaults'));
  it('takes packages of its release, with security updates', () =>
    expect(sourcesOf({ ...BASE, debian: 12 }).join('\n')).toMatch(
      /bookworm main\n.*bookworm-updates main\n.*bookworm-security main/,
    ));
  it.each([
    ['800M', 800],
    ['2G', 2048],
  ])('size %s', (size, mib) => expect(mebibytes({ ...BASE, size })).toBe(mib));

  it.each<[string, Partial<Recipe>]>([
    ['the release', { debian: 12 }],
    ['the architecture', { arch: 'arm64' }],
    ['the size', { size: '2G' }],
    ['a package', { packages: ['vim'] }],
  ])('has another key if %s changes', (_, change) =>
    expect(recipeKey({ ...BASE, ...change })).not.toBe(recipeKey(BASE)),
  );
  it('has one key for two ways to write a size', () =>
    expect(recipeKey({ ...BASE, size: '1024M' })).toBe(recipeKey(BASE)));
});
