import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { timedId } from '../../src/database/ids.ts';
import { newExecution } from '../../src/resources/jobs/executions/execution-rows.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import { NO_DISPATCHER } from '../resources/jobs/fake-worker.ts';
import { EventStream } from './event-stream.ts';
import { openSocket, parseResponse, readAll } from './raw-request.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };

/** Requests stay in progress until the test releases them. */
class Gate {
  private open: () => void = () => {};
  private entered = 0;
  private onEnter: () => void = () => {};
  readonly passed = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  async enter(): Promise<void> {
    this.entered += 1;
    this.onEnter();
    await this.passed;
  }

  async untilEntered(count: number): Promise<void> {
    while (this.entered < count)
      await new Promise<void>((resolve) => {
        this.onEnter = resolve;
      });
  }

  release(): void {
    this.open();
  }
}

/** Whether a response has as many bytes as its Content-Length announces. */
function isWhole(text: string): boolean {
  const [head = '', rest] = text.split('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  return rest !== undefined && Buffer.byteLength(rest) >= Number(length);
}

describe('requests in flight', () => {
  let server: TestServer;
  let adapterId: string;
  afterEach(() => server.close());

  const body = (change: object = {}) =>
    JSON.stringify({ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 2 }], ...change });
  const post = (headers: Record<string, string> = {}, change = {}) =>
    server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { ...JSON_HEADERS, ...headers },
      body: body(change),
    });

  /** Makes writes to the database wait, and with them the requests that submit jobs. */
  function held(): Gate {
    const gate = new Gate();
    const { jobs } = server.workspaces.of('default');
    const submit = jobs.submit.bind(jobs);
    Object.assign(jobs, {
      submit: async (...args: Parameters<typeof submit>) => {
        await gate.enter();
        return submit(...args);
      },
    });
    return gate;
  }

  describe('of two at most', () => {
    beforeEach(async () => {
      server = await startServer({ maxRequestsInFlight: 2, maxUploadsInFlight: 1 });
      adapterId = (await server.upload()).id;
    });

    it('are answered, and others at once with 503 and a time to retry; reading continues', async () => {
      const gate = held();
      const first = [post(), post()];
      await gate.untilEntered(2);
      const refused = await post();
      assert.equal(refused.headers.get('retry-after'), '1');
      const { retryable } = await problemIn(refused, 503, 'SERVICE_OVERLOADED');
      assert.ok(retryable);
      for (const path of ['/livez', '/readyz', '/v1/jobs', `/v1/adapters/${adapterId}`])
        assert.equal((await server.fetch(path)).status, 200, path);
      const retry = await server.fetch(`/v1/jobs/job_${'0'.repeat(32)}/cancel`, { method: 'POST' });
      await problemIn(retry, 404, 'JOB_NOT_FOUND');
      gate.release();
      assert.deepEqual(
        (await Promise.all(first)).map(({ status }) => status),
        [202, 202],
      );
      assert.equal((await post()).status, 202);
      const metrics = await server.metrics.render();
      assert.match(metrics, /lora_squeeze_access_refused_total\{reason="in_flight"\} 1\n/);
    });

    it('are refused before their bodies arrive, while their connections continue', async () => {
      const gate = held();
      const first = [post(), post()];
      await gate.untilEntered(2);
      const socket = await openSocket(server.port);
      const head = ['POST /v1/jobs HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json'];
      socket.write(`${[...head, `Content-Length: ${body().length}`].join('\r\n')}\r\n\r\n`);
      let early = '';
      while (!isWhole(early)) early += String((await once(socket, 'data'))[0]);
      assert.equal(parseResponse(early).status, 503);
      // The connection continues if the client sends the rest within two seconds.
      socket.write(body());
      gate.release();
      await Promise.all(first);
      const end = readAll(socket);
      socket.write(
        `${[...head, `Content-Length: ${body().length}`, 'Connection: close'].join('\r\n')}\r\n\r\n${body()}`,
      );
      const text = await end;
      assert.equal(parseResponse(text).status, 202, text);
    });

    it('do not include clients that send slowly, or that wait for a job', async () => {
      const slow = await Promise.all(Array.from({ length: 5 }, () => openSocket(server.port)));
      const head = 'POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
      for (const socket of slow) socket.write(`${head}Content-Length: 1000\r\n\r\n{`);
      const { jobStore } = server.workspaces.of('default');
      const unfinished = async () => (await jobStore.unfinished(10)).length;
      const waiting: Promise<Response>[] = [];
      for (let count = 1; count <= 4; count++) {
        waiting.push(post({ prefer: 'wait=30' }));
        while ((await unfinished()) < count) await server.fetch('/livez');
      }
      const last = await post();
      assert.equal(last.status, 202);
      // All wait for the same work.
      await server.worker.succeed(((await last.json()) as { id: string }).id);
      for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200);
      for (const socket of slow) socket.destroy();
    });

    it('do not limit uploads, which have a limit of their own', async () => {
      const [gate, begun] = [new Gate(), new Gate()];
      const adapter = tinyAdapter(7);
      const form = new Response(formOf(adapter));
      const bytes = Buffer.from(await form.arrayBuffer());
      const slowly = new ReadableStream<Uint8Array>({
        async pull(controller) {
          controller.enqueue(bytes.subarray(0, 10));
          begun.release();
          await gate.passed;
          controller.enqueue(bytes.subarray(10));
          controller.close();
        },
      });
      const first = server.fetch('/v1/adapters', {
        method: 'POST',
        headers: { 'content-type': form.headers.get('content-type')! },
        body: slowly,
        duplex: 'half',
      } as RequestInit);
      await begun.passed;
      const upload = () => server.fetch('/v1/adapters', { method: 'POST', body: formOf(tinyAdapter(8)) });
      let other = await upload();
      // The first one may not have arrived yet.
      for (; other.status === 201; other = await upload());
      await problemIn(other, 503, 'SERVICE_OVERLOADED');
      assert.equal((await post()).status, 202);
      gate.release();
      assert.equal((await first).status, 201);
      assert.equal((await upload()).status, 201);
    });
  });

  it('of one tenant leave room for others', async () => {
    server = await startServer({ maxRequestsInFlight: 4 }, { auth: { mode: 'keys' } });
    const bearer = async (tenant: string) => {
      const made = await server.keys.create({
        ...{ tenant, name: '', scopes: ['read', 'write'], expiresAt: null },
        makesTenant: true,
      });
      return { authorization: `Bearer ${made.key}` };
    };
    const [busy, quiet] = [await bearer('busy'), await bearer('quiet')];
    const adapterOf = async (headers: Record<string, string>) =>
      (await server.upload(tinyAdapter(), headers)).id;
    const ids = [await adapterOf(busy), await adapterOf(quiet)];
    const gate = new Gate();
    const { jobs } = server.workspaces.of('busy');
    const submit = jobs.submit.bind(jobs);
    Object.assign(jobs, {
      submit: async (...args: Parameters<typeof submit>) => {
        await gate.enter();
        return submit(...args);
      },
    });
    const busily = () => post(busy, { adapter_id: ids[0] });
    const first = [busily(), busily(), busily()];
    await gate.untilEntered(3);
    const { detail } = await problemIn(await busily(), 503, 'SERVICE_OVERLOADED');
    assert.match(detail, /^The tenant is at its limit of requests in flight/);
    assert.equal((await post(quiet, { adapter_id: ids[1] })).status, 202);
    gate.release();
    for (const { status } of await Promise.all(first)) assert.equal(status, 202);
  });
});

