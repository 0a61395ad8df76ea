import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';
import { type Answers, addressesIn, askServer } from './resolver.ts';

const Args = Type.Object(
  {
    name: Type.String({ description: 'The name to resolve.' }),
    server: Type.String({ description: 'The name server to ask: ADDRESS or ADDRESS:PORT.' }),
    type: Type.Union([Type.Literal('A'), Type.Literal('AAAA')], { default: 'A', description: 'The record type.' }),
    addresses: Type.Optional(
      Type.Array(Type.String(), { description: 'The expected addresses, complete and in any order.' }),
    ),
    authoritative: Type.Optional(Type.Boolean({ description: 'Whether the answer must have the AA flag.' })),
    rcode: Type.String({ default: 'NOERROR', description: 'The expected response code: NOERROR, NXDOMAIN …' }),
  },
  { additionalProperties: false },
);

export const dns = defineCheck<typeof Args, Answers>({
  name: 'dns',
  summary: 'Checks that a name server resolves a name to the right addresses.',
  args: Args,
  examples: [
    {
      title: "The site's name resolves to the balancer",
      args: { name: 'www.example.com', server: '192.0.2.53', addresses: ['192.0.2.10'], authoritative: true },
    },
    {
      title: 'An unknown external name does not resolve',
      args: { name: 'nosuch.example.com', server: '192.0.2.53', rcode: 'NXDOMAIN' },
    },
  ],
  observe: (args, { signal }) => askServer(args.server, args.name, args.type, signal),
  judge(seen, args) {
    const addresses = [...addressesIn(seen)].sort();
    const wanted = args.addresses === undefined ? undefined : [...args.addresses].sort();
    return [
      ...(seen.rcode === args.rcode ? [] : [{ property: 'rcode', expected: args.rcode, seen: seen.rcode }]),
      ...(wanted === undefined || wanted.join() === addresses.join()
        ? []
        : [{ property: 'addresses', expected: wanted.join(', '), seen: addresses.join(', ') || 'none' }]),
      ...(args.authoritative === undefined || args.authoritative === seen.authoritative
        ? []
        : [{ property: 'authoritative', expected: String(args.authoritative), seen: String(seen.authoritative) }]),
    ];
  },
  tell: (seen, args) =>
    `${args.name} → ${addressesIn(seen).join(', ') || seen.rcode}${seen.authoritative ? ', authoritative' : ''}`,
});
