import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A fault that happens once, to the first matching request. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  /** How many matching requests pass before it. */
  readonly after?: number;
  /** How many bytes of the request reach the service before the connection breaks. */
  readonly cutRequestAt?: number;
  /** The minimum number of bytes of the response that arrive before the connection breaks. */
  readonly cutAnswerAt?: number;
  /**
   * The response announces that its end is the end of the connection: some clients then take it as complete
   * wherever it breaks off.
   */
  readonly saysClose?: boolean;
  /** The first byte is replaced by another one. */
  readonly isSpoiled?: boolean;
}

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FlakyProxy {
  readonly url: string;
  readonly requests: readonly ProxiedRequest[];
  faultsLeft(): number;
  close(): Promise<void>;
}

/** A connection to the service that breaks during requests and responses, or damages them. */
export async function startFlakyProxy(target: string, faults: readonly Fault[]): Promise<FlakyProxy> {
  const left = faults.map((fault) => ({ fault, toPass: fault.after ?? 0 }));
  const requests: ProxiedRequest[] = [];

  function faultOf(method: string, path: string): Fault | undefined {
    const at = left.findIndex(({ fault }) => fault.method === method && fault.path.test(path));
    if (at < 0) return undefined;
    if (left[at]!.toPass-- > 0) return undefined;
    return left.splice(at, 1)[0]!.fault;
  }

  const server = createServer((incoming, answer) => {
    const { method = '', url: path = '', headers } = incoming;
    requests.push({ method, path, headers });
    carry(target, incoming, answer, faultOf(method, path));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    faultsLeft: () => left.length,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function carry(target: string, incoming: IncomingMessage, answer: ServerResponse, fault?: Fault): void {
  const { method, url: path, headers } = incoming;
  const forwarded = request(new URL(path!, target), { method, headers });
  forwarded.on('error', () => incoming.socket.destroy());
  answer.on('close', () => forwarded.destroy());
  forwarded.on('response', (response) => {
    const close = fault?.saysClose === true && { connection: 'close' };
    answer.writeHead(response.statusCode!, { ...response.headers, ...close });
    answer.flushHeaders();
    let arrived = 0;
    response.on('data', (chunk: Buffer) => {
      if (fault?.isSpoiled === true && arrived === 0) chunk[0]! ^= 0xff;
      arrived += chunk.length;
      const isCut = fault?.cutAnswerAt !== undefined && arrived >= fault.cutAnswerAt;
      answer.write(chunk, () => isCut && incoming.socket.destroy());
      if (isCut) response.destroy();
    });
    response.on('end', () => answer.end());
    response.on('error', () => incoming.socket.destroy());
  });
  let sent = 0;
  incoming.on('data', (chunk: Buffer) => {
    sent += chunk.length;
    const isCut = fault?.cutRequestAt !== undefined && sent >= fault.cutRequestAt;
    forwarded.write(chunk, () => {
      if (!isCut) return;
      forwarded.destroy();
      incoming.socket.destroy();
    });
    if (isCut) incoming.removeAllListeners('data').pause();
  });
  incoming.on('end', () => forwarded.end());
}
