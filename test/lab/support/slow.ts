import { it } from 'vitest';

/** A test of `npm run test:slow`, which sets BRINGUP_SLOW: minutes of work for something that rarely breaks. */
export const slow = (name: string, test: () => Promise<void>): void => {
  if (process.env['BRINGUP_SLOW'] === '1') it(name, test);
};
