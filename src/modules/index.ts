import type { Module } from '../core/module.ts';
import { apt } from './apt.ts';
import { assert } from './assert.ts';
import { authorized_key } from './authorized_key.ts';
import { blockinfile } from './blockinfile.ts';
import { command } from './command.ts';
import { copy } from './copy.ts';
import { debug } from './debug.ts';
import { fail } from './fail.ts';
import { file } from './file.ts';
import { group } from './group.ts';
import { lineinfile } from './lineinfile.ts';
import { packages } from './package.ts';
import { ping } from './ping.ts';
import { replace } from './replace.ts';
import { script } from './script.ts';
import { service } from './service.ts';
import { set_fact } from './set_fact.ts';
import { setup } from './setup.ts';
import { shell } from './shell.ts';
import { stat } from './stat.ts';
import { systemd } from './systemd.ts';
import { template } from './template.ts';
import { user } from './user.ts';

export const modules: ReadonlyMap<string, Module> = new Map<string, Module>([
  ['apt', apt],
  ['assert', assert],
  ['authorized_key', authorized_key],
  ['blockinfile', blockinfile],
  ['command', command],
  ['copy', copy],
  ['debug', debug],
  ['fail', fail],
  ['file', file],
  ['group', group],
  ['lineinfile', lineinfile],
  ['package', packages],
  ['ping', ping],
  ['replace', replace],
  ['script', script],
  ['service', service],
  ['set_fact', set_fact],
  ['setup', setup],
  ['shell', shell],
  ['stat', stat],
  ['systemd', systemd],
  ['template', template],
  ['user', user],
]);
