import { inside, type Net, read } from './filters/addresses.ts';
import { type Item, isList } from './item.ts';
import { type Operation, text, value } from './operation.ts';
import { str } from './print.ts';

type Judge = (net: Net, written: string) => boolean;

/** A test of one address or network. Anything else is false. The answer is a plain boolean, even about a secret. */
const of = (judge: Judge): Operation => ({
  ...value('', (item) => {
    const net = read(str(item));
    return net !== undefined && judge(net, str(item));
  }),
  kind: 'open',
});
const within = (name: string, judge: (written: string, other: string) => boolean): Operation => ({
  ...value(name, (item, [other]) => judge(str(item), text(other))),
  kind: 'open',
});
const isIn = (written: string, blocks: readonly string[]): boolean => blocks.some((block) => inside(written, block));
const list = (item: Item | undefined): readonly string[] =>
  (isList(item) ? item : [item ?? null]).map((one) => str(one));
const bitsOf = ({ address }: Net): string => address.toString(2).padStart(32, '0');

const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
];
const LOOPBACK = ['127.0.0.0/8', '::1'];
const MULTICAST = ['224.0.0.0/4', 'ff00::/8'];

/** Tests of ansible.utils. */
export const networkTests: Readonly<Record<string, Operation>> = {
  ip: of(() => true),
  ip_address: of(({ bare }) => bare),
  ipv4: of(({ version }) => version === 4),
  ipv4_address: of(({ version, bare }) => version === 4 && bare),
  ipv4_netmask: of((net) => net.version === 4 && net.bare && /^1+0*$/.test(bitsOf(net))),
  ipv4_hostmask: of((net) => net.version === 4 && net.bare && /^0*1*$/.test(bitsOf(net))),
  ipv6: of(({ version }) => version === 6),
  ipv6_address: of(({ version, bare }) => version === 6 && bare),
  private: of((_, written) => isIn(written, [...PRIVATE, '::1'])),
  public: of((_, written) => !isIn(written, [...PRIVATE, ...LOOPBACK, ...MULTICAST, '0.0.0.0/8', '::'])),
  loopback: of((_, written) => isIn(written, LOOPBACK)),
  multicast: of((_, written) => isIn(written, MULTICAST)),
  unspecified: of(({ address, bare }) => bare && address === 0n),
  in_network: within('network', inside),
  subnet_of: within('network', inside),
  supernet_of: within('network', (written, other) => inside(other, written)),
  in_any_network: { ...value('networks', (item, [networks]) => isIn(str(item), list(networks))), kind: 'open' },
  in_one_network: {
    ...value('networks', (item, [networks]) => list(networks).filter((one) => inside(str(item), one)).length === 1),
    kind: 'open',
  },
  mac: {
    ...value('', (item) => /^([\da-f]{2}[-:]){5}[\da-f]{2}$|^([\da-f]{4}\.){2}[\da-f]{4}$/i.test(str(item))),
    kind: 'open',
  },
};
