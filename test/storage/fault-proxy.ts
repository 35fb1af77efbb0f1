import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What happens to a request:
 * - `refuse`: its connection is closed before the server sees it;
 * - `status`: it is answered without the server, with the error of S3 for this status;
 * - `cutAfterBytes`: its response breaks off after some bytes of body;
 * - `stallAfterBytes`: the same, but the connection stays open and nothing more arrives.
 */
export type Fault =
  | 'refuse'
  | { readonly status: 500 | 503 }
  | { readonly cutAfterBytes: number }
  | { readonly stallAfterBytes: number }
  | undefined;

const ERROR_CODES = { 500: 'InternalError', 503: 'SlowDown' } as const;

export interface FaultProxy {
  readonly url: string;
  /** Called for every request; undefined lets it pass. */
  fault: (request: IncomingMessage) => Fault;
  close(): Promise<void>;
}

/** Stands between the store and its server and disturbs connections. @param at its port; 0 for a free one */
export async function startFaultProxy(upstream: string, at = 0): Promise<FaultProxy> {
  const { hostname, port } = new URL(upstream);
  const server = createServer((incoming, outgoing) => {
    const fault = proxy.fault(incoming);
    if (fault === 'refuse') return void incoming.socket.destroy();
    if (fault !== undefined && 'status' in fault) {
      const { status } = fault;
      incoming.resume();
      outgoing.writeHead(status, { 'content-type': 'application/xml' });
      return void outgoing.end(`<Error><Code>${ERROR_CODES[status]}</Code><Message>fault</Message></Error>`);
    }
    const { method, url: path, headers } = incoming;
    const forwarded = request({ hostname, port, method, path, headers }, async (answer) => {
      let left = passedBytes(fault);
      // The head is sent with the first byte, so that cutting at 0 loses the whole response.
      if (left > 0) outgoing.writeHead(answer.statusCode!, answer.headers).flushHeaders();
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        if (left > 0 && !outgoing.write(chunk.subarray(0, left)))
          await once(outgoing, 'drain').catch(() => {});
        left -= chunk.byteLength;
      }
      if (fault === undefined) outgoing.end();
      else if ('stallAfterBytes' in fault) return;
      // A tick later, so that the written bytes are sent.
      else setImmediate(() => incoming.socket.end(() => incoming.socket.destroy()));
    });
    forwarded.on('error', () => incoming.socket.destroy());
    incoming.pipe(forwarded);
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: () => undefined,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return proxy;
}

function passedBytes(fault: Exclude<Fault, 'refuse' | { status: number }>): number {
  if (fault === undefined) return Infinity;
  return 'cutAfterBytes' in fault ? fault.cutAfterBytes : fault.stallAfterBytes;
}
