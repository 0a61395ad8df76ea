import { createHash, X509Certificate } from 'node:crypto';
import { run } from '../image/programs.ts';

/** A TLS key pair for one run, and the pin by which curl knows its public key. */
export type Certificate = Readonly<{ key: string; cert: string; pin: string }>;

/** Nobody has to trust the certificate: the installer compares the public key with the pin. */
export async function makeCertificate(signal: AbortSignal): Promise<Certificate> {
  const pem = await run(
    [
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-days', '2', '-subj', '/CN=bringup', '-keyout', '-', '-out', '-'],
    ],
    { signal },
  );
  const part = (name: string): string =>
    new RegExp(`-----BEGIN ${name}-----[\\s\\S]*?-----END ${name}-----\n`).exec(pem)?.[0] ?? '';
  const [key, cert] = [part('PRIVATE KEY'), part('CERTIFICATE')];
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return { key, cert, pin: `sha256//${createHash('sha256').update(spki).digest('base64')}` };
}
