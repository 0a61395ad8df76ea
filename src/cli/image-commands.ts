// The subcommands of `bringup image`.
import type { Command } from 'commander';
import { type CommandContext, hostOptionsOf, inventoryOptions } from './options.ts';

export function imageCommands(program: Command, { done, signal }: CommandContext): void {
  const image = program.command('image').description('create disk images, and SD cards and USB sticks for hosts');
  const write = image
    .command('write <host>')
    .description('create an SD card or USB stick from which this host boots and is reachable')
    .requiredOption('--to <target>', 'write to this file, disk (/dev/sdX) or mounted boot partition')
    .option('--image <image>', "use this built image, file or URL (default: the host's variable image)")
    .option('--checksum <checksum>', 'verify the image with this checksum: sha256:HEX or sha512:HEX')
    .option('--yes-i-mean <disk>', 'write to this disk although it is not removable');
  inventoryOptions(write).action(async (host: string, o) => {
    const { writeCard } = await import('./image.ts');
    const options = { ...(await hostOptionsOf(o)), to: o.to, image: o.image, checksum: o.checksum, meant: o.yesIMean };
    done(await writeCard(host, options, signal));
  });
  image
    .command('build <name>')
    .description('create a disk image: debian-12, debian-13, or as images/NAME.yml describes')
    .option('--file <file>', 'read the description from this file (default: images/NAME.yml)')
    .option('--force', 'replace an image that is built already, with the packages of today')
    .action(async (name: string, o) => {
      const { build } = await import('./image-build.ts');
      done(await build(name, { file: o.file, isForced: o.force === true }, signal));
    });
  image
    .command('list')
    .description('list the images that are built')
    .action(async () => {
      const { listImages } = await import('./image-build.ts');
      done(await listImages());
    });
}
