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

/** The directory and all directories above it, '/' first. The path must be normalised. */
export function ancestors(folder: string): readonly string[] {
  if (folder === '/') return ['/'];
  const parts = folder.split('/').slice(1);
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

/** Whether a path is absolute and normalised: it contains no `.`, `..` or empty component. */
export function isPlain(path: string): boolean {
  return path === '/' || /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/.test(path);
}

/** A hidden name that nobody on the host can predict, even after seeing other names of the same run. */
export function stageName(path: string, ctx: Pick<Context, 'nonce' | 'sha256'>, version = ''): string {
  return `.bringup-${ctx.sha256(`${ctx.nonce}\0${path}\0${version}`).slice(0, 20)}`;
}

/** The path of a big upload until its script moves it into place, in a directory that belongs to the acting user. */
export function spoolOf(path: string, version: string, ctx: Pick<Context, 'nonce' | 'sha256'>): string {
  return `/var/tmp/${stageName(path, ctx, `spool ${version}`)}/file`;
}

/** The hidden name beside `path` under which new content is written before it is renamed over `path`. */
export function stageOf(path: string, ctx: Pick<Context, 'nonce' | 'sha256'>): string {
  // The name is hidden and keeps the extension at its end, so that `include *.conf`, run-parts and systemd ignore the
  // staged file.
  return join(dirname(path), `${stageName(path, ctx)}-${basename(path).slice(-180)}`);
}
