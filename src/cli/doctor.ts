// `bringup doctor`: what is missing on this machine and on the hosts, and how it is fixed.
import { setMaxListeners } from 'node:events';
import pc from 'picocolors';
import type { Diagnostic } from '../core/diagnostic.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { diagnosticText } from '../report/words.ts';
import type { Answer } from './doctor/contract.ts';
import { askHere } from './doctor/here.ts';
import { HOST_SCRIPT, judgeHost } from './doctor/host.ts';
import { askEach, chosenHosts } from './hosts.ts';
import type { HostOptions } from './options.ts';
import { type OutputOptions, source, streams } from './output.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';

/** What was found in a place: 'this machine', or a host. */
type Place = Readonly<{ place: string; answers: readonly Answer[]; diagnostic?: Diagnostic }>;

/** Changes nothing. Returns the exit code: 0 nothing is in the way, 1 something is. */
export async function examine(
  pattern: string,
  options: OutputOptions & HostOptions,
  signal: AbortSignal,
): Promise<number> {
  setMaxListeners(0, signal);
  const project = openProject({ ...options, writes: false });
  const hosts = chosenHosts(pattern, project);
  stopOnProblems(project.problems);
  const has = (name: string, test: (value: unknown) => boolean): boolean =>
    hosts.some((host) => test(variable(project, host, name)));
  const answers = await askHere({
    inventoryDir: project.inventory.dir,
    hasLab: has('lab_name', (value) => typeof value === 'string'),
    usesSsh: has('ansible_connection', (value) => value !== 'local') && has('lab_name', (value) => value === undefined),
  });
  const places: Place[] = [{ place: 'this machine', answers }];
  places.push(...(await askHosts(project, hosts, signal)));
  for (const place of places)
    streams.out(
      options.output === 'json'
        ? `${JSON.stringify({ type: 'doctor', ...place })}\n`
        : textOf(place, options.verbose > 0),
    );
  const faults = places.filter(isFaulty).length;
  if (options.output !== 'json')
    streams.out(
      faults === 0 ? 'nothing is in the way\n' : `something is in the way in ${faults} of ${places.length} places\n`,
    );
  return faults === 0 ? 0 : 1;
}

async function askHosts(project: Project, hosts: readonly string[], signal: AbortSignal): Promise<readonly Place[]> {
  const asked = await askEach(
    project,
    hosts,
    async (line, host) => {
      const [output] = await line.run([{ script: HOST_SCRIPT, user: 'root' }], { signal, timeout: 60 });
      return judgeHost(output?.stdout ?? '', Date.now() / 1000, host);
    },
    signal,
  );
  return asked.map((one): Place => {
    if ('answer' in one)
      return { place: one.host, answers: [{ topic: 'login and sudo', seen: 'work', troubles: [] }, ...one.answer] };
    const [diagnostic] = one.failed.diagnostics;
    return { place: one.host, answers: [], ...(diagnostic !== undefined && { diagnostic }) };
  });
}

const isFaulty = ({ answers, diagnostic }: Place): boolean =>
  diagnostic !== undefined || answers.some(({ troubles }) => troubles.some(({ isFault }) => isFault));

/** Good answers are one line, unless all are wanted. */
function textOf(one: Place, isVerbose: boolean): string {
  const { place, answers, diagnostic } = one;
  const lines = answers.flatMap(({ topic, seen, troubles }) => {
    if (troubles.length === 0) return isVerbose ? [`  ${pc.green('✓')} ${topic}: ${seen}`] : [];
    return troubles.flatMap(({ what, hint, isFault }) => [
      `  ${isFault ? pc.red('✗') : pc.yellow('!')} ${topic}: ${what}`,
      `      hint: ${hint}`,
    ]);
  });
  const why = diagnostic === undefined ? [] : [diagnosticText(diagnostic, source).replace(/^/gm, '  ')];
  const fine = answers.filter(({ troubles }) => troubles.length === 0).map(({ topic }) => topic);
  const rest = isVerbose || fine.length === 0 ? [] : [`  ${pc.green('✓')} ${fine.join(', ')}`];
  return `${[`${isFaulty(one) ? pc.red('✗') : pc.green('✓')} ${pc.bold(place)}`, ...why, ...lines, ...rest].join('\n')}\n`;
}

function variable({ templates, inventory, extraVars }: Project, host: string, name: string): unknown {
  try {
    return inventoryScope(templates, inventory, extraVars, '.', host).get(name);
  } catch {
    return undefined; // opening a connection to the host reports it
  }
}
