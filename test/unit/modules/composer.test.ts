import { describe, expect, it } from 'vitest';
import { composer } from '../../../src/modules/composer.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (args: Args, seen: string) => bound(composer, args).plan(seen, context());
const command = (args: Args): string =>
  /^out=\$\((.*?) 2>&1\)/m
    .exec(changes(plan(args, ''))[0]?.run.text ?? '')?.[1]
    ?.replace(/ +/g, ' ')
    .trim() ?? '';

// As composer 2.5 of Debian 12 prints them.
const IDLE =
  'Installing dependencies from lock file\nVerifying lock file contents can be installed on current platform.\nNothing to install, update or remove\n';
const BUSY = `${IDLE.split('Nothing')[0]}Package operations: 1 install, 0 updates, 0 removals\n  - Installing psr/log (3.0.0)\n`;

describe('composer', () => {
  it.each([
    ['would install', BUSY, ['composer install in /srv/app']],
    ['has nothing to do', IDLE, []],
    ['says something else', 'Composer could not find a composer.json', ['composer install in /srv/app']],
  ])('%s', (_, out, expected) => {
    const steps = plan({ working_dir: '/srv/app' }, `would ${encodeBase64(out)}\n`);
    expect(words(steps)).toEqual(expected);
  });

  it('shows the packages', () => {
    const steps = changes(plan({ working_dir: '/srv/app' }, `would ${encodeBase64(BUSY)}\n`));
    expect(steps[0]?.diff?.after).toBe('Installing psr/log (3.0.0)\n');
    expect(steps[0]).toMatchObject({ action: true, unaltered: expect.any(String) });
  });

  it.each([
    [
      {},
      'php "$composer" install --no-ansi --no-interaction --no-progress --no-dev --optimize-autoloader --working-dir /srv/app',
    ],
    [
      { command: 'require', arguments: 'a/b c/d', no_dev: false },
      'php "$composer" require --no-ansi --no-interaction --no-progress --optimize-autoloader --working-dir /srv/app a/b c/d',
    ],
    [
      { command: 'remove', arguments: 'a/b', prefer_dist: true },
      'php "$composer" remove --no-ansi --no-interaction --no-progress --update-no-dev --optimize-autoloader --working-dir /srv/app a/b',
    ],
    [
      { command: 'dump-autoload', classmap_authoritative: true, apcu_autoloader: true },
      'php "$composer" dump-autoload --no-ansi --no-interaction --no-dev --optimize --classmap-authoritative --apcu --working-dir /srv/app',
    ],
    [{ command: 'clear-cache' }, 'php "$composer" clear-cache --no-ansi --no-interaction --working-dir /srv/app'],
    [
      {
        command: 'update',
        executable: '/usr/bin/php8.2',
        'prefer-source': true,
        no_plugins: true,
        no_scripts: true,
        ignore_platform_reqs: true,
        optimize_autoloader: false,
        apcu_autoloader: true,
      },
      '/usr/bin/php8.2 "$composer" update --no-ansi --no-interaction --no-progress --no-plugins --no-scripts --no-dev --prefer-source --ignore-platform-reqs --apcu-autoloader --working-dir /srv/app',
    ],
  ])('runs %o', (args, expected) => {
    expect(command({ working_dir: '/srv/app', ...args })).toBe(expected);
  });

  it('works in the directory of the user', () => {
    expect(command({ global_command: true, command: 'require', arguments: 'a/b' })).toMatch(
      /^php "\$composer" global require/,
    );
  });

  it.each([
    ['php missing', 'the host has no php'],
    ['composer missing', 'the host has no composer'],
    ['folder missing', '/srv/app does not exist on the host'],
  ])('says what is in the way: %s', (seen, expected) => {
    expect(words(plan({ working_dir: '/srv/app' }, seen))).toBe(expected);
  });

  it.each([
    [{}, /'working_dir' is missing/],
    [{ working_dir: '/a', prefer_source: true, prefer_dist: true }, /exclude each other/],
    [{ working_dir: '/a', arguments: '"' }, /not closed/],
    [{ working_dir: '/a', command: '--version' }, /a command of composer/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(composer, args)).toMatch(expected);
  });
});
