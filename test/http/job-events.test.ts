import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import type { JobRecord, Progress } from '../../src/contract/job.ts';
import { JobEvent } from '../../src/contract/job.ts';
import { dispatchId } from '../../src/dispatch/dispatcher.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ExecutionTask } from '../../src/resources/jobs/executions/task.ts';
import { EventStream } from './event-stream.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const FAST = { heartbeatMs: 200, pollMs: 100 };

/** Polls until the condition holds. The limit only prevents hanging. */
async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    if (tries > 500) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}

/** A job whose worker the test plays. */
class PlayedJob {
  readonly id: string;
  private readonly server: TestServer;
  private task: ExecutionTask | undefined;

  constructor(server: TestServer, id: string) {
    this.server = server;
    this.id = id;
  }

  static async submit(server: TestServer): Promise<PlayedJob> {
    const { id } = await server.upload();
    const response = await server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'squeeze', adapter_id: id, targets: [{ rank: 2 }], reuse: false }),
    });
    assert.equal(response.status, 202);
    return new PlayedJob(server, ((await response.json()) as JobRecord).id);
  }

  watch(headers?: Record<string, string>): Promise<EventStream> {
    return EventStream.open(`${this.server.url}/v1/jobs/${this.id}/events`, headers);
  }

  resume(lastEventId: string): Promise<EventStream> {
    return this.watch({ 'last-event-id': lastEventId });
  }

  /** Begins an attempt. */
  async begins(progress?: Partial<Progress>): Promise<void> {
    this.task = await this.server.worker.begin(this.id);
    if (progress) this.tells(progress);
    this.server.queue.hint();
  }

  tells(progress: Partial<Progress>): void {
    const { execution, dispatchNo } = this.task!;
    const whole = { phase: 'gram' as const, done: 0, total: 9, module: null, ...progress };
    this.server.queue.progressById.set(dispatchId(execution, dispatchNo), whole);
    this.server.queue.hint();
  }

  /** Its attempt fails, and another one follows. */
  async stumbles(): Promise<void> {
    const crashed = new AppError('WORKER_CRASHED', 'It crashed.');
    await this.server.worker.executions.fail(this.task!, crashed, { tryMs: 1, mayPass: true });
    this.server.queue.hint();
  }

  async ends(state: 'succeeded' | 'failed' | 'cancelled'): Promise<void> {
    if (state === 'succeeded') await this.server.worker.succeed(this.id);
    else if (state === 'failed') await this.server.worker.fail(this.id);
    else await this.server.workspaces.of('default').jobControl.cancel(this.id);
    this.server.queue.hint();
  }
}

