import { Type } from 'typebox';

/** How the certificate of a device is verified. */
export const TRUST = {
  fingerprint: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$',
      expected: 'a SHA-256 fingerprint: 32 bytes as 5F:0E:…',
      description: 'The SHA-256 fingerprint that the certificate must have. A self-signed certificate needs it.',
    }),
  ),
  ca: Type.Optional(Type.String({ description: 'A PEM file with the CA to trust. Default: those of Node.js.' })),
};
