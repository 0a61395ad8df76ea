import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleLab, troubles } from '../lab/support/converge.ts';

const { lab, everywhere, tasks, converges } = moduleLab('10.83.178');

describe('modules of Docker on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    // Docker starts no container inside of a lab host as it is.
    await everywhere(readFileSync('test/lab/support/docker.sh', 'utf8'));
  });
  afterAll(() => lab.down());

  const names = (kind: string): string => `docker ${kind} ls --format '{{.Name}}' | sort | xargs`;
  const state = (name: string, format: string): string =>
    `docker container inspect ${name} --format '${format}' 2>/dev/null || :`;

  it('say that docker is missing', async () => {
    const ran = await lab.apply(
      tasks('- docker_volume: {name: x}\n  environment: {PATH: /nowhere}\n  ignore_errors: true'),
    );
    for (const { diagnostic } of ran.tasks) expect(diagnostic?.message).toBe('the host has no docker');
  });

  it('docker_volume and docker_network', async () => {
    const make = `- docker_volume: {name: data, labels: {app: shop}}
- docker_network: {name: shop, ipam_config: [{subnet: 172.30.1.0/24, gateway: 172.30.1.1}], labels: {app: shop}}`;
    const seen = `${names('volume')}; docker network inspect shop --format '{{(index .IPAM.Config 0).Subnet}}' 2>/dev/null || :`;
    expect(await converges(make, seen)).toEqual(both('data\n172.30.1.0/24'));
    const other = '- docker_network: {name: shop, internal: true}';
    const internal = "docker network inspect shop --format '{{.Internal}}'";
    expect(await converges(other, internal)).toEqual(both('true'));
    expect(await converges(other.replace('internal: true', 'internal: false'), internal)).toEqual(both('false'));
  });

  it('docker_image', async () => {
    await everywhere(
      'mkdir -p /srv/image; printf "FROM local/busybox:1\\nARG WHAT\\nLABEL what=\\$WHAT\\n" >/srv/image/Dockerfile; docker save -o /srv/bb.tar local/busybox:1',
    );
    const make = `- docker_image: {name: local/app, tag: v1, source: build, build: {path: /srv/image, args: {WHAT: shop}}}
- docker_image: {name: "local/app:v1", source: local, repository: local/second}`;
    const seen = `docker image ls --format '{{.Repository}}:{{.Tag}}' | sort | xargs; docker image inspect local/app:v1 --format '{{.Config.Labels.what}}' 2>/dev/null || :`;
    expect(await converges(make, seen)).toEqual(both('local/app:v1 local/busybox:1 local/second:v1\nshop'));
    const again = make.split('\n')[0]?.replace('source:', 'force_source: true, source:') ?? '';
    expect((await lab.apply(tasks(again))).tasks.map((e) => e.status)).toEqual(['ok', 'ok']);
    const absent = '- docker_image: {name: "{{ item }}", state: absent}\n  loop: ["local/app:v1", "local/second:v1"]';
    expect(await converges(absent, seen)).toEqual(both('local/busybox:1'));
    await everywhere('docker rmi local/busybox:1');
    const load = '- docker_image: {name: "local/busybox:1", source: load, load_path: /srv/bb.tar}';
    expect(await converges(load, seen)).toEqual(both('local/busybox:1'));
  });

  const web = `- docker_container:
    name: web
    image: local/busybox:1
    command: [/bin/sh, -c, 'exec sleep 1000']
    env: {TOKEN: "it's s3cret", EMPTY: ''}
    volumes: ["data:/data", "/srv:/srv:ro"]
    networks: [{name: shop, aliases: [www], ipv4_address: 172.30.1.9}]
    restart_policy: on-failure
    restart_retries: 3
    labels: {app: shop}
    healthcheck: {test: [CMD, /bin/ls, /data], interval: 1s, retries: 3}
    stop_timeout: 1
    init: true`;
  it('docker_container', async () => {
    await everywhere('docker network rm shop >/dev/null');
    const network = '- docker_network: {name: shop, ipam_config: [{subnet: 172.30.1.0/24}]}';
    const seen = state(
      'web',
      '{{.State.Running}} {{.HostConfig.RestartPolicy.MaximumRetryCount}} {{len .HostConfig.Binds}} {{.NetworkSettings.Networks.shop.IPAddress}} {{index .Config.Labels "app"}}',
    );
    expect(await converges(`${network}\n${web}`, seen)).toEqual(both('true 3 2 172.30.1.9 shop'));
    expect(await everywhere("docker exec web /bin/sh -c 'echo $TOKEN'")).toEqual(both("it's s3cret"));
    const other = web.replace('s3cret', 'other');
    const id = await everywhere(state('web', '{{.Id}}'));
    expect(await converges(other, state('web', '{{.State.Running}}'))).toEqual(both('true'));
    expect(await everywhere("docker exec web /bin/sh -c 'echo $TOKEN'")).toEqual(both("it's other"));
    expect(await everywhere(state('web', '{{.Id}}'))).not.toEqual(id);

    const healthy = await lab.apply(tasks(`${other}\n    state: healthy`));
    expect(troubles(healthy)).toEqual([]);
    expect(await everywhere(state('web', '{{.State.Health.Status}}'))).toEqual(both('healthy'));
    const running = state('web', '{{.State.Running}}');
    expect(await converges('- docker_container: {name: web, state: stopped, force_kill: true}', running)).toEqual(
      both('false'),
    );
    expect(await converges('- docker_container: {name: web}', running)).toEqual(both('true'));
    expect(await converges('- docker_container: {name: web, state: absent, force_kill: true}', running)).toEqual(
      both(''),
    );
  });

  it('docker_container fails with the log of a container that ends at once', async () => {
    const bad = "- docker_container: {name: bad, image: 'local/busybox:1', command: [/bin/sh, -c, 'echo why; exit 3']}";
    for (const { diagnostic } of (await lab.apply(tasks(bad))).tasks) expect(diagnostic?.detail).toContain('why');
    const once = `- docker_container: {name: once, image: 'local/busybox:1', command: "/bin/sh -c 'echo told; exit {{ item }}'", detach: false, cleanup: true}
  loop: [0, 3]
  register: once
  ignore_errors: true
- assert: {that: ["once.results[0].output == 'told\\n'", "once.results[1] is failed"]}`;
    expect((await lab.apply(tasks(once))).tasks.filter((e) => e.task === 'assert').map((e) => e.status)).toEqual([
      'ok',
      'ok',
    ]);
    expect(await everywhere("docker ps -a --format '{{.Names}}' | xargs")).toEqual(both('bad'));
  });

  it('docker_prune', async () => {
    const prune = '- docker_prune: {containers: true, networks: true, volumes: true, volumes_filters: {all: true}}';
    const first = await lab.apply(tasks(prune));
    expect(troubles(first)).toEqual([]);
    expect(first.tasks.map((e) => e.status)).toEqual(['changed', 'changed']);
    expect((await lab.apply(tasks(prune))).tasks.map((e) => e.status)).toEqual(['ok', 'ok']);
    expect(await everywhere(`docker ps -aq; ${names('network')}`)).toEqual(both('bridge host none'));
  });

  it('docker_compose_v2, where the host has it', async () => {
    const up = `- docker_compose_v2:
    project_name: shop
    definition:
      services:
        web: {image: 'local/busybox:1', command: [/bin/sleep, '1000'], stop_grace_period: 0s}
        db: {image: 'local/busybox:1', command: [/bin/sleep, '1000'], stop_grace_period: 0s, volumes: ['data:/data']}
      volumes: {data: {}}
  register: up
  ignore_errors: true`;
    const only = { limit: 'd13' };
    const plan = await lab.plan(tasks(up));
    expect(plan.tasks.map((e) => `${e.host} ${e.status}`)).toEqual(['d12 ignored', 'd13 changed']);
    expect(plan.tasks[0]?.diagnostic?.message).toBe('the host has no plugin compose of docker');
    const twice = async (text: string): Promise<readonly string[]> => {
      const ran = [await lab.apply(tasks(text), only), await lab.apply(tasks(text), only)];
      expect(ran.flatMap(troubles)).toEqual([]);
      return ran.flatMap((one) => one.tasks.map((e) => e.status));
    };
    const seen = async (): Promise<string> =>
      (await lab.root('d13', "docker ps -a --format '{{.Names}} {{.State}}' | sort | xargs")).trim();
    expect(await twice(up)).toEqual(['changed', 'ok']);
    expect(await seen()).toBe('shop-db-1 running shop-web-1 running');
    expect(await twice(up.replace("'1000'", "'2000'"))).toEqual(['changed', 'ok']);
    expect(
      await twice(up.replace("'1000'", "'2000'").replace('project_name', 'state: stopped\n    project_name')),
    ).toEqual(['changed', 'ok']);
    expect(await seen()).toBe('shop-db-1 exited shop-web-1 exited');
    expect(
      await twice(up.replace('project_name', 'state: absent\n    remove_volumes: true\n    project_name')),
    ).toEqual(['changed', 'ok']);
    expect(await seen()).toBe('');
    expect((await lab.root('d13', names('volume'))).trim()).toBe('');
  });

  it('docker_login remembers nothing if the registry does not answer', async () => {
    const login = '- docker_login: {registry_url: "127.0.0.1:1", username: ada, password: "it\'s s3cret"}';
    const failed = await lab.apply(tasks(login));
    for (const { diagnostic } of failed.tasks) expect(diagnostic?.message).toBeDefined();
    expect(await everywhere('cat /root/.docker/config.json 2>/dev/null || :')).toEqual(both(''));
  });
});
