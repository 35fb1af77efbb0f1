import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What does not arrive:
 * - `request`: the server receives no part of it;
 * - `answer`: the server has done the work, and the client never receives the response.
 */
export type Held = 'request' | 'answer';

/** HTTP: no response yet; the body may follow. */
const INTERIM = 'HTTP/1.1 100 ';

interface Hold {
  readonly held: Held;
  readonly isIt: (sent: string) => boolean;
  /** The bytes that the clients of connections have sent since. */
  readonly sent: WeakMap<Socket, string>;
  readonly reached: (sent: string) => void;
}

/**
 * Stands between a client and a TCP server on this machine, and stops a connection at a moment that the
 * protocol shows, which is the time to kill the client. Nothing passes that connection afterwards, and it
 * ends with the client.
 */
export class HoldingProxy {
  private readonly upstreamPort: number;
  private readonly server;
  private readonly sockets = new Set<Socket>();
  private next: Hold | undefined;

  private constructor(upstreamPort: number) {
    this.upstreamPort = upstreamPort;
    this.server = createServer((client) => this.accept(client));
  }

  /** @param upstreamPort on 127.0.0.1 */
  static async start(upstreamPort: number): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(upstreamPort);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /**
   * Holds one request or its response, instead of the one requested before.
   * @param isIt called for each piece that arrives, with all bytes that its connection has sent since, as
   * Latin-1
   * @returns as soon as it is held: the bytes that its connection had sent by then
   */
  hold(held: Held, isIt: (sent: string) => boolean): Promise<string> {
    return new Promise((reached) => {
      this.next = { held, isIt, sent: new WeakMap(), reached };
    });
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    const server = connect(this.upstreamPort, '127.0.0.1');
    for (const end of [client, server]) {
      this.sockets.add(end);
      end.setNoDelay(true);
      end.on('error', () => undefined);
      end.on('close', () => {
        this.sockets.delete(end);
        client.destroy();
        server.destroy();
      });
    }
    let isStopped = false;
    let holdAnswer: (() => void) | undefined;
    client.on('data', (chunk) => {
      if (isStopped) return;
      const hold = this.reachedBy(client, chunk);
      const reached = hold && (() => hold.reached(hold.sent.get(client)!));
      if (hold?.held === 'answer') holdAnswer = reached;
      isStopped = hold?.held === 'request';
      if (isStopped) reached!();
      else server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (isStopped) return;
      isStopped = holdAnswer !== undefined && chunk.indexOf(INTERIM) !== 0;
      if (isStopped) holdAnswer!();
      else client.write(chunk);
    });
  }

  private reachedBy(client: Socket, chunk: Buffer): Hold | undefined {
    const hold = this.next;
    if (!hold) return undefined;
    const sent = (hold.sent.get(client) ?? '') + chunk.toString('latin1');
    hold.sent.set(client, sent);
    if (!hold.isIt(sent)) return undefined;
    this.next = undefined;
    return hold;
  }
}
