import { defineDriver, powerArgs } from '../contract.ts';

export const lab = defineDriver({
  name: 'lab',
  summary: 'The power switch of the embedded lab. Hosts with lab_image have it without saying so.',
  args: powerArgs({}),
  examples: [{ title: 'A lab host', args: {} }],
  status: (_, { lab }) => lab.status(),
  on: (_, { lab }) => lab.on(),
  cut: (_, { lab }) => lab.cut(),
  shutDown: (_, { lab }) => lab.shutDown(),
  bootFromNetwork: (_, { lab }) => lab.bootFromNetwork(),
});
