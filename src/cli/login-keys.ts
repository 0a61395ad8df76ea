import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Target } from '../core/connection.ts';
import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';

/** The public keys of the private keys that bringup logs in with. */
export function publicKeysOf({ name, privateKeyFile }: Target, at: Pos | undefined): readonly string[] {
  const own = privateKeyFile === undefined ? undefined : privateKeyFile.replace(/^~(?=\/)/, homedir());
  const files = (own === undefined ? usualKeys() : [own]).map((file) => `${file}.pub`);
  const keys = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8').trim());
  const good = keys.filter((key) => /^(ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/=]+( [^\n]*)?$/.test(key));
  if (good.length > 0) return good;
  const hint =
    own !== undefined && existsSync(own)
      ? `write it from the private key: ssh-keygen -y -f ${own} > ${own}.pub`
      : `create a key pair: ssh-keygen -t ed25519${own === undefined ? '' : ` -f ${own}`}`;
  throw failure('E_IMAGE_PUBLIC_KEY', { host: name, files, hint }, at);
}
const usualKeys = (): readonly string[] =>
  ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((file) => join(homedir(), '.ssh', file));
