import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a receiver treats one request. */
export type Treatment =
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

/** A real server that takes events and answers as it is told: the treatments one after another, then 204. */
export class Receiver {
  readonly requests: ReceivedRequest[] = [];
  readonly url: string;
  /** Called when a request has come, which is answered after it. */
  before: () => unknown = () => undefined;
  private readonly treatments: Treatment[];
  private readonly close_: () => Promise<void>;

  private constructor(url: string, treatments: Treatment[], close: () => Promise<void>) {
    this.url = url;
    this.treatments = treatments;
    this.close_ = close;
  }

  static async start(...treatments: Treatment[]): Promise<Receiver> {
    const server = createServer((request, response) => void receiver.answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(`http://127.0.0.1:${port}/hook`, treatments, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return receiver;
  }

  /** The ids of the deliveries that came, in order. */
  get ids(): string[] {
    return this.requests.map(({ headers }) => headers['webhook-id']!);
  }

  treat(...treatments: Treatment[]): void {
    this.treatments.splice(0, this.treatments.length, ...treatments);
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
    const treatment = this.treatments.shift() ?? 204;
    if (treatment === 'hang') return;
    if (treatment === 'cut') return void request.socket.destroy();
    if (treatment === 'slow-body') return void response.writeHead(200).write('I am ');
    if (treatment === 'long-body') return pour(response);
    const {
      status,
      headers: more = {},
      body: text = '',
    } = typeof treatment === 'number' ? { status: treatment } : treatment;
    response.writeHead(status, more).end(text);
  }
}

/** More than anybody wants to read, for as long as somebody does. */
function pour(response: ServerResponse): void {
  response.writeHead(200).on('error', () => undefined);
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}
