import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

const Args = Type.Object(
  {
    host: Type.String({ description: 'Address or name, as seen from the controller.' }),
    port: Type.Integer({ default: 443, minimum: 1, maximum: 65_535, description: 'TCP port.' }),
    name: Type.String({ description: 'The name to request, which the certificate must contain.' }),
    ca: Type.Optional(Type.String({ description: "A PEM file with the CA to trust. Default: the system's CAs." })),
    days: Type.Integer({
      default: 7,
      minimum: 0,
      description: 'The certificate must be valid for at least this many days.',
    }),
    protocol: Type.Optional(Type.Enum([...VERSIONS], { description: 'The only TLS version to offer.' })),
    refused: Type.Boolean({
      default: false,
      description: 'Whether the server must reject the offered version. Use it for old versions.',
    }),
  },
  { additionalProperties: false },
);
type Seen = Readonly<{ agreed: string; cipher: string; trouble: string; daysLeft: number; issuer: string }>;

export const tlsCheck = defineCheck<typeof Args, Seen>({
  name: 'tls',
  summary: "Checks that a server's certificate is trusted, has the right name and is valid for some time.",
  args: Args,
  examples: [
    { title: 'Certificate of the site', args: { host: '192.0.2.10', name: 'www.example.com', days: 14 } },
    {
      title: 'No old TLS version',
      args: { host: '192.0.2.10', name: 'www.example.com', protocol: 'TLSv1.1', refused: true },
    },
  ],
  observe: (args, { signal }) =>
    new Promise((resolve, reject) => {
      const version = args.protocol as Version | undefined;
      const socket = tls.connect({
        host: args.host,
        port: args.port,
        servername: args.name,
        rejectUnauthorized: false, // a bad certificate is a result, not an error
        ...(args.ca !== undefined && { ca: readFileSync(args.ca) }),
        // at OpenSSL's default security level this client would itself reject old versions, and the server would never
        // be asked
        ...(version !== undefined && { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }),
      });
      const end = (then: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        then();
      };
      const onAbort = (): void => end(() => reject(new Error('no answer in time')));
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('secureConnect', () => {
        const certificate = socket.getPeerCertificate();
        const trouble: unknown = socket.authorizationError;
        const seen: Seen = {
          agreed: socket.getProtocol() ?? '',
          cipher: socket.getCipher().name,
          trouble: trouble === undefined || trouble === null ? '' : String(trouble),
          daysLeft: Math.floor((Date.parse(certificate.valid_to) - Date.now()) / 86_400_000),
          issuer: nameOf(certificate.issuer),
        };
        end(() => resolve(seen));
      });
      socket.once('error', (error: NodeJS.ErrnoException) =>
        end(() =>
          isRefusal(error)
            ? resolve({ agreed: '', cipher: '', trouble: reasonOf(error), daysLeft: 0, issuer: '' })
            : reject(error),
        ),
      );
    }),
  judge(seen, args) {
    const offered = args.protocol ?? 'TLS';
    if (args.refused)
      return seen.agreed === '' ? [] : [{ property: 'protocol', expected: `${offered} refused`, seen: seen.agreed }];
    if (seen.agreed === '') return [{ property: 'protocol', expected: offered, seen: seen.trouble }];
    return [
      ...(seen.trouble === '' ? [] : [{ property: 'certificate', expected: 'trusted', seen: seen.trouble }]),
      ...(seen.daysLeft >= args.days
        ? []
        : [{ property: 'validity', expected: `at least ${args.days} days left`, seen: `${seen.daysLeft} days` }]),
    ];
  },
  tell: (seen) =>
    seen.agreed === ''
      ? `refused: ${seen.trouble}`
      : `${seen.agreed}, ${seen.cipher}, issued by ${seen.issuer}, ${seen.daysLeft} days left`,
});

function nameOf(issuer: tls.Certificate): string {
  const name: unknown = issuer.CN ?? issuer.O;
  return Array.isArray(name) ? name.join(', ') : String(name ?? 'nobody');
}

/** OpenSSL's own reason, without its address and file. */
function reasonOf(error: NodeJS.ErrnoException & { reason?: unknown }): string {
  return typeof error.reason === 'string' ? error.reason : error.message;
}

/** The server rejected the handshake. A connection that broke before the handshake says nothing about TLS. */
function isRefusal(error: NodeJS.ErrnoException): boolean {
  return /^ERR_SSL|^EPROTO$/.test(error.code ?? '') || error.code === 'ECONNRESET';
}