describe('the events of a job', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ eventStreams: FAST });
  });
  after(() => server.close());

  it('are its states and its progress, in order, until it has ended', async () => {
    const job = await PlayedJob.submit(server);
    const stream = await job.watch();
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type']!, /^text\/event-stream/);
    assert.equal(stream.headers['cache-control'], 'no-store');
    assert.equal(stream.headers['x-accel-buffering'], 'no');
    assert.ok(stream.headers['x-request-id'] && stream.headers['x-content-type-options']);
    await stream.until(({ events }) => events.length === 1);
    await job.begins();
    await stream.until(({ events }) => events.length === 2);
    job.tells({ done: 4 });
    await stream.until(({ events }) => events.length === 3);
    await job.ends('succeeded');
    await stream.end();
    assert.deepEqual(stream.summaries, [
      '0.0.0 queued',
      '1.0.0 active',
      '1.3.4 gram',
      '1.8.3 done',
      '1.99.0 succeeded',
    ]);
    assert.ok(stream.retryMs! > 0);
    for (const event of stream.events) assert.ok(Value.Check(JobEvent, event), JSON.stringify(event));
    assert.deepEqual(stream.events.at(-1)!.data, await (await server.fetch(`/v1/jobs/${job.id}`)).json());
    assert.equal(stream.events[2]!.data.attempt, 1);
  });

  it('can be resumed after each event without missing any', async () => {
    const job = await PlayedJob.submit(server);
    await job.begins();
    await job.stumbles();
    await job.begins({ phase: 'core', done: 5 });
    const whole = ['0.0.0 queued', '2.0.0 active', '2.4.5 core'];
    const rest = async (lastEventId: string, count: number): Promise<string[]> => {
      const stream = await job.resume(lastEventId);
      await stream.until(({ events }) => events.length === count);
      stream.vanish();
      return stream.summaries;
    };
    assert.deepEqual(await rest('0.0.0', 2), whole.slice(1));
    assert.deepEqual(await rest('1.0.0', 2), whole.slice(1), 'of an attempt before');
    assert.deepEqual(await rest('1.98.0', 2), whole.slice(1));
    assert.deepEqual(await rest('2.0.0', 1), whole.slice(2));
    assert.deepEqual(await rest('2.3.9', 1), whole.slice(2), 'of older progress');
    assert.deepEqual(await rest('nonsense', 3), whole, 'of nothing');

    const waiting = await job.resume('2.4.5');
    await job.ends('succeeded');
    await waiting.end();
    assert.deepEqual(waiting.summaries, ['2.8.3 done', '2.99.0 succeeded']);
    const ended = await job.resume('2.0.0');
    await ended.end();
    assert.deepEqual(ended.summaries, ['2.8.3 done', '2.99.0 succeeded'], 'from the record alone');
  });

  it('are over for a client that knows the end: 204, so that a browser stops', async () => {
    const job = await PlayedJob.submit(server);
    await job.ends('cancelled');
    const first = await job.watch();
    await first.end();
    assert.deepEqual(first.summaries, ['0.0.0 queued', '0.99.0 cancelled']);
    const again = await job.resume(first.ids.at(-1)!);
    await again.end();
    assert.deepEqual([again.status, again.events], [204, []]);
  });

  it('report that an attempt failed, and the next one', async () => {
    const job = await PlayedJob.submit(server);
    await job.begins({ phase: 'write', done: 9 });
    const stream = await job.watch();
    await stream.until(({ events }) => events.length === 3);
    await job.stumbles();
    await stream.until(({ events }) => events.length === 4);
    await job.begins({ phase: 'load', done: 1 });
    await stream.until(({ events }) => events.length === 6);
    assert.deepEqual(stream.summaries.slice(3), ['1.98.0 queued', '2.0.0 active', '2.2.1 load']);
    stream.vanish();
  });

  it('also arrive if every notification is lost', async () => {
    const job = await PlayedJob.submit(server);
    const stream = await job.watch();
    await stream.until(({ events }) => events.length === 1);
    server.queue.watchers.clear();
    await job.ends('succeeded');
    await stream.end();
    assert.equal(stream.summaries.at(-1), '1.99.0 succeeded');
  });

  it('need Redis only for progress, which arrives when Redis is back', async () => {
    const job = await PlayedJob.submit(server);
    const before = await job.watch();
    await before.until(({ events }) => events.length === 1);
    server.queue.down = true;
    try {
      await job.begins({ done: 2 });
      const during = await job.watch();
      const resumed = await job.resume('1.3.2');
      for (const stream of [before, during]) await stream.until(({ events }) => events.length === 2);
      // A keep-alive comment shows that the stream has polled in vain meanwhile.
      for (const stream of [before, during, resumed]) await stream.until(({ comments }) => comments > 1);
      const states = ['0.0.0 queued', '1.0.0 active'];
      assert.deepEqual([before.summaries, during.summaries, resumed.summaries], [states, states, []]);
      server.queue.down = false;
      for (const stream of [before, during]) await stream.until(({ events }) => events.length === 3);
      await job.ends('succeeded');
      for (const stream of [before, during, resumed]) await stream.end();
      assert.deepEqual(resumed.summaries, ['1.8.3 done', '1.99.0 succeeded']);
    } finally {
      server.queue.down = false;
    }
  });

  it('are those of an existing job of this tenant', async () => {
    for (const id of [`job_${'0'.repeat(32)}`, 'x', '..%2f'])
      await problemIn(await server.fetch(`/v1/jobs/${id}/events`), 404, 'JOB_NOT_FOUND');
  });

  it('end when the job is removed', async () => {
    const job = await PlayedJob.submit(server);
    const stream = await job.watch();
    await stream.until(({ events }) => events.length === 1);
    await server.jobStore.remove(job.id);
    server.queue.hint();
    await stream.end();
    assert.deepEqual(stream.summaries, ['0.0.0 queued']);
  });

  it('leave nothing behind when clients leave: no watch, no timer, no socket', async () => {
    const job = await PlayedJob.submit(server);
    const [timers, sockets] = [timersNow(), await socketsOf(server)];
    const streams = await Promise.all(Array.from({ length: 20 }, () => job.watch()));
    for (const stream of streams) await stream.until(({ events }) => events.length === 1);
    await until('all watches', () => server.queue.watchers.size >= 20);
    for (const stream of streams) stream.vanish();
    // Also a client that leaves before it gets a response.
    const raw = connect(server.port, '127.0.0.1');
    await once(raw, 'connect');
    raw.end(`GET /v1/jobs/${job.id}/events HTTP/1.1\r\nhost: x\r\n\r\n`);
    raw.destroy();
    await until('the end of all watches', () => server.queue.watchers.size === 0);
    for (let tries = 0; (await socketsOf(server)) > sockets && tries < 2000; tries++) await sleep(20);
    assert.ok((await socketsOf(server)) <= sockets);
    await until('the end of all timers', () => timersNow() <= timers);
  });

  it('reach many clients at once', async () => {
    const job = await PlayedJob.submit(server);
    const streams = await Promise.all(Array.from({ length: 90 }, () => job.watch()));
    await job.begins({ done: 3 });
    for (const stream of streams) await stream.until(({ events }) => events.length >= 3);
    await job.ends('succeeded');
    for (const stream of streams) {
      await stream.end();
      assert.equal(stream.summaries.at(-1), '1.99.0 succeeded');
    }
  });
});

