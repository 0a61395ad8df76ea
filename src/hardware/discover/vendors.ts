/**
 * Vendors by the first three bytes of a MAC address: boards, servers with BMCs, plugs and switches of small racks. Source:
 * the public registry of the IEEE (MA-L), as Debian's package ieee-data has it; the newest three of Raspberry Pi are younger
 * than that package. 52:54:00 is QEMU's own, from the locally administered range.
 */
const PREFIXES: Readonly<Record<string, string>> = {
  'Raspberry Pi': '28cdc1 2ccf67 88a29e b827eb d83add dca632 e45f01',
  MikroTik:
    '000c42 085531 18fd74 2cc81b 488f5a 4c5e0c 64d154 6c3b6b 744d28 b869f4 c4ad34 cc2de0 d4ca6d dc2c6e ' + 'e48d8c',
  Supermicro: '002590 003048 0cc47a 3cecef 7cc255 ac1f6b',
  ASRock: '002522 7085c2 a8a159 bc5ff4 d05099',
  Synology: '001132 9009d0',
  Espressif:
    '083a8d 083af2 08b61f 0c8b95 0cb815 0cdc7e 10521c 1091a8 1097bd 18fe34 1c9dc2 240ac4 244cab 2462ab ' +
    '246f28 24a160 24b2de 24d7eb 2c3ae8 2cf432 308398 30aea4 30c6f7 348518 34865d 349454 34ab95 34b472 ' +
    '3c6105 3c71bf 3ce90e 4022d8 409151 40f520 441793 4827e2 483fda 485519 48e729 4c11ae 4c7525 4cebd6 ' +
    '500291 5443b2 545aa6 58bf25 58cf79 5ccf7f 600194 6055f9 64e833 686725 68b6b3 68c63a 70039f 70041d ' +
    '70b8f6 782184 78e36d 7c87ce 7c9ebd 7cdfa1 80646f 807d3a 840d8e 84cca8 84f3eb 84f703 84fce6 8c4b14 ' +
    '8caab5 8cce4e 90380c 9097d5 943cc6 94b555 94b97e 94e686 98cdac 98f4ab 9c9c1f a020a6 a0764e a0b765 ' +
    'a47b9d a4cf12 a4e57c a8032a a842e3 a848fa ac0bfb ac67b2 acd074 b48a0a b4e62d b8d61a b8f009 bcddc2 ' +
    'bcff4d c049ef c04e30 c44f33 c45bbe c4dd57 c4dee2 c82b96 c8c9a3 c8f09e cc50e3 ccdba7 d4d4da d4f98d ' +
    'd8a01d d8bfc0 d8f15b dc4f22 dc5475 e05a1b e09806 e0e2e6 e831cd e868e7 e89f6d e8db84 ec6260 ec94cb ' +
    'ecda3b ecfabc f008d1 f412fa f4cfa2 fcf5c4',
  HPE: '3ca82a 883a30 941882 9cb654',
  Dell:
    '00065b 000874 000bdb 000d56 000f1f 001143 00123f 001372 001422 0015c5 00188b 0019b9 001aa0 001c23 ' +
    '001d09 001e4f 001ec9 002170 00219b 002219 0023ae 0024e8 002564 0026b9 004e01 00b0d0 00be43 00c04f ' +
    '04bf1b 089204 0c29ef 106530 107d1a 109836 141877 149ecf 14b31f 14feb5 180373 185a58 1866da 18a99b ' +
    '18dbf2 18fb7b 1c4024 1c721d 20040f 204747 246e96 247152 24b6fd 28f10e 2cea7f 30d042 3417eb 3448ed ' +
    '34735a 34e6d7 381428 3c2c30 405cfd 44a842 484d7e 4c7625 4cd98f 509a4c 544810 549f35 54bf64 588a5a ' +
    '5c260a 5cf9dd 601895 605b30 64006a 684f64 6c2b59 6c3c8c 70b5e8 747827 74867a 7486e2 74e6e2 782bcb ' +
    '7845c4 78ac44 801844 842b2b 847beb 848f69 886fd4 8c04ba 8c47be 8cec4b 908d6e 90b11c 9840bb 989096 ' +
    '98e743 a02919 a41f72 a44cc8 a4badb a4bb6d a89969 b04f13 b07b25 b083fe b44506 b4e10f b82a72 b88584 ' +
    'b8ac6f b8ca3a b8cb29 bc305b c025a5 c03eba c45ab1 c81f66 c84bd6 c8f750 cc483a cc96e5 ccc5e5 d0431e ' +
    'd067e5 d08e79 d09466 d481d7 d4ae52 d4bed9 d89ef3 d8d090 dcf401 e0d848 e0db55 e4434b e454e8 e4b97a ' +
    'e4f004 e8b5d0 ec2a72 ecf4bb f01faf f04da2 f0d4e2 f40270 f48e38 f4ee08 f8b156 f8bc12 f8cab8 f8db88',
  'QEMU or KVM': '525400',
};
const BY_PREFIX = new Map(
  Object.entries(PREFIXES).flatMap(([vendor, list]) => list.split(' ').map((prefix) => [prefix, vendor] as const)),
);

/** The vendor of a network interface. undefined: not in the table. */
export function vendorOf(mac: string): string | undefined {
  return BY_PREFIX.get(
    mac
      .toLowerCase()
      .replace(/[^0-9a-f]/g, '')
      .slice(0, 6),
  );
}
