import { didYouMean } from '../diagnostic.ts';
import { entry } from './entry.ts';

type Problem = Readonly<{ problem: string; expected?: string | undefined; hint?: string | undefined }>;

export const images = {
  E_IMAGE_VARIABLE: entry({
    summary: 'a variable that a card needs is missing or wrong',
    meaning: 'A card gets the host name, the login user, the network and the time zone from the inventory.',
    fix: 'Correct the variable of the host as `expected:` describes it.',
    example: {
      host: 'web1',
      problem: 'the gateway 10.0.1.1 is not in 10.0.0.21/24',
      expected: 'an address of the same network',
    },
    tell: ({ host, problem, expected, hint }: Problem & { host: string }) => ({
      message: `${host}: ${problem}`,
      expected,
      hint,
    }),
  }),
  E_IMAGE_PUBLIC_KEY: entry({
    summary: 'there is no public key for the login user of a card',
    meaning: 'The login user of a new host has no password, so a card without a public key would lock everybody out.',
    fix: 'Create a key pair with ssh-keygen, and name its private key in ansible_ssh_private_key_file.',
    example: { host: 'web1', files: ['~/.ssh/id_ed25519.pub'], hint: 'create a key pair: ssh-keygen -t ed25519' },
    tell: ({ host, files, hint }: { host: string; files: readonly string[]; hint: string }) => ({
      message: `${host}: there is no public key for the login user`,
      expected: `a public key in ${files.join(' or ')}`,
      hint,
    }),
  }),
  E_IMAGE_RECIPE: entry({
    summary: 'the description of an image is wrong or missing',
    meaning: 'images/NAME.yml says which release of Debian, which packages and which size an image has.',
    fix: 'Correct the file as `expected:` describes it.',
    example: { problem: "'debian' is not valid", expected: '12 or 13' },
    tell: ({ problem, expected, hint }: Problem) => ({ message: problem, expected, hint }),
  }),
  E_IMAGE_UNKNOWN: entry({
    summary: 'there is no image of this name',
    meaning: 'An image is a file, a URL, or the name of an image that `bringup image build` has built.',
    fix: 'Correct the name, or build the image. `bringup image list` lists the images that are built.',
    example: { name: 'debian-31', known: ['debian-13'] },
    tell: ({ name, known }: { name: string; known: readonly string[] }) => ({
      message: `there is no file and no built image '${name}'`,
      ...didYouMean(name, known),
      ...(known.length === 0 && { hint: 'build an image: bringup image build NAME' }),
    }),
  }),
  E_IMAGE_FORMAT: entry({
    summary: 'a file is not the image of a whole disk',
    meaning: 'bringup writes raw images with a partition table: as they are, or compressed with xz, gzip or zstd.',
    fix: 'Convert or unpack the file, as the hint says.',
    example: {
      file: 'disk.qcow2',
      problem: 'is a qcow2 image',
      hint: 'run: qemu-img convert -O raw disk.qcow2 disk.img',
    },
    tell: ({ file, problem, hint }: { file: string; problem: string; hint?: string | undefined }) => ({
      message: `${file} ${problem}`,
      expected: 'a raw image of a whole disk: .img, .img.xz, .img.gz or .img.zst',
      hint,
    }),
  }),
  E_IMAGE_BOOT_PARTITION: entry({
    summary: 'an image has no partition that a seed can be written to',
    meaning:
      'cloud-init reads the seed from a FAT partition: one with the label CIDATA, the boot partition of a Raspberry Pi, or the EFI system partition.',
    fix: 'Use an image with cloud-init and a FAT partition.',
    example: { file: 'card.img', problem: 'has no FAT partition' },
    tell: ({ file, problem, hint }: { file: string; problem: string; hint?: string | undefined }) => ({
      message: `${file} ${problem}`,
      expected: 'an image with cloud-init and a FAT partition',
      hint,
    }),
  }),
  E_IMAGE_TARGET: entry({
    summary: 'a card cannot be written to this file, disk or directory',
    meaning: 'bringup does not write to a disk that is in use, that may be the wrong one, or that is too small.',
    fix: 'Do what the hint says, or give another target with --to.',
    example: { to: '/dev/sda', problem: 'is mounted at /', hint: 'unmount it first: umount /dev/sda1' },
    tell: ({ to, problem, expected, hint }: Problem & { to: string }) => ({
      message: `${to} ${problem}`,
      expected,
      hint,
    }),
  }),
  E_IMAGE_TOOLS: entry({
    summary: 'this machine lacks programs that work on images',
    meaning: 'Images are made and written without root and without mounting, with ordinary programs.',
    fix: 'Install the packages that the hint names.',
    example: { programs: ['mcopy'], packages: ['mtools'] },
    tell: ({ programs, packages }: { programs: readonly string[]; packages: readonly string[] }) => ({
      message: `this machine has no ${programs.join(', no ')}`,
      hint: `run: apt-get install --no-install-recommends ${packages.join(' ')}`,
    }),
  }),
};

