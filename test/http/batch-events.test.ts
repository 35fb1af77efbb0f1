import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { BatchRecord } from '../../src/contract/batch.ts';
import { BatchItem } from '../../src/contract/batch-item.ts';
import { EventStream, type ReceivedEvent } from './event-stream.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { tinyAdapter } from './tiny-adapter.ts';

const MISSING_BATCH = `batch_${'0'.repeat(32)}`;
const FAST = { heartbeatMs: 200, pollMs: 100 };

describe('the events of a batch', () => {
  let server: TestServer;
  let adapter: string;
  before(async () => {
    server = await startServer({ eventStreams: FAST });
    adapter = (await server.upload(tinyAdapter(1))).id;
  });
  after(() => server.close());

  async function submit(count: number): Promise<BatchRecord> {
    const job = { kind: 'squeeze', adapter_id: adapter, targets: [{ rank: 2 }] };
    const response = await server.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs: Array(count).fill(job), reuse: false }),
    });
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as BatchRecord;
  }
  const watch = (id: string, lastEventId?: string) =>
    EventStream.open(
      `${server.url}/v1/batches/${id}/events`,
      lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    );
  const items = (events: readonly ReceivedEvent[]) =>
    events.filter(({ event }) => event === 'item').map(({ id, data }) => `${id} ${data.index} ${data.state}`);
  const last = ({ events }: EventStream) => events.at(-1)!;

  it('are its items as they end, its state, and its end', async () => {
    const batch = await submit(3);
    const [first, second, third] = await server.jobsOf(batch);
    await server.worker.succeed(second!);
    const stream = await watch(batch.id);
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type']!, /^text\/event-stream/);
    await stream.until(({ events }) => events.length === 2);
    assert.deepEqual(items(stream.events), ['1 1 succeeded'], 'what ended before comes first');
    assert.equal(last(stream).data.progress.done, 1);
    await server.worker.begin(first!);
    await stream.until((seen) => last(seen).data.counts?.active === 1);
    await server.worker.fail(first!);
    await stream.until((seen) => last(seen).event === 'state' && last(seen).data.progress.done === 2);
    await stream.until(({ comments }) => comments > 0);
    await server.worker.end(third!, 'cancelled');
    await stream.end();
    assert.deepEqual(items(stream.events), ['1 1 succeeded', '2 0 failed', '3 2 cancelled']);
    const { id, event, data } = last(stream);
    assert.deepEqual([id, event, data.state], ['end', 'state', 'partial']);
    assert.ok(data.finished_at);
    for (const { event, data } of stream.events)
      assert.ok(Value.Check(event === 'item' ? BatchItem : BatchRecord, data), JSON.stringify(data));
  });

  it('continue after the last one that the client received, and end after all were sent', async () => {
    const batch = await submit(120);
    for (const id of await server.jobsOf(batch)) await server.worker.end(id, 'cancelled');
    const whole = await watch(batch.id);
    await whole.end();
    const received = items(whole.events);
    assert.equal(new Set(received).size, 120);
    assert.deepEqual(
      received.map((one) => Number(one.split(' ')[0])),
      Array.from({ length: 120 }, (_, i) => i + 1),
    );
    for (const after of ['1', '57', '120']) {
      const rest = await watch(batch.id, after);
      await rest.end();
      assert.deepEqual(items(rest.events), received.slice(Number(after)), `after ${after}`);
      assert.equal(last(rest).id, 'end');
    }
    for (const unknown of ['0', '-1', 'x', '1.3.120']) {
      const again = await watch(batch.id, unknown);
      await again.end();
      assert.equal(items(again.events).length, 120, unknown);
    }
    const over = await server.fetch(`/v1/batches/${batch.id}/events`, {
      headers: { 'last-event-id': 'end' },
    });
    assert.deepEqual([over.status, await over.text()], [204, '']);
  });

  it('of a cancelled batch continue until its last job has ended', async () => {
    const batch = await submit(2);
    const running = (await server.jobsOf(batch))[0]!;
    await server.worker.begin(running);
    const stream = await watch(batch.id);
    await stream.until(({ events }) => events.length > 0);
    await server.fetch(`/v1/batches/${batch.id}/cancel`, { method: 'POST' });
    await stream.end();
    assert.equal(items(stream.events).length, 2);
    assert.deepEqual([last(stream).id, last(stream).data.state], ['end', 'cancelled']);
  });

  it('end if the batch is deleted, and are visible to its tenant only', async () => {
    const batch = await submit(1);
    const stream = await watch(batch.id);
    await stream.until(({ events }) => events.length > 0);
    await server.database.write((writer) => writer.deleteFrom('batch').where('id', '=', batch.id).execute());
    await stream.end();
    await problemIn(await server.fetch(`/v1/batches/${batch.id}/events`), 404, 'BATCH_NOT_FOUND');
    await problemIn(await server.fetch(`/v1/batches/${MISSING_BATCH}/events`), 404, 'BATCH_NOT_FOUND');
  });
});