describe('requests whose clients disconnect while they wait', () => {
  it('reserve nothing, and leave no stream open', async () => {
    let gate = new Gate();
    gate.release();
    const count = async () => {
      await gate.enter();
      return { current: 1, resetMs: 60_000 };
    };
    const server = await startServer({ eventStreams: { perTenant: 3 } }, { rates: { count } });
    try {
      const adapter_id = (await server.upload()).id;
      const made = async (path: string, body: object) => {
        const request = { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) };
        return ((await (await server.fetch(path, request)).json()) as { id: string }).id;
      };
      const job = await made('/v1/jobs', { kind: 'analyze', adapter_id });
      const batch = await made('/v1/batches', { kind: 'analyze', adapter_ids: [adapter_id] });
      await server.limit({ requests_per_minute: 1_000 });
      const streams = [`/v1/jobs/${job}/events`, `/v1/batches/${batch}/events`, '/v1/events'];
      const upload = 'Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n';
      for (const head of [
        `POST /v1/adapters HTTP/1.1\r\n${upload}`,
        'POST /v1/jobs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n',
        ...streams.map((path) => `GET ${path} HTTP/1.1\r\n`),
      ]) {
        gate = new Gate();
        const closed = new Promise((resolve) => {
          server.app.server.once('request', (_request, response) => response.once('close', resolve));
        });
        const socket = await openSocket(server.port);
        socket.write(`${head}Host: 127.0.0.1\r\n\r\n`);
        await gate.untilEntered(1);
        socket.destroy();
        await closed;
        gate.release();
        // The response to a later request comes when nothing is left to do for the earlier one.
        assert.equal((await server.fetch('/v1/jobs')).status, 200);
        const metrics = await server.metrics.render();
        for (const value of [/in_flight\{kind="uploads"\} (\d+)/, /in_flight_body_bytes (\d+)/])
          assert.equal(value.exec(metrics)?.[1], '0', `${head}: ${value}`);
      }
      const opened = await Promise.all(streams.map((path) => EventStream.open(`${server.url}${path}`)));
      for (const { status } of opened) assert.equal(status, 200);
      for (const stream of opened) stream.vanish();
    } finally {
      await server.close();
    }
  });
});

