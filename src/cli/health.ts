// `bringup health`: what the machines of hosts say of themselves.
import { setMaxListeners } from 'node:events';
import pc from 'picocolors';
import { type Finding, type Verdict, worst } from '../core/health.ts';
import { healthOf } from './health-of.ts';
import { askEach, chosenHosts } from './hosts.ts';
import type { HostOptions } from './options.ts';
import { type OutputOptions, streams, tellError } from './output.ts';
import { openProject, stopOnProblems } from './project.ts';

const SIGNS: Readonly<Record<Verdict, string>> = {
  ok: pc.green('✓'),
  warning: pc.yellow('!'),
  critical: pc.red('✗'),
  unmeasured: pc.dim('-'),
};

/**
 * Shows the health of hosts. Returns the exit code: 0 nothing is wrong, 1 a host warns, fails or does not answer. What
 * cannot be measured is told, and is no fault.
 */
export async function showHealth(
  pattern: string,
  options: OutputOptions & HostOptions,
  signal: AbortSignal,
): Promise<number> {
  setMaxListeners(0, signal);
  const project = openProject({ ...options, writes: false });
  const hosts = chosenHosts(pattern, project);
  stopOnProblems(project.problems);
  const answers = await askEach(project, hosts, (line) => healthOf(line, signal), signal);
  const verdicts: Verdict[] = [];
  for (const one of answers) {
    if ('failed' in one) {
      verdicts.push('critical');
      if (options.output === 'json') {
        const [diagnostic] = one.failed.diagnostics;
        streams.out(`${JSON.stringify({ type: 'health', host: one.host, diagnostic })}\n`);
      } else tellError(one.failed);
      continue;
    }
    const verdict = worst(one.answer.map((finding) => finding.verdict));
    verdicts.push(verdict);
    if (options.output === 'json')
      streams.out(`${JSON.stringify({ type: 'health', host: one.host, verdict, findings: one.answer })}\n`);
    else streams.out(textOf(one.host, verdict, one.answer, options.verbose > 0));
  }
  return verdicts.some((verdict) => verdict === 'critical' || verdict === 'warning') ? 1 : 0;
}

/** Faults first. What cannot be measured is one line, unless every reason is wanted. */
function textOf(host: string, verdict: Verdict, findings: readonly Finding[], isVerbose: boolean): string {
  const order: readonly Verdict[] = ['critical', 'warning', 'ok', ...(isVerbose ? (['unmeasured'] as const) : [])];
  const lines = order.flatMap((wanted) =>
    findings
      .filter((one) => one.verdict === wanted)
      .flatMap(({ probe, part, seen, hint }) => [
        `  ${SIGNS[wanted]} ${part === probe ? '' : `${probe}: `}${part} ${pc.dim(seen)}`,
        ...(hint === undefined ? [] : [`      hint: ${hint}`]),
      ]),
  );
  const missing = findings.filter((one) => one.verdict === 'unmeasured').map(({ probe }) => probe);
  const last = isVerbose || missing.length === 0 ? [] : [`  ${SIGNS.unmeasured} not measured: ${missing.join(', ')}`];
  const title = `${SIGNS[verdict]} ${pc.bold(host)}${verdict === 'unmeasured' ? ': nothing is measured' : ''}`;
  return `${[title, ...lines, ...last].join('\n')}\n`;
}
