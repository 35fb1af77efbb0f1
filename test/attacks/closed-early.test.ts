import { after, before, describe, it } from 'node:test';
import { BOUNDARY, multipartOf, part, postHead, rawRequest } from '../http/raw-request.ts';
import { startServer, type TestServer } from '../http/server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';

const { weights, config } = tinyAdapter(5, { rank: 2, m: 4, n: 4 });
const BODIES: readonly Buffer[] = [
  multipartOf(part(CONFIG, config), part(WEIGHTS, weights)),
  multipartOf(part(WEIGHTS, weights), part(CONFIG, config)),
  Buffer.from(`--${BOUNDARY}--\r\n`),
];

/** The client has sent the whole body and closed the connection before the service begins to read. */
describe('a connection that its client closes in the packet of the request', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ uploadIdleTimeoutMs: 60_000 });
  });
  after(() => server.close());

  for (const path of ['/v1/adapters', '/v1/squeeze']) {
    it(`leaves nothing of an upload to ${path}, whether the client closes or continues with bytes that are not HTTP`, async () => {
      for (const body of BODIES) {
        for (const beyond of [0, 1, 18, 60]) {
          const length = Math.max(0, body.length - beyond);
          for (const extra of [[], ['Connection: close']]) {
            const head = postHead(path, [`Content-Length: ${length}`, ...extra]);
            await rawRequest(server.port, Buffer.concat([Buffer.from(head), body]));
          }
        }
      }
      await server.assertNoLeftovers();
    });
  }
});
