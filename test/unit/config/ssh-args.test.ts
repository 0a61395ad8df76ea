import { describe, expect, it } from 'vitest';
import { readSshArgs, type SshArgs } from '../../../src/config/ssh-args.ts';
import { targetOf } from '../../../src/config/target.ts';
import type { Target } from '../../../src/core/connection.ts';

describe('options of ssh', () => {
  it.each<[string, SshArgs]>([
    ['', {}],
    ['-J bastion', { jump: 'bastion' }],
    ['-Jpi@bastion:2222', { jump: 'pi@bastion:2222' }],
    ['-o ProxyJump=bastion', { jump: 'bastion' }],
    ['-oProxyJump=bastion', { jump: 'bastion' }],
    ['-o "ProxyJump bastion"', { jump: 'bastion' }],
    ['-J first -J second', { jump: 'first' }],
    [`-o ProxyCommand="ssh -W %h:%p -q pi@bastion"`, { jump: 'pi@bastion' }],
    [`-o ProxyCommand='ssh -p 2222 -l pi -W %h:%p bastion'`, { jump: 'pi@bastion:2222' }],
    ['-i ~/.ssh/rack -l pi -p 2222', { privateKeyFile: '~/.ssh/rack', user: 'pi', port: '2222' }],
    ['-o IdentityFile=k -o User=pi -o port=22', { privateKeyFile: 'k', user: 'pi', port: '22' }],
    ['-o UserKnownHostsFile=keys -o ConnectTimeout=20', { knownHostsFile: 'keys', connectTimeout: '20' }],
    ['-C -o ControlMaster=auto -o ControlPersist=60s', {}],
    ['-qT -o StrictHostKeyChecking=no -o ServerAliveInterval=30', {}],
  ])('%s', (text, options) => expect(readSshArgs(text)).toEqual(options));

  it.each([
    ['-D 1080', '-D'],
    ['-L 80:a:80', '-L'],
    ['-o SendEnv=LANG', '-o SendEnv=LANG'],
    [`-o ProxyCommand='nc -x proxy %h %p'`, '-o ProxyCommand=nc -x proxy %h %p'],
    [`-o ProxyCommand='ssh bastion nc %h %p'`, '-o ProxyCommand=ssh bastion nc %h %p'],
    ['-J', '-J'],
    ['word', 'word'],
    ['-F config', '-F'],
  ])('%s is refused', (text, unknown) => expect(readSshArgs(text)).toEqual({ unknown }));
});

describe('options of ssh in the inventory', () => {
  const target = (vars: Readonly<Record<string, string>>): Target =>
    targetOf({ name: 'web1', at: undefined, get: (name) => vars[name], defaults: {} });
  it('count where no variable says the same', () => {
    expect(target({ ansible_ssh_common_args: '-J b -l pi -p 22', ansible_user: 'me' })).toMatchObject({
      jump: 'b',
      user: 'me',
      port: 22,
    });
    expect(target({ ansible_ssh_args: '-l a', ansible_ssh_extra_args: '-l b -i key' })).toMatchObject({
      user: 'a',
      privateKeyFile: 'key',
    });
  });
  it('are refused by name if bringup can do nothing with them', () =>
    expect(() => target({ ansible_ssh_extra_args: '-D 1080' })).toThrow(/ansible_ssh_extra_args of web1 .*'-D'/));
});
