import { rootOf } from './disk.ts';
import { tryRun } from './run.ts';

/**
 * The last lines of a host's journal. It is read with the host's own journalctl, because ours may have another version.
 */
export async function journal(lab: string, host: string, count: number): Promise<string> {
  const argv = ['chroot', rootOf(lab, host), 'journalctl', '--no-pager', '-q', '-o', 'short-iso', '-n', String(count)];
  const { code, stdout } = await tryRun(argv);
  return code === 0 ? stdout : '';
}
