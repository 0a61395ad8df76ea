import { Type } from 'typebox';

/** An argument of drivers that switch an outlet. */
export const SETTLE = Type.Number({
  default: 15,
  minimum: 0,
  description: 'Seconds between the end of SSH and the cut, in which the system writes to its disk.',
});
