import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a receiver reacts to one request. */
export type ResponseScript =
  | number
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'hang'
  | 'cut'
  | 'slow-body'
  | 'long-body';

export interface ReceivedRequest {
  readonly atMs: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A real server that takes events and answers by a script: its responses one after another, then 204. */
export class Receiver {
  readonly requests: ReceivedRequest[] = [];
  readonly url: string;
  /** Called when a request has arrived; the response waits for it. */
  before: () => unknown = () => undefined;
  private readonly scripts: ResponseScript[];
  private readonly close_: () => Promise<void>;

  private constructor(url: string, scripts: ResponseScript[], close: () => Promise<void>) {
    this.url = url;
    this.scripts = scripts;
    this.close_ = close;
  }

  static async start(...scripts: ResponseScript[]): Promise<Receiver> {
    const server = createServer((request, response) => void receiver.answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(`http://127.0.0.1:${port}/hook`, scripts, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return receiver;
  }

  /** The ids of the deliveries that arrived, in order. */
  get ids(): string[] {
    return this.requests.map(({ headers }) => headers['webhook-id']!);
  }

  respondWith(...scripts: ResponseScript[]): void {
    this.scripts.splice(0, this.scripts.length, ...scripts);
  }

  close(): Promise<void> {
    return this.close_();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const body = Buffer.concat(chunks).toString('utf8');
    this.requests.push({ atMs: Date.now(), path: request.url!, headers, body });
    await this.before();
    const script = this.scripts.shift() ?? 204;
    if (script === 'hang') return;
    if (script === 'cut') return void request.socket.destroy();
    if (script === 'slow-body') return void response.writeHead(200).write('I am ');
    if (script === 'long-body') return pour(response);
    const {
      status,
      headers: more = {},
      body: text = '',
    } = typeof script === 'number' ? { status: script } : script;
    response.writeHead(status, more).end(text);
  }
}

/** More than any client wants to read, for as long as one does. */
function pour(response: ServerResponse): void {
  response.writeHead(200).on('error', () => undefined);
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}
