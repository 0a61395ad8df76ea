import { Type } from 'typebox';
import { personAnswers, waitForLogins } from '../await.ts';
import { bootArgs, defineWay } from '../contract.ts';

export const card = defineWay({
  name: 'card',
  summary: 'A person puts in an SD card or a USB stick that bringup image write made.',
  needs: ['image'],
  args: bootArgs({
    place: Type.Optional(Type.String({ description: 'Where the machine is, for the person: rack 2, shelf 3.' })),
  }),
  examples: [{ title: 'A board in the cellar', args: { place: 'cellar, left shelf' } }],
  async prepare(_, scene) {
    await scene.system();
  },
  async install({ place, timeout }, scene) {
    const { host } = scene;
    const { image } = await scene.system();
    const where = place === undefined ? host : `${host} (${place})`;
    scene.progress({ stage: `waiting for a card with ${image}` });
    await personAnswers(
      scene,
      `Write a card: bringup image write ${host} --to /dev/sdX. Switch ${where} off, put the card in, switch it on, then press Enter: `,
    );
    await waitForLogins(scene, timeout);
  },
});
