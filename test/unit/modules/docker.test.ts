import { execFileSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import type { Module } from '../../../src/core/module.ts';
import { docker_compose_v2 } from '../../../src/modules/docker_compose_v2.ts';
import { docker_container } from '../../../src/modules/docker_container.ts';
import { docker_image } from '../../../src/modules/docker_image.ts';
import { docker_login } from '../../../src/modules/docker_login.ts';
import { docker_network } from '../../../src/modules/docker_network.ts';
import { docker_prune } from '../../../src/modules/docker_prune.ts';
import { docker_volume } from '../../../src/modules/docker_volume.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { FIND_DOCKER } from '../../../src/modules/shared/docker.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const sent = (key: string, value: unknown): string => `${key} ${encodeBase64(JSON.stringify([value]))}\n`;
const said = (key: string, value: string): string => `${key} ${encodeBase64(value)}\n`;
const plan = (module: Module, args: Args, seen: string) => bound(module, args).plan(seen, context());
const runs = (module: Module, args: Args, seen: string): readonly string[] =>
  changes(plan(module, args, seen)).map((c) => c.run.text);

describe('every module', () => {
  test.each([
    [docker_container, { name: 'x', image: 'y' }],
    [docker_image, { name: 'x', source: 'pull' }],
    [docker_network, { name: 'x' }],
    [docker_volume, { name: 'x' }],
    [docker_prune, { images: true }],
    [docker_login, { username: 'x', password: 'y' }],
    [docker_compose_v2, { project_src: '/x' }],
  ])('$name says why it cannot ask', (module, args) => {
    expect(words(plan(module, args, 'docker missing\n'))).toBe('the host has no docker');
    if (module === docker_login) return; // it asks a file
    const steps = plan(module, args, said('error', 'Cannot connect to the Docker daemon'));
    expect('blocked' in steps && steps.blocked.detail).toBe('Cannot connect to the Docker daemon');
    const remote = {
      docker_host: 'tcp://192.0.2.1:2376',
      tls_verify: true,
      client_key: '/k',
      client_cert: '/c',
      ca_cert: '/ca',
    };
    expect(bound(module, { ...args, ...remote }).probe?.(context()).text).toMatch(
      /docker --host=tcp:\/\/192.0.2.1:2376 --tlsverify --tlscacert=\/ca --tlscert=\/c --tlskey=\/k /,
    );
  });
});

// As Docker 20.10 and 26 say them.
test.each([
  ['Error: No such container: x', ''],
  ['[]\nError response from daemon: No such image: x:latest', ''],
  ['Error response from daemon: get x: no such volume', ''],
  ['Error response from daemon: network x not found', ''],
  ['Error: No such network: x', ''],
  ['error during connect: dial tcp: lookup nowhere: no such host', 'error'],
  ['Cannot connect to the Docker daemon at unix:///var/run/docker.sock.', 'error'],
])('what docker says of what is not there: %s', (message, expected) => {
  const script = `docker() { printf '%s\\n' "$MESSAGE" >&2; return 1; }\n${FIND_DOCKER.text}\nlook is docker x`;
  const out = execFileSync('dash', ['-c', script], { encoding: 'utf8', env: { ...process.env, MESSAGE: message } });
  expect(out.split(' ')[0]).toBe(expected);
});

describe('docker_volume', () => {
  const is = sent('is', { Driver: 'local', Options: { type: 'nfs' }, Labels: null });
  it.each([
    [{}, '', ['create the volume data']],
    [{ driver: 'other' }, is, []],
    [{ driver: 'other', recreate: 'options-changed' }, is, ['replace the volume data']],
    [{ driver_options: { type: 'nfs' }, recreate: 'options-changed' }, is, []],
    [{ labels: { a: 'b' }, recreate: 'options-changed' }, is, ['replace the volume data']],
    [{ recreate: 'always' }, is, ['replace the volume data']],
    [{ state: 'absent' }, is, ['remove the volume data']],
    [{ state: 'absent' }, '', []],
  ])('%o', (args, seen, expected) => {
    expect(words(plan(docker_volume, { name: 'data', ...args }, seen))).toEqual(expected);
  });
  it('passes its options', () => {
    const args = { name: 'data', driver: 'x', driver_options: { o: 'a=b' }, labels: { app: "it's" } };
    expect(runs(docker_volume, args, '')[0]).toContain(
      "volume create --driver x --opt o=a=b --label 'app=it'\\''s' data",
    );
  });
});

describe('docker_network', () => {
  const is = sent('is', {
    Driver: 'bridge',
    Internal: false,
    IPAM: { Driver: 'default', Config: [{ Subnet: '172.30.0.0/24', Gateway: '172.30.0.1' }] },
    Containers: { abc: { Name: 'web' }, def: { Name: 'db' } },
    Labels: { a: 'b' },
  });
  it.each([
    [{}, '', ['create the network shop']],
    [{}, is, []],
    [{ ipam_config: [{ subnet: '172.30.0.0/24' }], labels: { a: 'b' }, internal: false }, is, []],
    [{ ipam_config: [{ subnet: '172.31.0.0/24' }] }, is, ['replace the network shop: its addresses differ']],
    [{ driver: 'macvlan', internal: true }, is, ['replace the network shop: its driver is bridge, internal differs']],
    [
      { labels: { a: 'c' }, driver_options: { x: 'y' } },
      is,
      ['replace the network shop: driver_options differ, labels differ'],
    ],
    [
      { ipam_driver: 'x', ipam_driver_options: { a: 'b' } },
      is,
      ['replace the network shop: ipam_driver differs, ipam_driver_options differ'],
    ],
    [
      { attachable: true, enable_ipv6: true },
      is,
      ['replace the network shop: attachable differs, enable_ipv6 differs'],
    ],
    [{ connected: ['web', 'new'] }, is, ['connect new, disconnect db (network shop)']],
    [{ connected: ['web', 'new'], appends: true }, is, ['connect new (network shop)']],
    [{ force: true }, is, ['replace the network shop: force is set']],
    [{ state: 'absent' }, is, ['remove the network shop']],
    [{ state: 'absent' }, '', []],
  ])('%o', (args, seen, expected) => {
    expect(words(plan(docker_network, { name: 'shop', ...args }, seen))).toEqual(expected);
  });
  it('connects the containers again', () => {
    const [run] = runs(docker_network, { name: 'shop', internal: true }, is);
    expect(run).toMatch(
      /disconnect --force shop web\n.*disconnect --force shop db\n.*network rm shop.*\n.*network create --driver bridge --internal shop.*\n.*connect shop web\n.*connect shop db/,
    );
  });
});

describe('docker_image', () => {
  const is = sent('is', { Id: 'sha256:1' });
  it.each([
    ['pulls', { name: 'nginx:1.27', source: 'pull' }, '', ['pull the image nginx:1.27']],
    [
      'adds a tag',
      { name: 'r.example.com:5000/nginx', source: 'pull' },
      '',
      ['pull the image r.example.com:5000/nginx:latest'],
    ],
    ['is there', { name: 'nginx', tag: '1', source: 'pull' }, is, []],
    ['again', { name: 'nginx', source: 'pull', force_source: true }, is, ['pull the image nginx:latest']],
    ['is not there', { name: 'nginx', source: 'local' }, '', 'there is no image nginx:latest on the host'],
    [
      'no directory',
      { name: 'x', source: 'build', build: { path: '/b' } },
      'input missing\n',
      '/b does not exist on the host',
    ],
    ['loads', { name: 'x', source: 'load', load_path: '/x.tar' }, '', ['load the image x:latest']],
    ['a second name', { name: 'x:1', source: 'local', repository: 'r/x' }, is, ['name the image x:1 also r/x:1']],
    ['has it', { name: 'x:1', source: 'local', repository: 'r/x' }, is + sent('other', { Id: 'sha256:1' }), []],
    [
      'of another image',
      { name: 'x:1', source: 'local', repository: 'r/x' },
      is + sent('other', { Id: 'sha256:2' }),
      [],
    ],
    [
      'by force',
      { name: 'x:1', source: 'local', repository: 'r/x', force_tag: true },
      is + sent('other', { Id: 'sha256:2' }),
      ['name the image x:1 also r/x:1'],
    ],
    ['a file', { name: 'x', source: 'local', archive_path: '/x.tar' }, is, ['save the image x:latest to /x.tar']],
    ['the file is there', { name: 'x', source: 'local', archive_path: '/x.tar' }, `${is}archive there\n`, []],
    [
      'pushes',
      { name: 'x', source: 'local', push: true, repository: 'r/x:2' },
      is + sent('other', { Id: 'sha256:1' }),
      ['push the image r/x:2'],
    ],
    ['removes', { name: 'x', state: 'absent' }, is, ['remove the image x:latest']],
    ['is gone', { name: 'x', state: 'absent' }, '', []],
  ])('%s', (_, args, seen, expected) => {
    expect(words(plan(docker_image, args, seen))).toEqual(expected);
  });
  it('passes the options of a build', () => {
    const build = {
      path: '/b',
      dockerfile: 'other',
      args: { A: 1 },
      labels: { l: 'm' },
      nocache: true,
      pull: true,
      target: 't',
      network: 'host',
      platform: 'linux/arm64',
      cache_from: ['c'],
      etc_hosts: { h: '192.0.2.1' },
      shm_size: '1g',
    };
    expect(runs(docker_image, { name: 'x:1', source: 'build', build }, '')[0]).toContain(
      'build --quiet --tag x:1 --file /b/other --build-arg A=1 --label l=m --no-cache --pull --target t --network host --platform linux/arm64 --cache-from c --add-host h:192.0.2.1 --shm-size 1g /b',
    );
    expect(runs(docker_image, { name: 'x', source: 'pull', pull: { platform: 'linux/arm64' } }, '')[0]).toContain(
      '--platform=linux/arm64',
    );
    expect(runs(docker_image, { name: 'x', state: 'absent', force_absent: true }, is)[0]).toContain(
      'image rm --force x:latest',
    );
  });
  it.each([
    [{}, /'source' is missing/],
    [{ source: 'build' }, /'build' is missing/],
    [{ source: 'load' }, /'load_path' is missing/],
    [{ source: 'pull', build: { path: '/x' } }, /'build' needs source: build/],
    [{ source: 'local', pull: {} }, /'pull' needs source: pull/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(docker_image, { name: 'x', ...args })).toMatch(expected);
  });
});

describe('docker_container', () => {
  const web = { name: 'web', image: 'nginx' };
  /** What docker knows of the container after it was made with these arguments. */
  const made = (args: Args, more: Args = {}): string => {
    const [run = ''] = runs(docker_container, args, sent('image', { Id: 'sha256:1' }));
    const label = /bringup\.arguments=([0-9a-f]+)/.exec(run)?.[1];
    const container = {
      Image: 'sha256:1',
      State: { Running: true },
      Config: { Image: 'nginx', Labels: { 'bringup.arguments': label } },
      ...more,
    };
    return sent('is', container) + sent('image', { Id: 'sha256:1' });
  };
  const stopped = { State: { Running: false } };
  it.each([
    ['is new', {}, '', ['create the container web: there is none']],
    ['runs', {}, made(web), []],
    ['does not run', {}, made(web, stopped), ['start the container web']],
    ['need not run', { state: 'present' }, made(web, stopped), []],
    ['has to stop', { state: 'stopped' }, made(web), ['stop the container web']],
    ['has stopped', { state: 'stopped' }, made(web, stopped), []],
    [
      'other arguments',
      { env: { A: 'b' } },
      made(web),
      ['replace the container web: it was made with other arguments'],
    ],
    [
      'another image',
      {},
      made(web).replace(sent('image', { Id: 'sha256:1' }), sent('image', { Id: 'sha256:2' })),
      ['replace the container web: it was made from another image'],
    ],
    ['recreate', { recreate: true }, made(web), ['replace the container web: recreate is set']],
    ['restart', { restart: true }, made(web), ['restart the container web']],
    ['pull', { pull: 'always' }, made(web), ['pull nginx, and replace the container web if it is newer']],
    ['is not healthy', { state: 'healthy' }, made(web), ['wait until the container web is healthy']],
    ['is healthy', { state: 'healthy' }, made(web, { State: { Running: true, Health: { Status: 'healthy' } } }), []],
    ['absent', { state: 'absent' }, made(web), ['remove the container web']],
    ['is gone', { state: 'absent' }, '', []],
    ['only started', { image: undefined }, made(web, stopped), ['start the container web']],
    ['no image', { image: undefined }, '', 'there is no container web on the host'],
    ['no file', { env_file: '/e' }, 'file missing\n', '/e does not exist on the host'],
  ])('%s', (_, args, seen, expected) => {
    expect(words(plan(docker_container, { ...web, ...args }, seen))).toEqual(expected);
  });

  it('joins and leaves networks', () => {
    const networks = [
      { name: 'a' },
      { name: 'b', aliases: ['x'], ipv4_address: '192.0.2.2', ipv6_address: '::2', links: ['db'] },
    ];
    const seen = made({ ...web, networks }, { NetworkSettings: { Networks: { a: {}, c: {} } } });
    const [run] = runs(docker_container, { ...web, networks, purge_networks: true }, seen);
    expect(run).toMatch(
      /network connect --ip=192.0.2.2 --ip6=::2 --alias=x --link=db b web\n.*network disconnect c web/,
    );
    const [create] = runs(docker_container, { ...web, networks }, '');
    expect(create).toMatch(/create .*--network=a .*\n(.*\n)*.*network connect .* b web/);
  });

  it.each([
    [{ ports: ['8080:80', 'all'] }, '--publish=8080:80 --publish-all'],
    [{ volumes: ['a:/b:ro'], tmpfs: ['/run'], devices: ['/dev/x'] }, '--volume=a:/b:ro --device=/dev/x --tmpfs=/run'],
    [{ restart_policy: 'on-failure', restart_retries: 3 }, '--restart=on-failure:3'],
    [
      { ulimits: ['nofile:1:2'], etc_hosts: { a: '192.0.2.1' }, sysctls: { 'a.b': 1 } },
      '--ulimit=nofile=1:2 --sysctl a.b=1 --add-host a:192.0.2.1',
    ],
    [
      { memory: '512m', cpus: 1.5, privileged: true, tty: false, oom_killer: false },
      '--memory=512m --cpus=1.5 --privileged --oom-kill-disable',
    ],
    [
      { healthcheck: { test: ['CMD', 'a', 'b c'], retries: 2, interval: '1s', timeout: '2s', start_period: '3s' } },
      `'--health-cmd=a '\\''b c'\\''' --health-interval=1s --health-timeout=2s --health-start-period=3s --health-retries=2`,
    ],
    [{ healthcheck: { test: 'a | b' } }, "'--health-cmd=a | b'"],
    [{ healthcheck: { test: ['NONE'] } }, '--no-healthcheck'],
    [
      { mounts: [{ type: 'bind', source: '/a', target: '/b', read_only: true, propagation: 'shared' }] },
      '--mount=type=bind,source=/a,target=/b,bind-propagation=shared,readonly',
    ],
    [
      { mounts: [{ type: 'tmpfs', target: '/b', tmpfs_size: '1m', tmpfs_mode: '1777' }] },
      '--mount=type=tmpfs,target=/b,tmpfs-size=1m,tmpfs-mode=1777',
    ],
    [{ entrypoint: ['/a', '-b'], command: "c 'd e'" }, "nginx -b c 'd e' >/dev/null"],
    [
      { network_mode: 'host', log_driver: 'json-file', log_options: { 'max-size': '1m' } },
      '--network=host --log-driver=json-file --log-opt max-size=1m',
    ],
    [{ env_file: '/e' }, '--env-file=/e'],
  ])('is created with %o', (args, expected) => {
    expect(runs(docker_container, { ...web, ...args }, '')[0]).toContain(expected);
  });

  it('tells variables in no argument', () => {
    const [run = ''] = runs(docker_container, { ...web, env: { TOKEN: "it's" } }, '');
    expect(run).toContain("env='TOKEN=it'\\''s\n'");
    expect(run).toMatch(/create .*--env-file=\/dev\/fd\/3 nginx.*3<<END\n\$env\nEND/);
  });

  it.each([
    [{ detach: false, cleanup: true }, ['start --attach web', 'rm --force --volumes web']],
    [{ state: 'healthy', healthy_wait_timeout: 7 }, ['State.Health.Status', '-le 7']],
    [{ pull: 'never' }, ['create --pull=never']],
  ])('%o', (args, expected) => {
    const [run = ''] = runs(docker_container, { ...web, ...args }, '');
    for (const one of expected) expect(run).toContain(one);
    expect(run.includes('pull --quiet')).toBe(!('pull' in args));
  });

  it.each([
    [{ force_kill: true, keep_volumes: true }, [/docker kill web/, /rm --force +web/]],
    [{ stop_timeout: 3 }, [/docker stop --time=3 web/, /rm --force --volumes web/]],
  ])('is removed with %o', (args, expected) => {
    const [run] = runs(docker_container, { name: 'web', state: 'absent', ...args }, made(web));
    for (const one of expected) expect(run).toMatch(one);
  });

  it.each([
    [{ command: "'" }, /not closed/],
    [{ env: { A: 'b\nc' } }, /A has several lines/],
    [{ env: { 'A B': 'c' } }, /A B/],
    [{ restart_retries: 3 }, /needs restart_policy: on-failure/],
    [{ cleanup: true }, /needs detach: false/],
    [{ detach: false, state: 'present' }, /needs state: started/],
    [{ memory: 'much' }, /512m/],
    [{ comparisons: { '*': 'strict' } }, /comparisons/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(docker_container, { ...web, ...args })).toMatch(expected);
  });
});

describe('docker_login', () => {
  const args = { username: 'ada', password: "it's" };
  it.each([
    [{}, '', ['log in to https://index.docker.io/v1/ as ada']],
    [{}, 'there yes\nsame yes\n', []],
    [{}, 'there yes\n', ['log in to https://index.docker.io/v1/ as ada']],
    [{ reauthorize: true }, 'there yes\nsame yes\n', ['log in to https://index.docker.io/v1/ as ada']],
    [{ state: 'absent', registry: 'r.example.com' }, 'there yes\n', ['log out of r.example.com']],
    [{ state: 'absent' }, '', []],
  ])('%o', (more, seen, expected) => {
    expect(words(plan(docker_login, { ...args, ...more }, seen))).toEqual(expected);
  });
  it('tells the password on stdin', () => {
    const [run] = runs(docker_login, { ...args, url: 'r.example.com', config_path: '/srv/config.json' }, '');
    expect(run).toBe(
      "printf '%s\\n' 'it'\\''s' | docker --config=/srv login --username ada --password-stdin r.example.com >/dev/null",
    );
  });
  it.each([
    [{ username: 'x' }, /'password' is missing/],
    [{ ...args, config_path: '/srv/docker.json' }, /ends in \/config.json/],
  ])('refuses %o', (given, expected) => {
    expect(refusal(docker_login, given)).toMatch(expected);
  });
});

describe('docker_prune', () => {
  it('returns what was removed', () => {
    const step = bound(docker_prune, { images: true, volumes: true, networks: true });
    const stdout =
      'kind images\nDeleted Images:\nuntagged: a:1\ndeleted: sha256:1\n\nTotal reclaimed space: 1.5MB\nkind networks\nDeleted Networks:\nshop\nkind volumes\nTotal reclaimed space: 0B\nbringup: nothing was removed\n';
    expect(step.data('', context(), { code: 0, stdout, stderr: '' })).toEqual({
      images: ['a:1', 'sha256:1'],
      images_space_reclaimed: 1_500_000,
      networks: ['shop'],
      volumes: [],
      volumes_space_reclaimed: 0,
    });
  });
  it('passes filters', () => {
    const args = {
      images: true,
      images_filters: { dangling: false, until: '1h' },
      volumes: true,
      volumes_filters: { all: true, label: ['a', 'b'] },
      builder_cache: true,
      builder_cache_all: true,
      builder_cache_keep_storage: '1GB',
      builder_cache_filters: { until: '2h' },
      containers: true,
      containers_filters: { until: '3h' },
      networks: true,
      networks_filters: { until: '4h' },
    };
    const all = runs(docker_prune, args, '').map((run) => /^out=.*docker (\w+ prune.*)\)/m.exec(run)?.[1]);
    expect(runs(docker_prune, args, '').map((run) => run.includes('all=--all'))).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
    expect(all).toEqual([
      'container prune --force $all --filter until=3h',
      'image prune --force $all --filter until=1h',
      'network prune --force $all --filter until=4h',
      'volume prune --force $all --filter label=a --filter label=b',
      'builder prune --force $all --keep-storage=1GB --filter until=2h',
    ]);
  });
  it('refuses nothing to do', () => {
    expect(refusal(docker_prune, {})).toMatch(/'containers' or 'images'/);
    expect(refusal(docker_prune, { images: true, volumes_filters: {} })).toMatch(/needs 'volumes'/);
  });
});

