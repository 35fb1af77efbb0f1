import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { onEachDialect } from './dialects.ts';

const WRITES = 200;
/** As long as accepting a job takes. */
const WRITE_MS = 3;

onEachDialect('transactions that wait for each other', (database) => {
  it('let requests be answered meanwhile', async () => {
    const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    let ended = 0;
    const writes = Array.from({ length: WRITES }, () =>
      database().write(async (writer) => {
        await writer.selectFrom('tenant').select('id').execute();
        const endMs = performance.now() + WRITE_MS;
        while (performance.now() < endMs);
        ended++;
      }),
    );
    try {
      const { port } = server.address() as AddressInfo;
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(await answer.text(), 'ok');
      assert.ok(ended < WRITES, 'all transactions came first');
    } finally {
      await Promise.all(writes);
      server.closeAllConnections();
      server.close();
    }
  });
});
