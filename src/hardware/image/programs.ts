import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../core/errors/index.ts';

/** The Debian package of each program that works on images. */
const PACKAGES = {
  dd: 'coreutils',
  debugfs: 'e2fsprogs',
  mcopy: 'mtools',
  mdir: 'mtools',
  mke2fs: 'e2fsprogs',
  'mkfs.vfat': 'dosfstools',
  mlabel: 'mtools',
  mmd: 'mtools',
  mmdebstrap: 'mmdebstrap',
  mtype: 'mtools',
  newuidmap: 'uidmap',
  'qemu-aarch64-static': 'qemu-user-static',
  sfdisk: 'fdisk',
  'ssh-keygen': 'openssh-client',
  xz: 'xz-utils',
  zstd: 'zstd',
} as const;
export type Program = keyof typeof PACKAGES;

/** Throws one Failure that names all missing programs and their packages. */
export function needPrograms(programs: readonly Program[]): void {
  const missing = [...new Set(programs)].filter((program) => !isInPath(program));
  if (missing.length === 0) return;
  throw failure('E_IMAGE_TOOLS', {
    programs: missing,
    packages: [...new Set(missing.map((program) => PACKAGES[program]))].sort(),
  });
}

/** Not every user has the sbin directories in PATH. */
const SBIN = ['/usr/sbin', '/sbin'];

function isInPath(program: string): boolean {
  return [...(process.env['PATH'] ?? '').split(':'), ...SBIN].some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The environment of a program. */
export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: [process.env['PATH'] ?? '', ...SBIN].join(':'),
    LC_ALL: 'C.UTF-8',
    // mtools refuses partitions whose size is no multiple of a track, which means nothing on today's disks.
    MTOOLS_SKIP_CHECK: '1',
    ...more,
  };
}

type Options = Readonly<{ input?: string; env?: Readonly<Record<string, string>>; signal?: AbortSignal | undefined }>;

/** Runs a program and returns its stdout. Throws Failure with the end of its stderr if it fails. */
export async function run(argv: readonly string[], { input = '', env, signal }: Options = {}): Promise<string> {
  const { code, stdout, stderr } = await tryRun(argv, { input, ...(env !== undefined && { env }), signal });
  if (code === 0) return stdout;
  throw programFailed(argv, code, stderr);
}

export async function tryRun(
  argv: readonly string[],
  { input = '', env, signal }: Options = {},
): Promise<Readonly<{ code: number | null; stdout: string; stderr: string }>> {
  signal?.throwIfAborted();
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { env: environment(env), detached: true });
  // The whole process group. mmdebstrap removes what it has made.
  const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  signal?.addEventListener('abort', kill);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => out.push(data));
  child.stderr.on('data', (data: Buffer) => err.push(data));
  child.stdin.on('error', () => {}); // a program that ends without reading its input tells so by its exit code
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      err.push(Buffer.from(error.message));
      resolve(127);
    });
    child.on('close', resolve);
  }).finally(() => signal?.removeEventListener('abort', kill));
  signal?.throwIfAborted();
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

export function programFailed(argv: readonly string[], code: number | null, stderr: string) {
  const detail = stderr.trimEnd().split('\n').slice(-20).join('\n');
  return failure('E_IMAGE_PROGRAM', { command: argv.join(' '), code, ...(detail !== '' && { detail }) });
}

/** Does something with files. An error of the operating system becomes a Failure, about `file` if it names none. */
export async function withFileErrors<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall, path, message } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    const why = /^\w+: ([^,]+)/.exec(message)?.[1] ?? message;
    throw failure('E_IMAGE_FILE', { file: path ?? file, why }, undefined, { cause: error });
  }
}
