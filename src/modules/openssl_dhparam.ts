import { type Static, Type } from 'typebox';
import { defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { modeErrors } from './shared/mode.ts';
import { type Made, madeData, making, makingNeeds, parseMade, planMade, probeMade } from './shared/openssl.ts';

const Args = args({
  ...making,
  size: Type.Integer({
    default: 4096,
    minimum: 512,
    description: 'The bits. More than 2048 take minutes on a small machine.',
  }),
});
type Args = Static<typeof Args>;

export const openssl_dhparam = defineModule<typeof Args, Made>({
  name: 'openssl_dhparam',
  summary: 'Parameters for the Diffie-Hellman key exchange, in a file.',
  args: Args,
  examples: [{ title: 'Parameters of 2048 bits', args: { path: '/etc/ssl/dhparam.pem', size: 2048 } }],
  verify: ({ mode }) => modeErrors(mode),
  needs: (given) => makingNeeds(given),
  touches: ({ path }) => [`path:${path}`],
  probe: (given) =>
    probeMade(
      given,
      sh`:`,
      sh`openssl dhparam -in ${given.path} -noout -text 2>/dev/null | sed -n 's/^.*DH Parameters: (\([0-9]*\) bit).*/size \1/p'`,
    ),
  parse: parseMade,
  plan(current, given: Args, ctx): Steps {
    const size = current.f.get('size');
    const why = size === String(given.size) ? [] : [size === undefined ? 'it cannot be read' : `it has ${size} bits`];
    return planMade(
      current,
      given,
      ctx,
      `DH parameters of ${given.size} bits`,
      why,
      sh`openssl dhparam -out "$s" ${given.size} 2>/dev/null`,
    );
  },
  data: (current, given, _ctx, ran) => ({ ...madeData(current, given, 'dhparams', ran), size: given.size }),
});
