import { readFile } from 'node:fs/promises';
import { failure } from '../core/errors/index.ts';
import { needHost, needLab } from './guard.ts';
import { isOn } from './host.ts';
import { machineOf } from './machines/index.ts';
import type { ConsoleWay } from './machines/machine.ts';
import { consoleLog } from './state.ts';

/** How the console of a host is reached. Throws Failure if the host is off. */
export async function consoleOf(name: string, host: string): Promise<ConsoleWay> {
  const record = needHost(await needLab(name), host);
  const way = (await isOn(name, host)) ? await machineOf(record).console(name, host) : undefined;
  if (way === undefined) throw failure('E_CONSOLE_OPEN', { host, device: 'lab', why: `${host} is off` });
  return way;
}

/** What a host's console printed since its last power on. Empty: it never had power. */
export async function bootLog(name: string, host: string): Promise<string> {
  const record = needHost(await needLab(name), host);
  const text = await readFile(consoleLog(name, record.name), 'utf8').catch(() => '');
  const [last = ''] = text.split(/^(?=--- power on )/m).slice(-1);
  return last.startsWith('--- power on ') ? last : '';
}
