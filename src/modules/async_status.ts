import { Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { fields } from './shared/fields.ts';

const Args = args({
  jid: Type.String({
    pattern: '^j[0-9.]+$',
    expected: 'the ansible_job_id of a task with async and poll: 0',
    description: 'The job.',
  }),
  mode: Type.Enum(['status', 'cleanup'], {
    default: 'status',
    description: 'status: reports whether the job has ended, and its result. cleanup: removes its files.',
  }),
});
type Current = Readonly<{ exists: boolean; rc: number | undefined; stdout: string; stderr: string }>;

export const async_status = defineModule<typeof Args, Current>({
  name: 'async_status',
  summary: 'Reads the state of a task that was started with async and poll: 0.',
  args: Args,
  examples: [
    { title: 'Look at a job', args: { jid: 'j1234.5' } },
    { title: 'Remove the files of a job', args: { jid: 'j1234.5', mode: 'cleanup' } },
  ],
  // The job ends by itself, so an earlier answer says nothing about now.
  needs: () => ['live:*'],
  probe: ({ jid }) => sh`cd "$HOME/.ansible_async" 2>/dev/null || exit 0
[ ! -e ${jid}.state ] || echo state
if [ -e ${jid}.rc ]; then
  printf 'rc %s\nout %s\nerr %s\n' "$(cat ${jid}.rc)" "$(base64 -w0 <${jid}.out)" "$(base64 -w0 <${jid}.err)"
fi`,
  parse(stdout) {
    const f = fields(stdout);
    const rc = f.get('rc');
    return {
      exists: f.get('state') !== undefined,
      rc: rc === undefined ? undefined : Number(rc),
      stdout: f.text('out') ?? '',
      stderr: f.text('err') ?? '',
    };
  },
  plan({ exists, rc, stderr }, { jid, mode }): Steps {
    if (mode === 'cleanup')
      return exists
        ? [
            {
              what: `remove the files of job ${jid}`,
              run: sh`cd "$HOME/.ansible_async"; rm -f ${jid}.state ${jid}.rc ${jid}.out ${jid}.err ${jid}.sh`,
            },
          ]
        : [];
    if (!exists) return blocked('E_NO_JOB', { jid });
    if (rc === undefined) return [];
    if (rc !== 0) return blocked('E_JOB_FAILED', { jid, rc, detail: stderr });
    // What the job changed counts here, because nobody waited for it before.
    return [{ what: `job ${jid} has ended`, run: sh`:`, action: true }];
  },
  data({ exists, rc, stdout, stderr }, { jid, mode }) {
    if (mode === 'cleanup') return { ansible_job_id: jid, erased: `~/.ansible_async/${jid}` };
    const job = { ansible_job_id: jid, results_file: `~/.ansible_async/${jid}`, started: exists ? 1 : 0 };
    if (rc === undefined) return { ...job, finished: 0, stdout: '', stderr: '' };
    return {
      ...job,
      finished: 1,
      rc,
      stdout: stdout.replace(/\n$/, ''),
      stderr: stderr.replace(/\n$/, ''),
      changed: true,
    };
  },
});
