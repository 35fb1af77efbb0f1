import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchResultLine } from '../../src/contract/batch-result.ts';
import { insertBatch } from '../resources/batches/insert-batch.ts';
import { startServer, type TestServer } from './server.ts';

/** More than sockets buffer: some 20 MB. */
const ITEMS = 3_000;
const TARGETS = Array.from({ length: 16 }, (_, i) => ({ rank: i + 1 }));

describe('the results of a batch of thousands', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('are sent in order and as fast as they are read, and break off if the batch is deleted', async () => {
    const { id } = await insertBatch(server.database, ITEMS, { targets: TARGETS });
    const text = await (await server.fetch(`/v1/batches/${id}/results`)).text();
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as BatchResultLine);
    assert.deepEqual(
      lines.map(({ index, target }) => 16 * index + target!),
      Array.from({ length: 16 * ITEMS }, (_, i) => i),
    );

    const { batchResults } = server.workspaces.of('default');
    const after = batchResults.after.bind(batchResults);
    let read = 0;
    batchResults.after = async (...slice) => {
      const items = await after(...slice);
      read += items.length;
      return items;
    };
    try {
      const sockets: Socket[] = [];
      server.app.server.on('connection', (socket) => sockets.push(socket));
      const slow = get(`${server.url}/v1/batches/${id}/results`, { agent: false });
      const [response] = (await once(slow, 'response')) as [IncomingMessage];
      // The client does not read, so the response stalls.
      while (!sockets.some(({ writableNeedDrain }) => writableNeedDrain)) await sleep(20);
      assert.ok(read > 0 && read < ITEMS, `${read} of ${ITEMS} items were read for a client that reads none`);
      await server.database.write((writer) => writer.deleteFrom('batch').where('id', '=', id).execute());
      response.on('error', () => undefined).resume();
      await new Promise((resolve) => response.once('close', resolve));
      assert.equal(response.complete, false, 'it does not look whole');
    } finally {
      batchResults.after = after;
    }
  });
});
