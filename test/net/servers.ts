import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import type { Certificate } from '../queue/certificate.ts';

/** A server of the test on a free port. */
export interface TestServer {
  readonly url: string;
  /** 127.0.0.1:port */
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function serve(handler: RequestListener, certificate?: Certificate): Promise<TestServer> {
  const server: Server = certificate
    ? createTlsServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }, handler)
    : createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    url: `${certificate ? 'https' : 'http'}://${host}`,
    host,
    port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/**
 * A name server that returns one list of addresses after the other, and then always the last one; and how
 * often it was queried.
 */
export function nameServer(...answers: readonly (readonly string[])[]): {
  lookup: LookupFunction;
  asked: string[];
} {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)]!;
    asked.push(hostname);
    const entries = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all) callback(null, entries);
    else callback(null, entries[0]!.address, entries[0]!.family);
  };
  return { lookup, asked };
}
