import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { contentKey } from '../../src/resources/contents/content-files.ts';
import { noPostgres } from '../database/postgres-server.ts';
import { fillEveryTable, TENANT } from './fill-tables.ts';
import { findings, openPlaces } from './places.ts';

for (const dialect of ['sqlite', 'postgresql'] as const)
  it(`a verification reports every fault with its id, ${dialect}`, {
    skip: dialect === 'postgresql' && noPostgres,
  }, async (t) => {
    const places = await openPlaces(t, dialect);
    const { database, store, pathOf } = places;
    const { adapters } = await fillEveryTable(database, store);
    await store.put('content/0000001/0001-0', Buffer.from('nobody knows it'));
    const before = await findings(places);
    assert.deepEqual([before.problems, before.unknown], [[], ['content/0000001/0001-0']]);

    const weights = async (adapter: string) => {
      const { content } = await database.reader
        .selectFrom('adapter_file')
        .select('content')
        .where('adapter', '=', adapter)
        .where('name', '=', 'adapter_model.safetensors')
        .executeTakeFirstOrThrow();
      return content;
    };
    const [lost, changed] = [await weights(adapters[0]!), await weights(adapters[1]!)];
    const { content: cut } = await database.reader
      .selectFrom('job_file')
      .select('content')
      .executeTakeFirstOrThrow();
    rmSync(pathOf(contentKey(lost)));
    truncateSync(pathOf(contentKey(cut)), 10);
    const bytes = readFileSync(pathOf(contentKey(changed)));
    bytes[100]! ^= 1;
    writeFileSync(pathOf(contentKey(changed)), bytes);
    await database.write(async (writer) => {
      await writer.updateTable('usage').set({ adapters: 7 }).where('tenant', '=', TENANT).execute();
      await writer
        .deleteFrom('adapter_file')
        .where('adapter', '=', adapters[2]!)
        .where('name', '=', 'adapter_config.json')
        .execute();
      await writer.updateTable('job_file').set({ sha256: 'another' }).execute();
    });
    const { problems, sums } = await findings(places);
    assert.deepEqual(problems.map(({ problem, id, used_by = [] }) => [problem, id, ...used_by]).sort(), [
      ['ADAPTER_BYTES', adapters[2]],
      ['CONTENT_DIGEST', changed, adapters[1], adapters[2]],
      ['CONTENT_MISSING', lost, adapters[0]],
      ['CONTENT_SIZE', cut, 'job_1'],
      ['REFERENCE_BROKEN', 'job_1'],
      ['USAGE_WRONG', TENANT],
    ]);
    assert.equal(sums.problems, 6);
    // A changed byte does not change the size.
    assert.equal((await findings(places, true)).sums.problems, 5);
  });

it('does not report content as lost while the storage is unavailable', async (t) => {
  const places = await openPlaces(t, 'sqlite');
  await fillEveryTable(places.database, places.store);
  rmSync(places.pathOf(''), { recursive: true });
  await assert.rejects(findings(places), { code: 'STORAGE_FAILED' });
});
