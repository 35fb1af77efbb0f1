import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A connection to the service on which chosen requests wait until they are released. */
export interface RequestGate {
  /** The address that the browser opens instead of the service. */
  readonly url: string;
  /** Requests whose first line matches wait from now on. */
  hold(pattern: RegExp): void;
  /** Resolves once this many requests have had to wait, including those abandoned by their sender. */
  untilHeld(count: number): Promise<void>;
  /** Releases waiting and all later requests. */
  letThrough(): void;
  close(): Promise<void>;
}

export async function openRequestGate(serviceUrl: string): Promise<RequestGate> {
  const { hostname, port } = new URL(serviceUrl);
  const changes = new EventEmitter();
  const clients = new Set<Socket>();
  const held = new Map<Socket, () => void>();
  let pattern: RegExp | null = null;

  const server = createServer((client) => {
    let upstream: Socket | null = null;
    const toService = () => {
      if (upstream !== null) return upstream;
      upstream = connect(Number(port), hostname);
      upstream.on('error', () => client.destroy());
      upstream.pipe(client);
      return upstream;
    };
    const send = (chunk: Buffer) => {
      const socket = toService();
      if (socket.write(chunk)) return;
      client.pause();
      socket.once('drain', () => client.resume());
    };
    clients.add(client);
    client.on('error', () => undefined);
    client.on('close', () => {
      clients.delete(client);
      upstream?.destroy();
      changes.emit('change');
    });
    // Browsers do not pipeline, so a request begins with a new chunk.
    client.on('data', (chunk: Buffer) => {
      if (!pattern?.test(chunk.toString('latin1', 0, 200))) return send(chunk);
      client.pause();
      // The service would close an idle connection.
      upstream?.unpipe(client).destroy();
      upstream = null;
      held.set(client, () => {
        client.resume();
        send(chunk);
      });
      changes.emit('change');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    hold: (next) => {
      pattern = next;
    },
    async untilHeld(count) {
      while (held.size < count) await once(changes, 'change');
    },
    letThrough() {
      pattern = null;
      for (const release of held.values()) release();
      held.clear();
    },
    async close() {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
