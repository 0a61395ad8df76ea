import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import type { Session } from './session.ts';

/** Where a machine is on the network. `address` has its prefix length. undefined: it asks DHCP. */
export type Place = Readonly<{ mac: string; address: string | undefined }>;

/**
 * What installers and firmware ask the controller, as long as something is installed. What is secret, or decides what is
 * written, travels by TLS. Kernel, initramfs and image are the same for all hosts and travel by plain HTTP, which
 * firmware reads; the image is verified by its checksum.
 */
export type BootServer = Readonly<{
  /** Answers for one more machine, by its MAC address. */
  add: (place: Place, session: Session) => void;
  remove: (place: Place) => void;
  /** The URL of plain HTTP. */
  http: string;
  close: () => Promise<void>;
}>;

type Options = Readonly<{
  /** The address of this machine on which it listens. */
  address: string;
  /** The address by which the machines reach it. */
  reached: string;
  /** The directory of the installer. */
  folder: string;
  signal: AbortSignal;
}>;

const MOST_BODY = 64 * 1024;

export async function openServer({ address, reached, folder, signal }: Options): Promise<BootServer> {
  const { key, cert, pin } = await makeCertificate(signal);
  const machines = new Map<string, Readonly<{ place: Place; session: Session }>>();
  const plain = createServer(caught(answerPlain));
  const secure = createTlsServer({ key, cert }, caught(answerSecure));
  const urls = { http: '', https: '' };
  urls.http = `http://${reached}:${await listen(plain, address)}`;
  urls.https = `https://${reached}:${await listen(secure, address)}`;

  /** Firmware and boot loaders: files, and what a machine of this MAC address shall boot. */
  async function answerPlain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, kind = '', name = ''] = (request.url ?? '').split('?')[0]?.split('/') ?? [];
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(response, 405, 'GET only\n');
    if (kind === 'file' && (name === 'vmlinuz' || name === 'initrd')) return sendFile(response, join(folder, name));
    if (kind === 'grub' || kind === 'ipxe') {
      const machine = machines.get(name.toLowerCase().replaceAll('-', ':'));
      const line = machine && lineOf(machine.place, machine.session);
      return text(response, 200, line === undefined ? nothing(kind) : loading(kind, line));
    }
    const session = kind === 'image' ? sessionOf(decodeURIComponent(name)) : undefined;
    if (session !== undefined) return sendFile(response, session.payload.file, session.sent);
    text(response, 404, 'not found\n');
  }

  function sessionOf(host: string): Session | undefined {
    return [...machines.values()].find(({ session }) => session.host === host)?.session;
  }

  /** The installer, by its token. */
  async function answerSecure(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const session = [...machines.values()].find((one) => one.session.isCurrent(token))?.session;
    if (session === undefined) return text(response, 403, 'not this token\n');
    const [, what = '', name = ''] = (request.url ?? '').split('/');
    if (request.method === 'GET' && what === 'task') {
      const image = `${urls.http}/image/${encodeURIComponent(session.host)}`;
      return text(response, 200, session.task(image));
    }
    if (request.method === 'GET' && what === 'seed') {
      const file = session.seedFile(name);
      return file === undefined ? text(response, 410, 'gone\n') : text(response, 200, file);
    }
    const body = await bodyOf(request);
    if (request.method === 'POST' && what === 'step') session.step(body.slice(0, 200));
    else if (request.method === 'POST' && what === 'disks') session.sees(body);
    else if (request.method === 'POST' && what === 'failed') session.failed(body.slice(0, 2000));
    else if (request.method === 'POST' && what === 'done') session.done();
    else return text(response, 404, 'not found\n');
    text(response, 200, 'ok\n');
  }

  /** The command line of the kernel. It has a new token. undefined: nothing is to be installed. */
  function lineOf({ mac, address: own }: Place, session: Session): string | undefined {
    const token = session.begin();
    if (token === undefined) return undefined;
    return [
      ...['boot=bringup', 'panic=60', 'console=tty0', 'console=ttyS0,115200', `bringup.url=${urls.https}`],
      ...[`bringup.pin=${pin}`, `bringup.token=${token}`, `bringup.mac=${mac}`],
      ...(own === undefined ? [] : [`bringup.address=${own}`]),
    ].join(' ');
  }

  /** GRUB finds its files by the address and port of the server. */
  function loading(kind: 'grub' | 'ipxe', line: string): string {
    if (kind === 'ipxe')
      return `#!ipxe\nkernel ${urls.http}/file/vmlinuz initrd=initrd ${line}\ninitrd --name initrd ${urls.http}/file/initrd\nboot\n`;
    const server = urls.http.replace('http://', '');
    return `linux (http,${server})/file/vmlinuz ${line}\ninitrd (http,${server})/file/initrd\nboot\n`;
  }

  return {
    http: urls.http,
    add: (place, session) => void machines.set(place.mac, { place, session }),
    remove: ({ mac }) => void machines.delete(mac),
    async close() {
      for (const server of [plain, secure]) {
        server.closeAllConnections();
        await new Promise<void>((done) => server.close(() => done()));
      }
    },
  };
}

/** A machine for which nothing is to be installed goes on to its disk. */
const nothing = (kind: 'grub' | 'ipxe'): string => (kind === 'ipxe' ? '#!ipxe\nexit\n' : 'exit\n');

async function listen(server: Server, address: string): Promise<number> {
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(0, address, () => done());
  });
  return (server.address() as AddressInfo).port;
}

function caught(answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>): RequestListener {
  return (request, response) => {
    answer(request, response).catch(() => response.destroy());
  };
}

function text(response: ServerResponse, code: number, body: string): void {
  response.writeHead(code, { 'content-type': 'text/plain', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

/** GRUB knows the header Content-Length in this spelling alone, and reads no file without it. */
async function sendFile(response: ServerResponse, file: string, sent?: (bytes: number) => void): Promise<void> {
  response.writeHead(200, { 'Content-Length': (await stat(file)).size });
  let bytes = 0;
  const stream = createReadStream(file, { highWaterMark: 1024 ** 2 });
  stream.on('data', (chunk) => {
    bytes += chunk.length;
    sent?.(bytes);
  });
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk as string;
    if (body.length > MOST_BODY) throw new Error('too long');
  }
  return body;
}
