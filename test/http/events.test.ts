import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { StreamEvent } from '../../src/contract/event.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { removeOldEvents } from '../../src/resources/events/sweep-events.ts';
import { insertSampleAdapter } from '../resources/adapters/sample-adapter.ts';
import { EventStream } from './event-stream.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const FAST = { heartbeatMs: 200, pollMs: 100 };

describe('the events of all jobs', () => {
  let server: TestServer;
  let adapter_id: string;
  before(async () => {
    server = await startServer({ eventStreams: FAST });
    adapter_id = await insertSampleAdapter(server.database);
  });
  after(() => server.close());

  async function submit(more: object = {}, headers: Record<string, string> = {}): Promise<JobRecord> {
    const response = await server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ kind: 'analyze', adapter_id, reuse: false, ...more }),
    });
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as JobRecord;
  }
  const watch = (query = '', headers: Record<string, string> = {}) =>
    EventStream.open(`${server.url}/v1/events${query}`, headers);
  const typesOf = (stream: EventStream): string[] => stream.events.map(({ event }) => event);
  const ended = (id: string) => (stream: EventStream) =>
    stream.events.some(({ event, data }) => event === 'job.succeeded' && data.data.job.id === id);

  it('begin when the stream is opened, and equal those of webhooks', async () => {
    await submit();
    const stream = await watch();
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type']!, /^text\/event-stream/);
    assert.deepEqual(
      [stream.headers['cache-control'], stream.headers['x-accel-buffering']],
      ['no-store', 'no'],
    );
    await stream.until(({ events }) => events.length === 1);
    const job = await submit();
    await server.worker.succeed(job.id);
    await stream.until(ended(job.id));
    assert.deepEqual(typesOf(stream), ['stream.open', 'job.queued', 'job.started', 'job.succeeded']);
    for (const event of stream.events) assert.ok(Value.Check(StreamEvent, event), JSON.stringify(event));
    const { data } = stream.events.at(-1)!;
    assert.deepEqual(data.data.job, await (await server.fetch(`/v1/jobs/${job.id}`)).json());
    assert.deepEqual([data.type, data.timestamp], ['job.succeeded', data.data.job.finished_at]);
    stream.vanish();
  });

  it('can be resumed after each event, also at another process and after a restart', async () => {
    const stream = await watch();
    await stream.until(({ events }) => events.length === 1);
    const jobs = [await submit(), await submit()];
    for (const { id } of jobs) await server.worker.succeed(id);
    await stream.until(ended(jobs[1]!.id));
    stream.vanish();
    const { ids } = stream;
    assert.equal(ids.length, 7);
    // Another process, which knows nothing of earlier events.
    const other = await startServer({ eventStreams: FAST }, { workspaces: server.workspaces });
    try {
      for (const [index, lastEventId] of ids.entries()) {
        const again = await EventStream.open(`${other.url}/v1/events`, { 'last-event-id': lastEventId });
        await again.until(({ events }) => events.length === 7 - index);
        assert.deepEqual(again.ids, ids.slice(index));
        assert.equal(again.events[0]!.data.data.last_event_id, lastEventId);
        again.vanish();
      }
    } finally {
      await other.close();
    }
  });

  it('can be filtered by job, batch, labels and types', async () => {
    const key = { label: `l${Date.now()}` };
    const [mine, others] = [await submit({ labels: key }), await submit()];
    const response = await server.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'analyze', adapter_ids: [adapter_id], reuse: false, labels: key }),
    });
    const batch = (await response.json()) as { id: string };
    const open = async (query: string) => {
      const stream = await watch(query);
      await stream.until(({ events }) => events.length === 1);
      return stream;
    };
    const streams = {
      job: await open(`?job_id=${others.id}`),
      batch: await open(`?batch_id=${batch.id}`),
      label: await open(`?label=label:${key.label}`),
      types: await open('?types=job.succeeded,batch.ended'),
      repeated: await open('?types=job.started&types=job.succeeded'),
    };
    const [member] = (await server.jobsOf(batch)) as [string];
    for (const id of [mine.id, others.id, member]) await server.worker.succeed(id);
    const end = await open('');
    const last = await submit();
    await server.worker.succeed(last.id);
    await end.until(ended(last.id));
    await streams.types.until(ended(last.id));
    await streams.repeated.until(ended(last.id));
    await streams.batch.until((stream) => typesOf(stream).includes('batch.ended'));
    await streams.label.until((stream) => typesOf(stream).includes('batch.ended'));
    const types = Object.values(streams).map((stream) => typesOf(stream).slice(1));
    const twice = ['job.started', 'job.succeeded'];
    assert.deepEqual(types, [
      twice,
      [...twice, 'batch.ended'],
      [...twice, ...twice, 'batch.ended'],
      ['job.succeeded', 'job.succeeded', 'job.succeeded', 'batch.ended', 'job.succeeded'],
      [...twice, ...twice, ...twice, ...twice],
    ]);
    for (const stream of [...Object.values(streams), end]) stream.vanish();
    for (const query of ['?types=job.began', '?label=x', '?types='])
      await problemIn(await server.fetch(`/v1/events${query}`), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/events?job=x'), 400, 'UNKNOWN_OPTION');
  });

  it('report that some are missing, and continue with the rest', async () => {
    const stream = await watch();
    await stream.until(({ events }) => events.length === 1);
    await submit();
    const [left] = [await submit()];
    await stream.until(({ events }) => events.length === 3);
    const [first] = stream.ids;
    await removeOldEvents(server.database, Date.now(), { keptMs: 3_600_000, maxEvents: 1 });
    const late = await watch('', { 'last-event-id': first! });
    await late.until(({ events }) => events.length === 2);
    assert.deepEqual(typesOf(late), ['stream.gap', 'job.queued']);
    assert.equal(late.events[1]!.data.data.job.id, left.id);
    assert.equal(late.events[0]!.data.data.last_event_id, first);
    // The next events are known.
    const next = await watch('', { 'last-event-id': late.ids[0]! });
    await next.until(({ events }) => events.length === 2);
    assert.deepEqual(typesOf(next), ['stream.open', 'job.queued']);
    for (const id of ['nonsense', '9'.repeat(16), '-1', '']) {
      const unknown = await watch('', { 'last-event-id': id });
      await unknown.until(({ events }) => events.length === 1);
      assert.deepEqual(typesOf(unknown), [id === '' ? 'stream.open' : 'stream.gap'], id);
      unknown.vanish();
    }
    for (const each of [stream, late, next]) each.vanish();
  });

  it('arrive in order while many are written, also for slow readers', async () => {
    const streams = [await watch(), await watch('?types=job.succeeded')];
    for (const stream of streams) await stream.until(({ events }) => events.length === 1);
    streams[0]!.stopReading();
    const jobs = await Promise.all(Array.from({ length: 60 }, () => submit()));
    await Promise.all(jobs.map(({ id }) => server.worker.succeed(id)));
    streams[0]!.goOnReading();
    await streams[0]!.until(({ events }) => events.length >= 1 + 3 * jobs.length);
    await streams[1]!.until(({ events }) => events.length >= 1 + jobs.length);
    for (const stream of streams) {
      const places = stream.ids.map(Number);
      assert.deepEqual(
        places,
        [...places].sort((one, other) => one - other),
      );
      assert.equal(new Set(places).size, places.length);
      stream.vanish();
    }
    assert.equal(streams[0]!.events.length, 1 + 3 * jobs.length);
  });

  it('include progress while the stream is open, without an id', async () => {
    const stream = await watch();
    await stream.until(({ events }) => events.length === 1);
    const job = await submit();
    const { execution } = await server.worker.begin(job.id);
    await stream.until((all) => typesOf(all).includes('job.started'));
    const progress = { phase: 'gram' as const, done: 3, total: 9, module: 'x' };
    for (const tell of server.queue.watchersOfAll) tell(execution, progress);
    await stream.until((all) => typesOf(all).includes('job.progress'));
    const event = stream.events.at(-1)!;
    assert.equal(event.id, undefined);
    assert.deepEqual(event.data.data, {
      job_id: job.id,
      batch_id: null,
      progress: { ...progress, attempt: 1 },
    });
    assert.ok(Value.Check(StreamEvent, event));
    await server.worker.succeed(job.id);
    await stream.until(ended(job.id));
    stream.vanish();
  });

  it('need no queue, and show that the connection is alive', async () => {
    const stream = await watch();
    await stream.until(({ events }) => events.length === 1);
    server.queue.down = true;
    try {
      const job = await submit();
      await server.worker.succeed(job.id);
      await stream.until(ended(job.id));
      await stream.until(({ comments }) => comments > 1);
    } finally {
      server.queue.down = false;
    }
    stream.vanish();
  });

  it('leave nothing behind when clients leave', async () => {
    const streams = await Promise.all(Array.from({ length: 20 }, () => watch()));
    for (const stream of streams) await stream.until(({ events }) => events.length === 1);
    assert.equal(server.queue.watchersOfAll.size, 1, 'one for all of them');
    for (const stream of streams) stream.vanish();
    while (server.queue.watchersOfAll.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});

describe('a stream of all events', () => {
  it('belongs to one tenant, and requires a key that may read', async () => {
    const server = await startServer({ eventStreams: FAST }, { auth: { mode: 'keys' } });
    try {
      await server.workspaces.tenants.put('other', {});
      const keyOf = async (tenant: string, scopes: readonly ('read' | 'write')[]) => {
        const { key } = await server.keys.create({
          tenant,
          makesTenant: true,
          name: '',
          scopes,
          expiresAt: null,
        });
        return { authorization: `Bearer ${key}` };
      };
      const [mine, theirs] = [await keyOf('default', ['read', 'write']), await keyOf('other', ['read'])];
      await problemIn(await server.fetch('/v1/events'), 401, 'KEY_MISSING');
      const own = await EventStream.open(`${server.url}/v1/events`, mine);
      const other = await EventStream.open(`${server.url}/v1/events`, theirs);
      for (const stream of [own, other]) await stream.until(({ events }) => events.length === 1);
      const adapter_id = await insertSampleAdapter(server.database);
      await server.fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...mine },
        body: JSON.stringify({ kind: 'analyze', adapter_id }),
      });
      await own.until(({ events }) => events.length === 2);
      await other.until(({ comments }) => comments > 1);
      assert.equal(other.events.length, 1);
      for (const stream of [own, other]) stream.vanish();
    } finally {
      await server.close();
    }
  });

  it('counts among the streams of its tenant, and ends after its time, or with the service', async () => {
    const server = await startServer({ eventStreams: { ...FAST, perTenant: 1, lifeMs: 300 } });
    const stream = await EventStream.open(`${server.url}/v1/events`);
    await problemIn(await server.fetch('/v1/events'), 429, 'TOO_MANY_STREAMS');
    await stream.end();
    let next = await EventStream.open(`${server.url}/v1/events`);
    while (next.status === 429) next = await EventStream.open(`${server.url}/v1/events`);
    await Promise.all([server.app.close(), next.end()]);
    await server.close();
  });
});
