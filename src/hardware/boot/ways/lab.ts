import { bootArgs, defineWay } from '../contract.ts';

export const lab = defineWay({
  name: 'lab',
  summary: 'The embedded lab gives the host a fresh disk. Hosts with lab_image have it without saying so.',
  needs: [],
  args: bootArgs({}),
  examples: [{ title: 'A lab host', args: {} }],
  async install(_, scene) {
    scene.progress({ stage: 'replacing the disk' });
    await scene.resetInLab();
  },
});
