import { isDict } from '../../core/value.ts';
import type { Scope } from '../host/ports.ts';

/**
 * The home of an account on the host: that of root is known, and that of the account which gathered the facts.
 *
 * @param account '' is the account that the task runs as
 * @param user that account; undefined is the login user
 */
export function homeOf(account: string, user: string | undefined, scope: Scope): string | undefined {
  const login = scope.get('ansible_user') ?? scope.get('ansible_ssh_user');
  const name = account === '' ? (user ?? login) : account;
  if (name === 'root') return '/root';
  const facts = scope.get('ansible_facts');
  if (!isDict(facts)) return undefined;
  const { user_id: gatherer, user_dir: home, env } = facts;
  // Facts that were gathered with become tell about another account than the login user.
  const isLogin = name === undefined && !(isDict(env) && env['SUDO_USER'] !== undefined);
  return typeof home === 'string' && (name === gatherer || isLogin) ? home : undefined;
}
