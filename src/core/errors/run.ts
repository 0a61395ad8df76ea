import { entry } from './entry.ts';

type Failed = Readonly<{ what: string; exit: string; detail: string }>;

export const run = {
  E_NO_CONNECTION_YET: entry({
    summary: 'wait_for_connection gave up',
    meaning: 'The host could not be reached within `timeout` seconds.',
    fix: 'Look at the host. If it only needs more time, raise `timeout`.',
    example: { timeout: 600, why: 'connect ECONNREFUSED' },
    tell: ({ timeout, why }: { timeout: number; why: string }) => ({
      message: `the host could not be reached within ${timeout} s`,
      detail: why,
    }),
  }),
  E_ASYNC: entry({
    summary: 'a module cannot run in the background',
    meaning:
      'A task has `async` and `poll: 0`, and its module has to send files, to wait for the host, or to report a result of its own.',
    fix: 'Remove `async` and `poll` from the task.',
    example: { module: 'copy' },
    tell: ({ module }: { module: string }) => ({
      message: `the module '${module}' cannot run in the background with 'poll: 0'`,
      hint: 'remove `async` and `poll`',
    }),
  }),
  E_NO_JOB: entry({
    summary: 'a background job is not known on the host',
    meaning: 'async_status asks for a job that this user never started on this host, or whose files were removed.',
    fix: 'Pass ansible_job_id of the registered result, and use the same `become_user`.',
    example: { jid: 'j1234.5' },
    tell: ({ jid }: { jid: string }) => ({
      message: `there is no job ${jid} on this host`,
      hint: 'use ansible_job_id of the task that started it, with the same `become_user`',
    }),
  }),
  E_JOB_FAILED: entry({
    summary: 'a background job failed',
    meaning:
      'The scripts of a task with `async` ended with an error, or took longer than `async` allows (exit code 124).',
    fix: 'Read the output below the message.',
    example: { jid: 'j1234.5', rc: 1, detail: 'E: Unable to locate package' },
    tell: ({ jid, rc, detail }: { jid: string; rc: number; detail: string }) => ({
      message: rc === 124 ? `job ${jid} took longer than 'async' allows` : `job ${jid} failed with exit code ${rc}`,
      detail,
    }),
  }),
  E_PROBE_FAILED: entry({
    summary: 'a read-only probe failed on a host',
    meaning: 'Before a change, bringup reads the state of the host with a script. The script ended with an error.',
    fix: 'Read the output below the message. The task may need `become: true`, or a program may be missing.',
    example: { exit: 2, detail: 'sh: 3: cannot open /etc/shadow: Permission denied' },
    tell: ({ what = 'probe', exit, detail }: { what?: string; exit: number; detail: string }) => ({
      message: `${what} failed (exit code ${exit}): ${lastLine(detail)}`,
      detail,
    }),
  }),
  E_MODULE_FAILED: entry({
    summary: "a project's own module failed",
    meaning: 'The module printed `"failed": true`, or it ended with an exit code other than 0.',
    fix: 'Read the message, which is the `msg` of the module. Its errors follow.',
    example: { module: 'feature_flag', why: 'the service does not answer', detail: 'curl: (7) Connection refused' },
    tell: ({ module, why, detail }: { module: string; why: string; detail: string }) => ({
      message: `the module '${module}' failed: ${why}`,
      detail,
    }),
  }),
  E_MODULE_OUTPUT: entry({
    summary: "a project's own module printed no result",
    meaning: 'A module prints one JSON object on its standard output. Without it, nobody knows what the module did.',
    fix: 'Correct the module: docs/own-modules.md describes what it prints.',
    example: { module: 'feature_flag', exit: 127, detail: 'feature_flag: 4: jq: not found' },
    tell: ({ module, exit, detail }: { module: string; exit: number; detail: string }) => ({
      message: `the module '${module}' printed no JSON object (exit code ${exit})`,
      detail,
      expected: '{"changed": true}',
    }),
  }),
  E_CHANGE_FAILED: entry({
    summary: 'a change failed on a host',
    meaning: 'The command of the change ended with an error. Its last lines of output follow the message.',
    fix: 'Read the output, correct its cause, and run the same command again.',
    example: { what: 'start nginx.service', exit: 'exit code 1', detail: 'nginx: [emerg] unknown directive "listn"' },
    tell: ({ what, exit, detail }: Failed) => ({ message: `${what}: ${exit}`, detail }),
  }),
  E_DISK_FULL: entry({
    summary: 'a file system on a host is full',
    meaning: 'A write failed with "No space left on device". The old state was kept.',
    fix: 'Make room on the file system that the output names. `df -h` lists the file systems.',
    example: { what: 'write /etc/motd', exit: 'exit code 1', detail: 'the file system / (/dev/vda1) has 0 KiB free' },
    tell: ({ what, exit, detail }: Failed) => ({
      message: `${what}: no space left on the disk (${exit})`,
      detail,
      hint: 'make room on the disk: df -h shows how full it is; the old state was kept',
    }),
  }),
  E_READ_ONLY: entry({
    summary: 'a file system on a host is read-only',
    meaning:
      'A write failed, because the file system is mounted read-only. Linux does that after an error of the disk.',
    fix: 'Find the reason with dmesg and mount, then remount the file system.',
    example: {
      what: 'write /etc/motd',
      exit: 'exit code 1',
      detail: "cannot create '/etc/motd': Read-only file system",
    },
    tell: ({ what, exit, detail }: Failed) => ({
      message: `${what}: the file system is read-only (${exit})`,
      detail,
      hint: 'find out why the file system is read-only (dmesg, mount), and remount it; the old state was kept',
    }),
  }),
  E_DPKG_LOCKED: entry({
    summary: 'another process holds the lock of dpkg',
    meaning: 'Only one process can install packages at a time. bringup waited, and the other one did not finish.',
    fix: 'Wait until the other process has finished, then run the same command again.',
    example: {
      what: 'install nginx',
      exit: 'exit code 100',
      by: 'process 812, unattended-upgr',
      detail: 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)',
    },
    tell: ({ what, exit, by, detail }: Failed & { by: string }) => ({
      message: `${what}: dpkg is locked by ${by} (${exit})`,
      detail,
      hint: 'wait until that process has finished, then run the same command again',
    }),
  }),
  E_PERMISSION: entry({
    summary: 'a task runs as a user who may not make the change',
    meaning: 'The task runs as the login user, and the change needs root.',
    fix: 'Add `become: true` to the task or to the play.',
    example: { what: 'install nginx', exit: 'exit code 100', user: 'deploy', detail: 'E: are you root?' },
    tell: ({ what, exit, user, detail }: Failed & { user: string }) => ({
      message: `${what}: permission denied for user '${user}' (${exit})`,
      detail,
      hint: 'add `become: true` to the task or the play',
    }),
  }),
  E_TASK_TIMEOUT: entry({
    summary: 'a task did not finish within its `timeout`',
    meaning: 'bringup ended the processes of the task on the host.',
    fix: 'Raise `timeout`, or find out on the host what the command waits for.',
    example: { what: 'run ./build.sh', seconds: 60, left: [] },
    tell: (of: { what: string; seconds: number | undefined; left: readonly number[] | undefined }) => ({
      message: `timed out after ${of.seconds} s: ${of.what}`,
      detail:
        of.left?.length === 0
          ? 'its processes on the host were ended'
          : `its processes may still run on the host${of.left === undefined ? '' : `: ${of.left.join(' ')}`}`,
      hint: 'raise `timeout`, or find out on the host what the command waits for',
    }),
  }),
  E_FAILED_WHEN: entry({
    summary: 'the condition of `failed_when` is true',
    meaning: 'The task itself did not fail. Its `failed_when` says that its result is a failure.',
    fix: "Correct what the task found, or the condition. 'debug' prints a registered result.",
    example: { condition: "'error' in result.stdout", detail: '' },
    tell: ({ condition, detail }: { condition: string; detail: string }) => ({
      message: `failed_when is true: ${condition}`,
      detail,
    }),
  }),
  E_RETRIES: entry({
    summary: 'the condition of `until` stayed false',
    meaning: 'The task ran again and again, as `retries` and `delay` say, and the condition never became true.',
    fix: 'Raise `retries` or `delay`, or find out why the condition stays false.',
    example: { retries: 3, condition: 'result.status == 200' },
    tell: ({ retries, condition }: { retries: number; condition: string }) => ({
      message: `after ${retries} retries the condition is still false: ${condition}`,
      hint: 'raise `retries` or `delay`, or find out why the condition stays false',
    }),
  }),
  E_DIVERGED: entry({
    summary: 'a change ran, and the host still differs from what the task asks for',
    meaning: 'After each change bringup reads the host again. The probe still finds something to change.',
    fix: 'Compare the wanted and the seen value. Another program or another task may write the same file.',
    example: { problem: "the host still differs: /etc/motd: wanted 'hello', seen 'hallo'" },
    tell: ({ problem, hint, detail }: { problem: string; hint?: string | undefined; detail?: string | undefined }) => ({
      message: `the change ran, but ${problem}`,
      hint,
      detail,
    }),
  }),
  E_NO_REBOOT: entry({
    summary: 'a host did not reboot',
    meaning: 'bringup asked the host to reboot, and it still runs with the same boot id.',
    fix: 'Look into the journal: an inhibitor or a hanging unit may hold the shutdown.',
    example: { timeout: 600 },
    tell: ({ timeout }: { timeout: number }) => ({
      message: `the host did not reboot within ${timeout} s`,
      hint: 'look for what holds the shutdown: systemd-inhibit --list; journalctl -e',
    }),
  }),
  E_UNDONE: entry({
    summary: 'a host undid a risky change by itself',
    meaning:
      'A change of the firewall or of sshd is confirmed over a new connection. None was possible, so the host restored the old state.',
    fix: 'Correct the rules so that the controller can still connect, then run again.',
    example: { what: 'table inet site: no new connection', detail: 'web1 (10.83.0.21:22): no answer within 10 s' },
    tell: ({ what, detail }: { what: string; detail: string }) => ({
      message: `${what}. The host has undone the change, and is as it was before`,
      detail,
      hint: 'let this machine connect, then run again',
    }),
  }),
  E_UPLOAD: entry({
    summary: 'a file cannot be written on a host',
    meaning: 'bringup puts files in place through a directory of its own, and the write failed.',
    fix: 'Read the output of the host. The disk may be full.',
    example: {
      host: 'web1',
      path: '/var/tmp/bringup/1',
      detail: 'No space left on device',
      hint: 'make room on the disk',
    },
    tell: ({
      host,
      path,
      detail,
      hint,
    }: {
      host: string;
      path: string;
      detail: string;
      hint?: string | undefined;
    }) => ({
      message: `${host}: ${path} cannot be written: ${lastLine(detail)}`,
      detail,
      hint,
    }),
  }),
  E_FETCH: entry({
    summary: 'a URL cannot be fetched',
    meaning:
      'The host fetches the file, or the controller if the host has no HTTP client. The request failed, or brought something else.',
    fix: 'Check the URL, and the network of the host and of the controller: curl -I URL.',
    example: { url: 'https://example.org/app.tar', why: '404 Not Found' },
    tell: ({ url, why }: { url: string; why: string }) => ({
      message: `${url} cannot be fetched: ${why}`,
      hint: `run: curl -I ${url}`,
    }),
  }),
  E_STOPPED: entry({
    summary: 'a host stops because the task failed on another host',
    meaning: '`any_errors_fatal` is true: no host continues when the task failed on one.',
    fix: 'Correct the failure on the other host.',
    example: { by: 'web2' },
    tell: ({ by }: { by: string }) => ({
      message: `stopped: the task failed on ${by}, and any_errors_fatal is true`,
    }),
  }),
  E_TOO_MANY_FAILED: entry({
    summary: 'a host stops because too many hosts failed',
    meaning: 'More hosts of the batch failed than `max_fail_percentage` allows. No host begins another task.',
    fix: 'Correct the failures on the other hosts.',
    example: { failed: 2, all: 5, most: 30 },
    tell: ({ failed, all, most }: { failed: number; all: number; most: number }) => ({
      message: `stopped: ${failed} of ${all} hosts failed, and max_fail_percentage is ${most}`,
    }),
  }),
  E_TASK_FAILED: entry({
    summary: 'a task failed',
    meaning: 'An item of the loop, or the task itself, failed without a message of its own.',
    fix: 'Read the lines above. `-v` prints more.',
    example: { name: 'Install nginx' },
    tell: ({ name }: { name: string }) => ({ message: `${name} failed` }),
  }),
  E_PLAYBOOK_FAILED: entry({
    summary: 'a playbook that a drill runs failed',
    meaning: 'A step of a drill runs a playbook as apply does, and a task failed.',
    fix: 'Apply the playbook by itself, and correct what fails.',
    example: { playbook: 'playbooks/site.yml', why: 'web1: Install nginx: exit code 100' },
    tell: ({ playbook, why }: { playbook: string; why: string }) => ({
      message: `${playbook} failed: ${why}`,
      hint: `run: bringup apply ${playbook}`,
    }),
  }),
  E_HANDLER_NOTE: entry({
    summary: 'the note of a waiting handler cannot be removed',
    meaning: '`bringup handlers --forget` removes notes on the host, and the command failed there.',
    fix: 'Read the output of the host.',
    example: { host: 'web1', exit: '1', detail: 'rm: Read-only file system' },
    tell: ({ host, exit, detail }: { host: string; exit: string; detail: string | undefined }) => ({
      message: `${host}: the note of a handler cannot be removed (exit code ${exit})`,
      detail,
    }),
  }),
};

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'no output';
}
