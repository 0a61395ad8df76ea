import { expect, it } from 'vitest';
import { PASSWORD, webhook } from '../../support/devices.ts';
import { holdsFor } from '../../support/driver-laws.ts';
import { switched } from '../../support/scene.ts';

holdsFor('manual', webhook, (address) => ({ webhook: `http://${address}/`, token: PASSWORD }), {
  'a wrong token': [{ token: 'wrong' }, /^E_POWER_LOGIN/],
});

it('manual asks the person where the machine is, and what the state is only once', async () => {
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    return question.includes('[y/n]') ? 'n' : '';
  };
  expect(await switched('manual', { place: 'cellar' }, 'on', { ask })).toBe('on: switched on');
  expect(asked).toEqual(['Is web1 (cellar) on? [y/n] ', 'Switch web1 (cellar) on, then press Enter: ']);
});

it('manual needs a terminal', async () => {
  expect(await switched('manual', {}, 'on')).toMatch(/^E_POWER_TERMINAL: web1 must be switched by a person/);
});
