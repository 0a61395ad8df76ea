import type { Connection, Target } from '../core/connection.ts';
import { connectSsh, type SshPorts } from './ssh.ts';

/** Opens a connection to a host in the way that its inventory says. */
export async function connect(target: Target, ports: SshPorts, signal?: AbortSignal): Promise<Connection> {
  if (target.via === 'ssh') return connectSsh(target, ports, signal);
  const { connectLocal } = await import('./local.ts');
  return connectLocal(target);
}
