import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A status to answer with, or a connection that breaks after the request arrived. */
export type Failure = number | 'reset';

export interface GatewayOptions {
  /** The path below which the service is reached. */
  readonly prefix?: string;
  /** What happens to the first requests, one each. */
  readonly failures?: readonly Failure[];
}

export interface Gateway {
  readonly url: string;
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly idempotencyKey: string | undefined;
    readonly authorization: string | undefined;
    readonly chunked: boolean;
  }[];
  failuresLeft(): number;
  close(): Promise<void>;
}

/** A reverse proxy in front of the service, as users have one, which fails first. */
export async function startGateway(
  target: string,
  { prefix = '', failures = [] }: GatewayOptions = {},
): Promise<Gateway> {
  const left = [...failures];
  const requests: Gateway['requests'][number][] = [];

  function handle(incoming: IncomingMessage, answer: ServerResponse): void {
    const { url: path = '', headers, method } = incoming;
    const key = headers['idempotency-key'];
    requests.push({
      method: method!,
      path,
      idempotencyKey: typeof key === 'string' ? key : undefined,
      authorization: headers.authorization,
      chunked: headers['transfer-encoding'] !== undefined,
    });
    const failure = left.shift();
    if (failure === undefined) {
      const forwarded = request(new URL(path.slice(prefix.length), target), { method, headers });
      forwarded.on('response', (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      });
      forwarded.on('error', () => answer.destroy());
      incoming.pipe(forwarded);
      return;
    }
    incoming.resume().on('end', () => {
      if (failure === 'reset') incoming.socket.destroy();
      else
        answer
          .writeHead(failure, { 'retry-after': '0', 'content-type': 'text/html' })
          .end('<h1>Not now</h1>');
    });
  }

  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    failuresLeft: () => left.length,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