describe('jobs of a tenant whose jobs have waited too long', () => {
  it('are refused with a time to retry, and accepted once the oldest has begun', async () => {
    const server = await startServer();
    try {
      const { database } = server;
      const own = server.workspaces.of('default');
      const workspaces = new Workspaces({
        ...{ store: server.wholeStore, database, queue: server.queue },
        ...{ dispatcher: NO_DISPATCHER, maxQueueAgeSeconds: 60 },
      });
      Object.assign(own, { checkQueueAge: workspaces.of('default').checkQueueAge });
      const adapterId = (await server.upload()).id;
      const row = newExecution({ tenant: 'default', key: null, step: 'work', priority: 1, work_bytes: 0 });
      const id = timedId('ex', Date.now() - 90_000);
      await database.write(async (writer) => {
        await writer
          .insertInto('execution')
          .values({ ...row, id })
          .execute();
      });
      const job = { kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 2 }] };
      const post = (path: string, body: object, headers = {}) =>
        server.fetch(path, {
          method: 'POST',
          headers: { ...JSON_HEADERS, ...headers },
          body: JSON.stringify(body),
        });
      const calls: [string, object][] = [
        ['/v1/jobs', job],
        ['/v1/jobs', { ...job, dry_run: true }],
        ['/v1/batches', { jobs: [job] }],
      ];
      for (const [path, body] of calls) {
        const refused = await post(path, body);
        assert.ok(Number(refused.headers.get('retry-after')) >= 30, path);
        const { context, retryable } = await problemIn(refused, 429, 'QUEUE_TOO_OLD');
        assert.equal(context?.limit, 60);
        assert.ok(retryable);
      }
      assert.match(
        await server.metrics.render(),
        /lora_squeeze_access_refused_total\{reason="queue_age"\} 3\n/,
      );
      const form = formOf(tinyAdapter(3));
      form.append('request', JSON.stringify({ targets: [{ rank: 2 }] }));
      const squeeze = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
      await problemIn(squeeze, 429, 'QUEUE_TOO_OLD');
      await database.write(async (writer) => {
        await writer.updateTable('execution').set({ state: 'dispatched' }).where('id', '=', id).execute();
      });
      let answer = await post('/v1/jobs', job);
      // The value that was read a moment ago is still used.
      for (; answer.status === 429; answer = await post('/v1/jobs', job));
      assert.equal(answer.status, 202);
    } finally {
      await server.close();
    }
  });
});
