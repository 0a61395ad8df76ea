import { readFileSync } from 'node:fs';
import { unreadable } from '../config/files.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { mergeReports, Wrong } from '../report/merge.ts';
import { doneText, recapText } from '../report/summary.ts';
import { streams } from './output.ts';

/** `report merge`: one recap of the JSON outputs of several runs. The exit code is that of the worst run. */
export function mergeFiles(files: readonly string[], options: Readonly<{ json: boolean; exitCode: boolean }>): number {
  const { done, unfinished } = merged(files.map((name) => ({ name, text: read(name) })));
  streams.out(
    options.json ? `${JSON.stringify(done)}\n` : `${recapText(done.hosts, done.mode)}\n\n${doneText(done)}\n`,
  );
  for (const name of unfinished) streams.err(`${name}: this run did not come to its end\n`);
  if (done.interrupted) return 130;
  if (unfinished.length > 0 || done.hosts.some((h) => h.failed > 0 || h.unreachable)) return 1;
  return options.exitCode && done.hosts.some((h) => h.changed + h.unknown > 0) ? 3 : 0;
}

function merged(outputs: Parameters<typeof mergeReports>[0]): ReturnType<typeof mergeReports> {
  try {
    return mergeReports(outputs);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw failure('E_REPORT_FORMAT', { problem: error.message }, { file: error.file, line: error.line, col: 1 });
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(unreadable(file, error));
  }
}