export const imageRuns = {
  E_IMAGE_BUILD: entry({
    summary: 'an image cannot be built',
    meaning:
      'mmdebstrap installs Debian packages into a directory, and mke2fs makes a file system of it. One of them failed.',
    fix: 'Read the output below the message: a package does not exist, the image is too small, or the mirror is not reached.',
    example: {
      problem: 'the packages cannot be installed (mmdebstrap: exit code 25)',
      detail: 'E: Unable to locate package ngnix',
      hint: 'check the names of the packages, and that this machine reaches deb.debian.org',
    },
    tell: ({ problem, detail, hint }: { problem: string; detail: string; hint?: string | undefined }) => ({
      message: problem,
      detail,
      hint,
    }),
  }),
  E_IMAGE_CHECKSUM: entry({
    summary: 'an image does not have the checksum that was given',
    meaning: 'The file is damaged, is another version, or was replaced by somebody. Nothing was written.',
    fix: 'Download the image again, and compare the checksum with the one that its publisher shows.',
    example: { file: 'card.img.xz', wanted: 'sha256:9f86d081…', seen: 'sha256:60303ae2…' },
    tell: ({ file, wanted, seen }: { file: string; wanted: string; seen: string }) => ({
      message: `${file} has the checksum ${seen}`,
      expected: wanted,
      hint: 'download the image again, and compare the checksum with the one that its publisher shows',
    }),
  }),
  E_IMAGE_READ_BACK: entry({
    summary: 'a disk does not hold what was written to it',
    meaning: 'bringup reads a card again after it wrote it. The card, its reader or the cable is faulty.',
    fix: 'Use another card or another reader.',
    example: { to: '/dev/sdb', what: 'the image' },
    tell: ({ to, what }: { to: string; what: string }) => ({
      message: `${to} does not hold ${what} that was written to it`,
      hint: 'use another card or another reader',
    }),
  }),
  E_IMAGE_FILE: entry({
    summary: 'the operating system refuses to read or write a file of an image',
    meaning: 'A disk is full, read-only or faulty, or a file may not be read or written by you.',
    fix: 'Free some space, give another target with --to, or correct the rights of the file.',
    example: { file: 'card.img', why: 'no space left on device' },
    tell: ({ file, why }: { file: string; why: string }) => ({
      message: `${file}: ${why}`,
      hint: 'free some space, give another target with --to, or correct the rights of the file',
    }),
  }),
  E_IMAGE_PROGRAM: entry({
    summary: 'a program that works on an image failed',
    meaning: 'bringup runs programs such as xz, mcopy and mke2fs on images. One of them failed.',
    fix: 'Read the output below the message.',
    example: { command: 'xz -dc card.img.xz', code: 1, detail: 'xz: card.img.xz: Unexpected end of input' },
    tell: ({ command, code, detail }: { command: string; code: number | null; detail?: string }) => ({
      message: `'${command}' failed (exit code ${code})`,
      detail,
    }),
  }),
};
