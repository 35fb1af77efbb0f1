import { after, before } from 'node:test';
import { startServer, type TestServer } from './server.ts';

export interface ServerWithAdapter {
  readonly server: TestServer;
  readonly adapterId: string;
  /** A squeeze of the adapter with an execution of its own. */
  readonly squeeze: (rank?: number) => object;
  /** @param body JSON, or sent as it is */
  readonly post: (
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
}

/** One server with an adapter for all tests of a file. */
export function serverWithAdapter(): () => ServerWithAdapter {
  let server: TestServer;
  let adapterId: string;
  before(async () => {
    server = await startServer();
    adapterId = (await server.upload()).id;
  });
  after(() => server.close());
  return () => ({
    server,
    adapterId,
    squeeze: (rank = 2) => ({ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank }], reuse: false }),
    post: (path, body, headers = {}) =>
      server.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  });
}
