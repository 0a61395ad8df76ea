import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { SETUP, setupOf } from './setup.ts';

/** What a file images/NAME.yml says. */
export const RecipeFile = Type.Object(
  {
    debian: Type.Integer({ expected: '12 or 13', minimum: 12, maximum: 13, description: 'The release of Debian.' }),
    arch: Type.Union([Type.Literal('amd64'), Type.Literal('arm64')], {
      default: 'amd64',
      description: 'The architecture of the machine.',
    }),
    size: Type.String({
      default: '1G',
      pattern: '^[1-9]\\d*[MG]$',
      expected: 'a whole number with M (MiB) or G (GiB), e.g. 1G',
      description: 'The size of the image. The root file system grows to the size of the disk at the first boot.',
    }),
    packages: Type.Array(
      Type.String({ pattern: '^[a-z0-9][a-z0-9+.:-]+$', expected: 'the name of a Debian package' }),
      {
        default: [],
        description: 'More Debian packages.',
      },
    ),
  },
  { additionalProperties: false },
);
export type Recipe = Static<typeof RecipeFile>;

/** Images that need no file. */
export const USUAL: Readonly<Record<string, Pick<Recipe, 'debian' | 'arch'>>> = {
  'debian-12': { debian: 12, arch: 'amd64' },
  'debian-13': { debian: 13, arch: 'amd64' },
  'debian-12-arm64': { debian: 12, arch: 'arm64' },
  'debian-13-arm64': { debian: 13, arch: 'arm64' },
};

const MIRROR = 'http://deb.debian.org/debian';
const SECURITY = 'http://deb.debian.org/debian-security';

/** A small Debian server with its own kernel, sshd, cloud-init and GRUB. */
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'systemd-resolved', 'systemd-timesyncd', 'dbus', 'udev', 'kmod'],
  ...['openssh-server', 'sudo', 'iproute2', 'iputils-ping', 'netbase', 'procps', 'tzdata'],
  ...['initramfs-tools', 'zstd', 'e2fsprogs', 'shim-signed'],
  // They read the seed, configure the network, and grow the root file system to the size of the disk.
  ...['cloud-init', 'cloud-guest-utils', 'netplan.io', 'fdisk'],
];

export const suiteOf = ({ debian }: Recipe): 'bookworm' | 'trixie' => (debian === 12 ? 'bookworm' : 'trixie');

/** The lines of sources.list, in the image too. */
export function sourcesOf(recipe: Recipe): readonly string[] {
  const suite = suiteOf(recipe);
  return [
    `deb ${MIRROR} ${suite} main`,
    `deb ${MIRROR} ${suite}-updates main`,
    `deb ${SECURITY} ${suite}-security main`,
  ];
}

export function packagesOf({ debian, arch, packages }: Recipe): readonly string[] {
  const own = [`linux-image-${arch}`, `grub-efi-${arch}`, `grub-efi-${arch}-signed`];
  // Since Debian 13, a separate package permits unprivileged users to ping.
  return [...PACKAGES, ...own, ...(debian === 13 ? ['linux-sysctl-defaults'] : []), ...packages];
}

/** The size of the image in MiB. */
export function mebibytes({ size }: Recipe): number {
  return Number.parseInt(size, 10) * (size.endsWith('G') ? 1024 : 1);
}

/** Names what determines an image, except for the versions of its packages. */
export function recipeKey(recipe: Recipe): string {
  const all = [SETUP, setupOf(recipe.arch), sourcesOf(recipe), packagesOf(recipe), mebibytes(recipe)];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}
