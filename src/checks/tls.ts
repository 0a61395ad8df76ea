import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { Type } from 'typebox';
import { defineCheck } from '../core/check.ts';

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

const Args = Type.Object(
  {
    host: Type.String({ description: 'Address or name, as seen from here.' }),
    port: Type.Integer({ default: 443, minimum: 1, maximum: 65_535, description: 'TCP port.' }),
    name: Type.String({ description: 'The name that is asked for, and that the certificate must vouch for.' }),
    ca: Type.Optional(Type.String({ description: "A PEM file with the CA to believe. Default: the system's." })),
    days: Type.Integer({
      default: 7,
      minimum: 0,
      description: 'The certificate is valid for at least so many days more.',
    }),
    protocol: Type.Optional(Type.Enum([...VERSIONS], { description: 'Only this version is offered.' })),
    refused: Type.Boolean({ default: false, description: 'The server must not agree to it: for old versions.' }),
  },
  { additionalProperties: false },
);
type Seen = Readonly<{ agreed: string; cipher: string; trouble: string; daysLeft: number; issuer: string }>;

export const tlsCheck = defineCheck<typeof Args, Seen>({
  name: 'tls',
  summary: "A server's certificate is trusted, of the right name, and valid for a while.",
  args: Args,
  examples: [
    { title: "The site's certificate", args: { host: '192.0.2.10', name: 'www.example.com', days: 14 } },
    {
      title: 'Nothing old',
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
        rejectUnauthorized: false, // what is wrong with it is a finding, not the end
        ...(args.ca !== undefined && { ca: readFileSync(args.ca) }),
        // old versions are offered in earnest: at OpenSSL's default level this end would refuse them itself
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

/** OpenSSL's own word for it, without its address and file. */
function reasonOf(error: NodeJS.ErrnoException & { reason?: unknown }): string {
  return typeof error.reason === 'string' ? error.reason : error.message;
}

/** The other end said no to the handshake; a line that broke before it says nothing about TLS. */
function isRefusal(error: NodeJS.ErrnoException): boolean {
  return /^ERR_SSL|^EPROTO$/.test(error.code ?? '') || error.code === 'ECONNRESET';
}
