import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { sweepBatches } from '../../src/resources/batches/sweep-batches.ts';
import { SweepCounts } from '../../src/resources/contents/sweep.ts';
import { sqliteIn } from '../database/dialects.ts';
import { until } from '../queue/harness.ts';
import { type FileServer, startFileServer } from '../transfer/file-server.ts';
import { Client } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { isAlive } from './process-tree.ts';
import { type Service, startService } from './service.ts';

const LINES = 5_000;
const HOUR_MS = 3_600_000;

describe('a service that is killed while it accepts a batch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch-kill-'));
  const dataDir = join(folder, 'data');
  let elsewhere: FileServer;
  let service: Service;
  let client: Client;
  let adapterId: string;
  const start = async () => {
    service = await startService({ dataDir, env: { OUTBOUND_ALLOWED_HOSTS: elsewhere.host } });
    client = new Client(service.url);
  };
  const kill = async () => {
    const children = service.children();
    process.kill(service.pid, 'SIGKILL');
    await until('the end of its processes', () => !children.some(isAlive));
  };
  /** The rows in the database, even while the service writes. */
  const inDatabase = async <T>(look: (database: Database) => Promise<T>): Promise<T> => {
    const database = await sqliteIn(dataDir);
    try {
      return await look(database);
    } finally {
      await database.close();
    }
  };
  const counts = ({ reader }: Database) =>
    Promise.all(
      (['batch', 'batch_member', 'job'] as const).map(
        async (table) => (await reader.selectFrom(table).selectAll().execute()).length,
      ),
    );
  before(async () => {
    elsewhere = await startFileServer();
    await start();
    adapterId = (await client.upload(fixtureAdapters()[0]!.dir)).adapter.id;
  });
  after(async () => {
    await service?.stop().catch(() => undefined);
    await elsewhere?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('does not show the batch or execute any of it afterwards, and a sweep removes its rows', async () => {
    const sending = request(`${service.url}/v1/batches/ndjson`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
    });
    sending.on('error', () => undefined);
    sending.write(`${JSON.stringify({ settings: { targets: [{ rank: 2 }] } })}\n`);
    const line = `${JSON.stringify({ adapter_id: adapterId })}\n`;
    for (let count = 0; count < LINES; count++) sending.write(line);
    // All but the end of the body: a draft is written, and the batch is not accepted.
    await until('some of its items', () => inDatabase(async (database) => (await counts(database))[1]! > 0));
    await kill();
    sending.destroy();
    const [batches, items, jobs] = await inDatabase(counts);
    assert.deepEqual([batches, jobs], [1, 0]);
    assert.ok(items! > 0, 'a part of it was written');

    await start();
    const { data } = await client.json<{ data: unknown[] }>('/v1/batches');
    assert.deepEqual(data, []);
    assert.deepEqual((await client.json<{ data: unknown[] }>('/v1/jobs')).data, []);
    await service.stop();
    const swept = await inDatabase(async (database) => {
      const startMs = Date.now() + 2 * HOUR_MS;
      const all = new SweepCounts();
      await sweepBatches(database, { startMs, cutoffMs: startMs, swept: all });
      return { removed: all.of('batch').objects, left: await counts(database) };
    });
    assert.deepEqual(swept, { removed: 1, left: [0, 0, 0] });
    await start();
  });

  it('leaves nothing if it was still listing the source', async () => {
    let isAsked = false;
    elsewhere.fault = () => ({
      answer: () => {
        isAsked = true;
      },
    });
    const credentials = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
    const source_prefix = {
      kind: 's3',
      bucket: 'models',
      prefix: 'in',
      endpoint: elsewhere.url,
      credentials,
    };
    const asked = client
      .fetch('/v1/batches', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ source_prefix, targets: [{ rank: 2 }] }),
      })
      .catch(() => 'cut off');
    await until('the listing', () => isAsked);
    await kill();
    assert.equal(await asked, 'cut off');
    assert.deepEqual(await inDatabase(counts), [0, 0, 0]);
    elsewhere.fault = () => undefined;
    await start();
    assert.deepEqual((await client.json<{ data: unknown[] }>('/v1/batches')).data, []);
  });
});
