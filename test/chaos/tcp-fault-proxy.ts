import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What happens to a connection:
 * - `refuse`: every connection is closed, new ones at once;
 * - `blackhole`: connections stay open, but nothing passes in either direction (data sent meanwhile arrives
 * later);
 * - `latency`: every piece of data arrives `latencyMs` later;
 * - `cut`: half of the next reply is sent, then its connection is reset;
 * - `lose`: the next request that contains `loseAfter` reaches the server, but its reply is dropped and the
 * connection reset. Afterwards the proxy passes everything on.
 */
export type TcpFault = 'none' | 'refuse' | 'blackhole' | 'latency' | 'cut' | 'lose';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Data that has not arrived yet, in the order in which it was sent: TCP never changes that order. */
  readonly onTheWay: Map<Socket, { readonly chunk: Buffer; readonly fromMs: number }[]>;
  isReplyLost: boolean;
}

/** Stands between a client and a TCP server on this machine and disturbs the connections on request. */
export class TcpFaultProxy {
  private readonly pairs = new Set<Pair>();
  private readonly server;
  private current: TcpFault = 'none';
  /** How often a reply was cut or lost. */
  broken = 0;

  private readonly upstreamPort: number;
  private readonly options: { readonly latencyMs: number; readonly loseAfter: string };

  private constructor(
    upstreamPort: number,
    options: { readonly latencyMs: number; readonly loseAfter: string },
  ) {
    this.upstreamPort = upstreamPort;
    this.options = options;
    this.server = createServer((client) => this.accept(client));
  }

  /** @param upstreamPort on 127.0.0.1; its server may disappear and come back */
  static async start(
    upstreamPort: number,
    { latencyMs = 300, loseAfter = 'squeeze' } = {},
  ): Promise<TcpFaultProxy> {
    const proxy = new TcpFaultProxy(upstreamPort, { latencyMs, loseAfter });
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get fault(): TcpFault {
    return this.current;
  }

  set fault(fault: TcpFault) {
    this.current = fault;
    if (fault === 'refuse') for (const pair of this.pairs) reset(pair);
    for (const pair of this.pairs) for (const to of pair.onTheWay.keys()) this.deliver(pair, to);
  }

  async close(): Promise<void> {
    this.fault = 'none';
    this.server.close();
    for (const pair of this.pairs) reset(pair);
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    if (this.current === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.upstreamPort, '127.0.0.1');
    const pair: Pair = { client, server, onTheWay: new Map(), isReplyLost: false };
    for (const end of [client, server]) pair.onTheWay.set(end, []);
    this.pairs.add(pair);
    for (const end of [client, server]) {
      end.setNoDelay(true);
      // To the client, a missing server looks as it would without a proxy.
      end.on('error', () => reset(pair));
      end.on('close', () => {
        this.pairs.delete(pair);
        reset(pair);
      });
    }
    client.on('data', (chunk) => this.request(pair, chunk));
    server.on('data', (chunk) => this.reply(pair, chunk));
  }

  private request(pair: Pair, chunk: Buffer): void {
    if (this.current === 'lose' && chunk.includes(this.options.loseAfter)) pair.isReplyLost = true;
    this.pass(pair, pair.server, chunk);
  }

  private reply(pair: Pair, chunk: Buffer): void {
    if (pair.isReplyLost || this.current === 'cut') {
      this.broken++;
      const half = pair.isReplyLost ? 0 : Math.floor(chunk.byteLength / 2);
      this.current = 'none';
      pair.client.end(chunk.subarray(0, half), () => reset(pair));
      return;
    }
    this.pass(pair, pair.client, chunk);
  }

  private pass(pair: Pair, to: Socket, chunk: Buffer): void {
    const delayMs = this.current === 'latency' ? this.options.latencyMs : 0;
    pair.onTheWay.get(to)!.push({ chunk, fromMs: performance.now() + delayMs });
    this.deliver(pair, to);
  }

  /** Writes the data that is due, and schedules the rest. */
  private deliver(pair: Pair, to: Socket): void {
    const waiting = pair.onTheWay.get(to)!;
    while (this.current !== 'blackhole' && waiting.length > 0 && !to.destroyed) {
      const leftMs = waiting[0]!.fromMs - performance.now();
      if (leftMs > 0) {
        setTimeout(() => this.deliver(pair, to), leftMs);
        return;
      }
      to.write(waiting.shift()!.chunk);
    }
  }
}

function reset({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}
