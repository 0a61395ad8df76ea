import type { Connection, Target } from '../core/connection.ts';
import { connectLocal } from './local.ts';
import type { LoginPorts } from './login.ts';
import { connectSsh } from './ssh.ts';

/** Opens a line to a host the way its inventory says. */
export async function connect(target: Target, ports: LoginPorts, signal?: AbortSignal): Promise<Connection> {
  return target.via === 'local' ? connectLocal(target) : connectSsh(target, ports, signal);
}