describe('docker_compose_v2', () => {
  // As compose 2.26 of Debian 13 prints them.
  const busy = said(
    'would',
    ' DRY-RUN MODE -  Network shop_default  Creating \n DRY-RUN MODE -  Network shop_default  Created \n DRY-RUN MODE -  Container shop-web-1  Starting\n',
  );
  const idle = said('would', ' DRY-RUN MODE -  Container shop-web-1  Running \n');
  const up = `containers ${encodeBase64('{"Service": "web", "State": "running"}\n')}\n`;
  it.each([
    ['starts', {}, busy, ['start the project /srv/shop']],
    ['runs', {}, idle + up, []],
    ['forced', { recreate: 'always' }, idle + up, ['start the project /srv/shop']],
    ['restarts', { state: 'restarted' }, idle + up, ['restart the project /srv/shop']],
    ['stops', { state: 'stopped' }, said('would', '') + up, ['stop the project /srv/shop']],
    ['has stopped', { state: 'stopped' }, said('would', ''), []],
    ['removes', { state: 'absent' }, said('would', ' Container x  Stopping\n'), ['remove the project /srv/shop']],
    ['is gone', { state: 'absent' }, said('would', ''), []],
    [
      'has no volumes',
      { state: 'absent', remove_volumes: true },
      said('would', ' Volume shop_data  Removing\n Image a:1  Removing\n') + said('there', 'other\n'),
      [],
    ],
    [
      'has volumes',
      { state: 'absent', remove_volumes: true },
      said('would', ' Volume shop_data  Removing\n') + said('there', 'shop_data\n'),
      ['remove the project /srv/shop'],
    ],
    ['old', {}, 'compose missing\n', 'the host has no plugin compose of docker'],
    ['no directory', {}, 'folder missing\n', '/srv/shop does not exist on the host'],
  ])('%s', (_, args, seen, expected) => {
    expect(words(plan(docker_compose_v2, { project_src: '/srv/shop', ...args }, seen))).toEqual(expected);
  });
  it('shows what it would do', () => {
    expect(changes(plan(docker_compose_v2, { project_src: '/srv/shop' }, busy))[0]?.diff?.after).toBe(
      'network shop_default Creating\ncontainer shop-web-1 Starting\n',
    );
  });
  it.each([
    [
      {
        files: ['a.yml'],
        env_files: ['e'],
        profiles: ['p'],
        services: ['web'],
        scale: { web: 2 },
        dependencies: false,
        pull: 'always',
        build: 'always',
        recreate: 'never',
        renew_anon_volumes: true,
        remove_orphans: true,
        timeout: 3,
        wait: true,
        wait_timeout: 9,
      },
      'compose --ansi never --progress plain --file a.yml --env-file e --profile p up --detach --quiet-pull --pull always --build --no-recreate --renew-anon-volumes --remove-orphans --no-deps --scale web=2 --wait --wait-timeout 9 --timeout 3 web 2>&1',
    ],
    [{ build: 'never' }, 'up --detach --quiet-pull --no-build 2>&1'],
    [{ state: 'absent', remove_images: 'all', remove_volumes: true }, 'down --rmi all --volumes 2>&1'],
    [{ state: 'stopped', services: ['web'], timeout: 1 }, 'stop --timeout 1 web 2>&1'],
  ])('runs %o', (args, expected) => {
    expect(runs(docker_compose_v2, { project_src: '/srv/shop', ...args }, busy + up)[0]).toContain(expected);
  });
  it('passes a definition on stdin', () => {
    const [run] = runs(
      docker_compose_v2,
      { project_name: 'shop', definition: { services: { a: { image: "it's" } } } },
      busy,
    );
    expect(run).toContain(
      `printf %s '{"services":{"a":{"image":"it'\\''s"}}}' | docker compose --ansi never --progress plain --project-name shop --file - up`,
    );
  });
  it.each([
    [{}, /'project_src' or 'definition' is missing/],
    [{ definition: {} }, /'project_name' is missing/],
    [{ project_src: '/a', definition: {} }, /exclude each other/],
    [{ project_src: '/a', remove_volumes: true }, /needs state: absent/],
    [{ project_src: '/a', wait_timeout: 3 }, /needs 'wait'/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(docker_compose_v2, args)).toMatch(expected);
  });
});