describe('a stream of events', () => {
  it('skips progress for slow readers, but no state, and buffers little', async () => {
    const server = await startServer({ eventStreams: { ...FAST, heartbeatMs: 60_000 } });
    try {
      const job = await PlayedJob.submit(server);
      const stream = await job.watch();
      await stream.until(({ events }) => events.length === 1);
      stream.stopReading();
      const looked = (): number => looks;
      let looks = 0;
      const progress = server.queue.progress.bind(server.queue);
      server.queue.progress = (ids) => {
        looks++;
        return progress(ids);
      };
      const MEGABYTE = 'x'.repeat(1_000_000);
      let done = 0;
      await job.begins();
      // Until the buffers of the connection are full, the job is not polled either.
      for (let still = 0; still < 40; ) {
        const before = looked();
        job.tells({ done: ++done, module: MEGABYTE });
        await sleep(25);
        still = looked() === before ? still + 1 : 0;
      }
      const doneBefore = done;
      for (let more = 0; more < 50; more++) job.tells({ done: ++done, module: MEGABYTE });
      await job.ends('succeeded');
      stream.goOnReading();
      await stream.end();
      assert.ok(stream.events.length < doneBefore, `${stream.events.length} of ${done}`);
      const states = stream.summaries.filter((line) => /queued|active|succeeded/.test(line));
      assert.deepEqual(states, ['0.0.0 queued', '1.0.0 active', '1.99.0 succeeded']);
    } finally {
      await server.close();
    }
  });

  it('ends at once when the service stops', async () => {
    const server = await startServer();
    const job = await PlayedJob.submit(server);
    const stream = await job.watch();
    await stream.until(({ events }) => events.length === 1);
    await Promise.all([server.app.close(), stream.end()]);
    assert.equal(server.queue.watchers.size, 0);
    await server.close();
  });

  it('ends after its time, and can be resumed', async () => {
    const server = await startServer({ eventStreams: { ...FAST, lifeMs: 300 } });
    try {
      const job = await PlayedJob.submit(server);
      const stream = await job.watch();
      await stream.end();
      assert.deepEqual(stream.summaries, ['0.0.0 queued']);
      const next = await job.resume('0.0.0');
      await next.end();
      assert.deepEqual(next.summaries, []);
    } finally {
      await server.close();
    }
  });

  it('is refused if there are too many, and accepted when one has ended', async () => {
    const server = await startServer({ eventStreams: { ...FAST, perTenant: 2 } });
    try {
      const job = await PlayedJob.submit(server);
      const [one, two] = [await job.watch(), await job.watch()];
      const path = `/v1/jobs/${job.id}/events`;
      const refused = await server.fetch(path);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      await problemIn(refused, 429, 'TOO_MANY_STREAMS');
      one.vanish();
      let next = await job.watch();
      for (let tries = 0; next.status === 429 && tries < 2000; tries++) {
        await sleep(20);
        next = await job.watch();
      }
      assert.equal(next.status, 200);
      two.vanish();
      next.vanish();
    } finally {
      await server.close();
    }
  });
});

const timersNow = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

const socketsOf = ({ app }: TestServer): Promise<number> =>
  new Promise((resolve, reject) =>
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
