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

/** The hidden name beside `path` under which its new content is written before it is renamed over it. */
export function stageOf(path: string, nonce: string): string {
  // hidden, and with the real ending: neither `include *.conf` nor run-parts nor systemd takes it for a file of its own
  return join(dirname(path), `.bringup-${nonce}-${basename(path).slice(-180)}`);
}
