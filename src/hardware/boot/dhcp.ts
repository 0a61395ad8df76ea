import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../core/errors/index.ts';
import { environment, tryRun } from '../image/programs.ts';
import { maskOf, networkOf, type Wire } from './interface.ts';

/** A machine that is told what to boot. `address` is its own without a prefix; undefined: any of the network. */
export type Client = Readonly<{ mac: string; address: string | undefined }>;

/** dnsmasq on one interface. It answers only the machines that it was told, and forgets them when they are done. */
export type Dhcp = Readonly<{
  allow: (clients: readonly Client[]) => Promise<void>;
  /** Why dnsmasq has ended by itself. undefined: it runs. */
  ended: () => string | undefined;
  close: () => Promise<void>;
}>;

type Options = Readonly<{
  host: string;
  wire: Wire;
  /** proxy: another server gives the addresses, and this one only says what to boot. */
  mode: 'dhcp' | 'proxy';
  /** The URL of the boot server. */
  http: string;
  /** The directory of the installer. */
  installer: string;
  signal: AbortSignal;
}>;

/** GRUB asks the controller by MAC address what this machine shall boot. The rest is up to the firmware. */
const GRUB = (server: string): string => `set timeout=0\nconfigfile (http,${server})/grub/$net_default_mac\nexit\n`;

/** dnsmasq's configuration, apart from the machines. */
function configOf({ wire, mode, http }: Options, folder: string): string {
  const network = networkOf(wire.address, wire.prefix);
  const range =
    mode === 'proxy' ? `${network},proxy,${maskOf(wire.prefix)}` : `${network},static,${maskOf(wire.prefix)},15m`;
  return [
    'port=0',
    `interface=${wire.name}`,
    'bind-interfaces',
    'except-interface=lo',
    'keep-in-foreground',
    'log-dhcp',
    'log-facility=-',
    'user=root',
    'leasefile-ro',
    `dhcp-range=${range}`,
    `dhcp-hostsfile=${join(folder, 'hosts')}`,
    'dhcp-ignore=tag:!known',
    ...(mode === 'dhcp' ? ['dhcp-authoritative'] : []),
    // No route and no name server: the machine talks to this machine alone.
    'dhcp-option=3',
    'dhcp-option=6',
    'enable-tftp',
    `tftp-root=${join(folder, 'tftp')}`,
    'dhcp-userclass=set:ipxe,iPXE',
    'dhcp-match=set:uefi,option:client-arch,7',
    'dhcp-match=set:uefi,option:client-arch,9',
    ...(mode === 'proxy'
      ? ['pxe-service=tag:!ipxe,X86-64_EFI,bringup,bootx64.efi', 'pxe-service=tag:!ipxe,BC_EFI,bringup,bootx64.efi']
      : ['dhcp-boot=tag:uefi,tag:!ipxe,bootx64.efi']),
    `dhcp-boot=tag:ipxe,${http}/ipxe/\${net0/mac:hexhyp}`,
    '',
  ].join('\n');
}

export async function openDhcp(options: Options): Promise<Dhcp> {
  const { host, wire, http, installer, signal } = options;
  if (process.getuid?.() !== 0)
    throw failure('E_BOOT_NETWORK', { host, problem: 'a DHCP server needs root', hint: 'run bringup with sudo' });
  const folder = await mkdtemp(join(tmpdir(), 'bringup-boot-'));
  await mkdir(join(folder, 'tftp', 'grub'), { recursive: true });
  for (const file of ['bootx64.efi', 'grubx64.efi']) await copyFile(join(installer, file), join(folder, 'tftp', file));
  await writeFile(join(folder, 'tftp', 'grub', 'grub.cfg'), GRUB(http.replace('http://', '')));
  await writeFile(join(folder, 'hosts'), '');
  await writeFile(join(folder, 'config'), configOf(options, folder));
  const child = spawn('dnsmasq', [`--conf-file=${join(folder, 'config')}`], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      log = (log + part).slice(-64 * 1024);
    });
  let why: string | undefined;
  const closed = new Promise<void>((done) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      why = error.code === 'ENOENT' ? 'dnsmasq is not installed: apt-get install dnsmasq-base' : error.message;
      done();
    });
    child.on('close', (code) => {
      why ??= `dnsmasq ended (exit code ${code}): ${log.trimEnd().split('\n').slice(-2).join(' ')}`;
      done();
    });
  });
  const close = async (): Promise<void> => {
    child.kill();
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const until = Date.now() + 10_000; !/DHCP, .*(static leases|proxy)|IP range/.test(log); ) {
      if (why !== undefined || Date.now() > until)
        throw failure('E_BOOT_NETWORK', {
          host,
          problem: why ?? `dnsmasq does not serve ${wire.name}`,
          hint: `free UDP port 67 on ${wire.name}`,
        });
      await sleep(50, undefined, { signal });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async allow(clients) {
      const lines = clients.map(
        ({ mac, address }) =>
          `${mac},set:known${address === undefined || options.mode === 'proxy' ? '' : `,${address}`}\n`,
      );
      await writeFile(join(folder, 'hosts'), lines.join(''));
      child.kill('SIGHUP');
    },
    ended: () => why,
    close,
  };
}

/**
 * Asks for an address on an interface, as a machine would. Returns the address of the server that answers; undefined if
 * none does within some seconds.
 */
export async function otherDhcp(host: string, { name }: Wire, signal: AbortSignal): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'bringup-boot-'));
  try {
    const script = join(folder, 'seen');
    const found = join(folder, 'server');
    await writeFile(script, `#!/bin/sh\n[ "$1" != bound ] || echo "$serverid" > '${found}'\n`, { mode: 0o700 });
    const argv = ['busybox', 'udhcpc', '-f', '-n', '-q', '-t', '3', '-T', '2', '-i', name, '-s', script];
    const { code, stderr } = await tryRun(argv, { signal });
    if (code === 127 || /applet not found/.test(stderr))
      throw failure('E_BOOT_NETWORK', {
        host,
        problem: "'busybox', which looks for another DHCP server, is not installed",
        hint: 'install it: apt-get install busybox',
      });
    return await readFile(found, 'utf8').then(
      (text) => text.trim() || undefined,
      () => undefined,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
