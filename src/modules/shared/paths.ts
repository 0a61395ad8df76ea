import type { Context } from '../../core/module.ts';

export function dirname(path: string): string {
  const at = path.replace(/\/+$/, '').lastIndexOf('/');
  return at <= 0 ? (path.startsWith('/') ? '/' : '.') : path.slice(0, at);
}

export function basename(path: string): string {
  const bare = path.replace(/\/+$/, '');
  return bare.slice(bare.lastIndexOf('/') + 1);
}

export function join(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** The directory itself and every one above it, '/' first. The path is plain. */
export function ancestors(folder: string): readonly string[] {
  if (folder === '/') return ['/'];
  const parts = folder.split('/').slice(1);
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

/** Whether a path names each directory on the way once, by its own name. */
export function isPlain(path: string): boolean {
  return path === '/' || /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/.test(path);
}

/** A hidden name that nobody on the host can foresee, not even who has seen others of the same run. */
export function stageName(path: string, ctx: Pick<Context, 'nonce' | 'sha256'>, version = ''): string {
  return `.bringup-${ctx.sha256(`${ctx.nonce}\0${path}\0${version}`).slice(0, 20)}`;
}

/** Where a big upload waits for the script that puts it in its place, in a directory of the acting user's own. */
export function spoolOf(path: string, version: string, ctx: Pick<Context, 'nonce' | 'sha256'>): string {
  return `/var/tmp/${stageName(path, ctx, `spool ${version}`)}/file`;
}

/** The hidden name beside `path` under which its new content is written before it is renamed over it. */
export function stageOf(path: string, ctx: Pick<Context, 'nonce' | 'sha256'>): string {
  // hidden, and with the real ending: neither `include *.conf` nor run-parts nor systemd takes it for a file of its own
  return join(dirname(path), `${stageName(path, ctx)}-${basename(path).slice(-180)}`);
}
