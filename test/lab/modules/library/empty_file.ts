import { absolutePath, args, defineModule, sh } from 'bringup';

const Args = args({ path: absolutePath('The file.') });

export const empty_file = defineModule<typeof Args, boolean>({
  name: 'empty_file',
  summary: 'A file exists.',
  args: Args,
  examples: [],
  needs: ({ path }) => [`path:${path}`],
  touches: ({ path }) => [`path:${path}`],
  probe: ({ path }) => sh`if [ -e ${path} ]; then echo there; fi`,
  parse: (stdout) => stdout.trim() === 'there',
  plan: (isThere, { path }) => (isThere ? [] : [{ what: `create ${path}`, run: sh`: >${path}` }]),
});
