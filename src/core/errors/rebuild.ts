import { entry } from './entry.ts';

/** Why hosts may not be rebuilt. Nothing was touched. */
export const rebuild = {
  E_REBUILD_HOST: entry({
    summary: 'a rebuild would erase a host that is not marked for it',
    meaning: '`bringup rebuild` erases the disk of a host. It touches only hosts with `rebuild: true`.',
    fix: 'Set `rebuild: true` for the host in the inventory, if its disk may be erased.',
    example: { host: 'web1', seen: 'nothing' },
    tell: ({ host, seen }: { host: string; seen: string }) => ({
      message: `rebuild erases the disk of ${host}, which is not marked with rebuild: true`,
      expected: `rebuild: true for ${host} in the inventory; found ${seen}`,
      hint: `if the disk of ${host} may be erased, set rebuild: true for it in the inventory`,
    }),
  }),
};

/** What goes wrong while hosts are rebuilt. */
export const rebuildRuns = {
  E_REBUILD_REFUSED: entry({
    summary: 'the site cannot do without a host, so the host is not rebuilt',
    meaning:
      'playbooks/rebuild/may.yml judges whether the site keeps serving and keeps its data while the host is away. Nothing was changed.',
    fix: 'Do what the reason says, then run the same command again.',
    example: { host: 'db1', why: 'db1 is the primary, and no replica is in sync' },
    tell: ({ host, why }: { host: string; why: string }) => ({
      message: `${host} is not rebuilt: ${why}`,
      hint: `repair the site first: bringup check shows what is wrong`,
    }),
  }),
  E_REBUILD_CHECKS: entry({
    summary: 'checks fail after a host was rebuilt',
    meaning: 'The host has a fresh system and was configured, and the site does not pass its checks.',
    fix: 'Run `bringup check`, which shows what each check saw.',
    example: { failed: ['The app reads from a database'] },
    tell: ({ failed }: { failed: readonly string[] }) => ({
      message: `${failed.length} ${failed.length === 1 ? 'check fails' : 'checks fail'}: ${failed.join('; ')}`,
      hint: 'see what the checks saw: bringup check',
    }),
  }),
  E_REBUILD_STOPPED: entry({
    summary: 'a rebuild stopped before the host was back in service',
    meaning: 'A stage of the rebuild failed. The hosts after it were not touched.',
    fix: 'Remove the cause, then run the same command again. It begins with the first stage.',
    example: { host: 'web1', stage: 'apply', why: '1 failed' },
    tell: ({ host, stage, why }: { host: string; stage: string; why: string }) => ({
      message: `the rebuild of ${host} stopped at '${stage}': ${why}`,
      hint: `remove the cause, then run it again: bringup rebuild ${host}`,
    }),
  }),
};
