import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { BatchRecord } from '../../src/contract/batch.ts';
import { BatchItemList } from '../../src/contract/batch-item.ts';
import { itemsOf } from '../resources/batches/insert-batch.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { tinyAdapter } from './tiny-adapter.ts';

const NDJSON = 'application/x-ndjson';
const SETTINGS = { settings: { targets: [{ rank: 2 }], labels: { team: 'a' }, reuse: false } };

describe('a batch in lines', () => {
  let server: TestServer;
  let adapter_id: string;
  before(async () => {
    server = await startServer();
    adapter_id = (await server.upload(tinyAdapter(1))).id;
  });
  after(() => server.close());

  const post = (body: string | ReadableStream, headers: Record<string, string> = {}) =>
    server.fetch('/v1/batches/ndjson', {
      method: 'POST',
      headers: { 'content-type': NDJSON, ...headers },
      body,
      ...(typeof body !== 'string' && { duplex: 'half' }),
    } as RequestInit);
  const lines = (...values: readonly unknown[]) =>
    values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n');
  const service = () => server.workspaces.of('default').batches;
  const nothingIsLeft = async () => {
    const rows = await server.database.reader
      .selectFrom('batch')
      .select('id')
      .where('accepted_at', 'is', null)
      .execute();
    assert.deepEqual(rows, []);
  };

  it('uses the first line for fields that a line lacks', async () => {
    const response = await post(
      `${lines(SETTINGS, { adapter_id }, '', { adapter_id, targets: [{ rank: 1 }], labels: { team: 'b', x: 'y' } })}\r\n${lines({ kind: 'analyze', adapter_id }, { adapter_id: 'ad_none' })}`,
    );
    assert.equal(response.status, 202, await response.clone().text());
    const batch = (await response.json()) as BatchRecord;
    assert.ok(Value.Check(BatchRecord, batch));
    assert.deepEqual([batch.counts.queued, batch.counts.failed, batch.labels], [3, 1, { team: 'a' }]);
    const listed = (await (
      await server.fetch(`/v1/batches/${batch.id}/items?limit=2`)
    ).json()) as BatchItemList;
    assert.ok(Value.Check(BatchItemList, listed));
    assert.deepEqual(
      listed.data.map(({ index, kind }) => [index, kind]),
      [
        [0, 'squeeze'],
        [1, 'squeeze'],
      ],
    );
    const rest = await server.fetch(`/v1/batches/${batch.id}/items?limit=2&cursor=${listed.next_cursor}`);
    const { data, next_cursor } = (await rest.json()) as BatchItemList;
    assert.deepEqual(
      data.map(({ index, kind, state }) => [index, kind, state]),
      [
        [2, 'analyze', 'queued'],
        [3, 'squeeze', 'failed'],
      ],
    );
    assert.equal(next_cursor, null);
    const failed = await server.fetch(`/v1/batches/${batch.id}/items?state=failed,cancelled`);
    assert.deepEqual(
      ((await failed.json()) as BatchItemList).data.map(({ index }) => index),
      [3],
    );
    const [, own] = await server.jobsOf(batch);
    const { labels, request } = await server.jobs.get(own!);
    assert.deepEqual(
      [labels, 'targets' in request && request.targets],
      [{ team: 'b', x: 'y' }, [{ rank: 1 }]],
    );
    await problemIn(await server.fetch(`/v1/batches/${batch.id}/items?state=lost`), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch(`/v1/batches/${batch.id}/items?cursor=x`), 400, 'VALIDATION_FAILED');
    const far = Buffer.from(`item_${'f'.repeat(32)}`).toString('base64url');
    const behind = await server.fetch(`/v1/batches/${batch.id}/items?cursor=${far}`);
    assert.deepEqual(await behind.json(), { data: [], next_cursor: null });
  });

  it('is refused as a whole if a line cannot be read, with the numbers of the lines', async () => {
    const body = lines(
      SETTINGS,
      { adapter_id },
      '{"adapter_id":',
      { adapter_id, targets: [{ rank: 0 }] },
      '7',
      {
        adapter_id,
        rank: 3,
      },
      { kind: 'analyze', adapter_id, source: 'hf://a/b' },
    );
    const { detail, errors } = await problemIn(await post(body), 400, 'UNKNOWN_OPTION');
    assert.deepEqual(
      errors?.map(({ line, pointer }) => [line, pointer]),
      [
        [3, '/adapter_id'],
        [4, '/targets/0/rank'],
        [5, ''],
        [6, '/rank'],
        [7, ''],
      ],
    );
    assert.match(detail, /^line 6: .*no option "rank"/);
    assert.match(errors![0]!.detail, /^line 3: it is not valid JSON/);
    assert.match(errors![4]!.detail, /^line 7 has both "adapter_id" and "source"/);
    await nothingIsLeft();
    const many = await problemIn(
      await post(lines(...Array.from({ length: 300 }, () => '[]'))),
      400,
      'VALIDATION_FAILED',
    );
    assert.equal(many.errors?.length, 100);
    assert.match(many.detail, /and 299 more/);
    const settings = await problemIn(
      await post(lines({ settings: { rank: 2 } }, { adapter_id })),
      400,
      'UNKNOWN_OPTION',
    );
    assert.deepEqual(
      settings.errors?.map(({ line, pointer }) => [line, pointer]),
      [[1, '/settings/rank']],
    );
    const long = await post(lines(SETTINGS, { adapter_id }, `{"x":"${'y'.repeat(70_000)}"}`));
    assert.match(
      (await problemIn(long, 400, 'VALIDATION_FAILED')).detail,
      /^line 3: it is longer than 65536 bytes/,
    );
    await problemIn(await post('\n\n'), 422, 'BATCH_EMPTY');
    await problemIn(await post(lines(SETTINGS)), 422, 'BATCH_EMPTY');
    await problemIn(
      await post(lines({ adapter_id }), { 'content-type': 'application/json' }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    );
    const digest = { 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` };
    await problemIn(await post(lines(SETTINGS, { adapter_id }), digest), 400, 'DIGEST_MISMATCH');
    await nothingIsLeft();
  });

  it('has at most ten thousand lines, and never more than some of them in memory', async () => {
    const line = Buffer.from(`${JSON.stringify({ adapter_id, labels: { pad: 'x'.repeat(100) } })}\n`);
    const stream = (count: number) => {
      let sent = -1;
      return new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent === count) return controller.close();
          controller.enqueue(sent < 0 ? Buffer.from(`${JSON.stringify(SETTINGS)}\n`) : line);
          sent += 1;
        },
      });
    };
    const response = await post(stream(10_000));
    assert.equal(response.status, 202, await response.clone().text());
    const batch = (await response.json()) as BatchRecord;
    assert.deepEqual([batch.progress.total, batch.counts.queued], [10_000, 10_000]);
    assert.equal((await itemsOf(service(), batch)).at(-1)!.index, 9_999);
    const refused = await problemIn(await post(stream(10_001)), 400, 'VALIDATION_FAILED');
    assert.match(refused.detail, /more than 10000 jobs/);
    await nothingIsLeft();
  });

  it('blocks other transactions only briefly', async () => {
    const { database } = server;
    const begun = performance.now();
    let longest = 0;
    let count = 0;
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        const before = performance.now();
        await database.write((writer) => writer.selectFrom('batch').select('id').limit(1).execute());
        longest = Math.max(longest, performance.now() - before);
        count += 1;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    const body = lines(SETTINGS, ...Array.from({ length: 3_000 }, () => ({ adapter_id })));
    const response = await post(body);
    assert.equal(response.status, 202);
    isOver = true;
    await writing;
    assert.ok(
      count > 60,
      `only ${count} others had their turn in ${performance.now() - begun} ms, at most ${longest} ms`,
    );
  });

  it('is accepted once for one Idempotency-Key, and answered again', async () => {
    const key = { 'idempotency-key': 'lines-1' };
    const body = lines(SETTINGS, { adapter_id }, { adapter_id, targets: [{ rank: 1 }] });
    const first = (await (await post(body, key)).json()) as BatchRecord;
    const again = await post(body, key);
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [202, 'true']);
    assert.equal(((await again.json()) as BatchRecord).id, first.id);
    await problemIn(await post(`${body}\n`, key), 422, 'IDEMPOTENCY_MISMATCH');
    const waiting = post(body, { ...key, prefer: 'wait=30' });
    for (const id of await server.jobsOf(first)) await server.worker.succeed(id);
    const ended = (await (await waiting).json()) as BatchRecord;
    assert.deepEqual([ended.id, ended.state], [first.id, 'succeeded']);
    await nothingIsLeft();
  });

  it('is refused if it exceeds the quota of the tenant, and leaves nothing', async () => {
    const unfinished = (await server.jobStore.unfinished(100_000)).length;
    await server.limit({ max_queued: unfinished + 2 });
    try {
      const one = { adapter_id };
      await problemIn(await post(lines(SETTINGS, one, one, one)), 429, 'QUOTA_QUEUED_JOBS');
      await nothingIsLeft();
      const response = await post(lines(SETTINGS, one, { adapter_id: 'ad_none' }, one));
      assert.equal(response.status, 202, 'what cannot be tried takes no room');
      await problemIn(await post(lines(SETTINGS, one)), 429, 'QUOTA_QUEUED_JOBS');
      const key = { 'idempotency-key': 'lines-2' };
      await server.limit({ max_queued: unfinished + 3 });
      const accepted = (await (await post(lines(SETTINGS, one), key)).json()) as BatchRecord;
      const again = (await (await post(lines(SETTINGS, one), key)).json()) as BatchRecord;
      assert.equal(again.id, accepted.id, 'it was accepted before, so it needs no room');
    } finally {
      await server.limit({});
    }
  });
});
