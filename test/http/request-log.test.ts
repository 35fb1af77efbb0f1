import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { type LogLine, linesOfJob, logLines } from '../tracing/log-lines.ts';
import { squeezeOnce } from '../tracing/upload.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The log line of a request, once it is written, which is after its response was sent. */
const requestLine = (service: ServiceProcess, requestId: string): Promise<LogLine> =>
  until(`the line of ${requestId}`, () =>
    logLines(service.output()).find((line) => line.requestId === requestId && line.msg === 'request'),
  );

describe('the log of requests', () => {
  let service: ServiceProcess;
  let stop: () => void;
  let done: Promise<void>;
  before(async () => {
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    await new Promise<void>((started) => {
      done = withFolder(async (DATA_DIR) => {
        service = await startService({ DATA_DIR, LOG_LEVEL: 'trace' });
        started();
        await stopped;
        assert.equal(await service.end(), 0);
      });
    });
  });
  after(async () => {
    stop();
    await done;
  });

  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(service.url + path, { method, headers });
    const body = await response.text();
    const requestId = response.headers.get('x-request-id')!;
    return { status: response.status, body, requestId, line: await requestLine(service, requestId) };
  };

  it('has one line for each, with its route and not its URL', async () => {
    const { line, body, requestId } = await ask('/v1/jobs/job_0', { 'x-request-id': 'lookup.1' });
    assert.equal(requestId, 'lookup.1');
    const { method, route, status, ms, bytes, level } = line;
    assert.deepEqual([method, route, status, level], ['GET', '/v1/jobs/:id', 404, 30]);
    assert.ok(typeof ms === 'number' && ms > 0);
    assert.ok(Number(bytes) > body.length && Number(bytes) < body.length + 1000, String(bytes));
    const lines = logLines(service.output()).filter((each) => each.requestId === requestId);
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['request refused', 'request'],
    );
  });

  it('has the size of each response, on one connection', async () => {
    const small = await ask('/livez');
    const large = await ask('/openapi.yaml');
    assert.ok(Number(large.line.bytes) > large.body.length);
    const again = await ask('/livez');
    assert.equal(again.line.bytes, small.line.bytes);
  });

  it('has probes and scrapes only at the most detailed level', async () => {
    for (const path of ['/livez', '/readyz', '/metrics'])
      assert.equal((await ask(path)).line.level, 20, path);
    assert.equal((await ask('/v1/capabilities')).line.level, 30);
  });

  it('has requests for unknown paths, and for texts that are not URLs', async () => {
    for (const [path, status] of [
      ['/nowhere?password=hunter2', 404],
      ['/%zz', 400],
    ] as const) {
      const { line } = await ask(path);
      assert.deepEqual([line.route, line.status], ['unknown', status]);
    }
  });

  it('uses the id that a request brings if it is valid, and creates one otherwise', async () => {
    for (const sane of ['a', 'A-b_c.9', 'x'.repeat(64)])
      assert.equal((await ask('/v1/capabilities', { 'x-request-id': sane })).requestId, sane);
    for (const odd of ['', ' ', 'x'.repeat(65), 'a b', '{"a":1}', 'a"b', '../x', 'ü'])
      assert.match((await ask('/v1/capabilities', { 'x-request-id': odd })).requestId, UUID, odd);
  });

  it('records that the client did not wait for the response', async () => {
    const { host } = new URL(service.url);
    const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST /v1/jobs HTTP/1.1\r\nhost: ${host}\r\nx-request-id: gone\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
    );
    await until('the request', async () => {
      // The second request, on another connection, is handled after the first has arrived.
      await ask('/livez');
      return true;
    });
    socket.destroy();
    const line = await requestLine(service, 'gone');
    assert.equal(line.aborted, true);
    assert.equal(line.route, '/v1/jobs');
  });

  it('has the ids of the request on every line of its job, including the compute process', async () => {
    const job = await squeezeOnce(service.url, { prefer: 'wait=50', 'x-request-id': 'with-job' });
    assert.equal(job.state, 'succeeded');
    const lines = await until('its lines', () => {
      const found = linesOfJob(service.output(), job.id);
      return found.length >= 4 ? found : undefined;
    });
    assert.ok(lines.every(({ requestId }) => requestId === 'with-job'));
    // Each process in its own order; the lines of two processes have no common order.
    const pids = [...new Set(lines.map(({ pid }) => pid))];
    const messages = pids.map((wanted) => lines.filter(({ pid }) => pid === wanted).map(({ msg }) => msg));
    assert.deepEqual(messages.sort(), [
      ['attempt started', 'attempt ended'],
      ['job started', 'job ended'],
    ]);
  });

  it('has no secret that a request contains, wherever it is', async () => {
    const headers = {
      authorization: 'Bearer hunter2-bearer',
      cookie: 'session=hunter2-cookie',
      'x-api-key': 'hunter2-key',
      'x-amz-security-token': 'hunter2-token',
      referer: 'http://me:hunter2-referer@host/?token=hunter2-referer',
      'x-request-id': 'secretive',
    };
    const queries = [
      '?token=hunter2&limit=1',
      '?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=hunter2%2F20261125&X-Amz-Signature=hunter2',
      '?sig=hunter2&se=2026',
      '?password=hunter2',
    ];
    for (const query of queries) {
      for (const path of ['/v1/adapters', '/v1/capabilities', '/nowhere', '/docs', '/%zz'])
        await ask(path + query, headers, path === '/v1/adapters' ? 'POST' : 'GET');
    }
    await ask('/http://me:hunter2@host/', headers);
    await ask(`/v1/adapters/${encodeURIComponent('https://host/?access_token=hunter2')}`, headers);
    const lines = logLines(service.output()).filter(({ requestId }) => requestId === 'secretive');
    assert.ok(lines.length > 2 * queries.length);
    assert.doesNotMatch(service.output(), /hunter2/);
  });
});

describe('the log of a service whose Redis refuses its password', () => {
  it('shows the password nowhere', () =>
    withFolder(async (DATA_DIR) => {
      const redis = await startExternalRedis(DATA_DIR, [...FIT, '--requirepass', 'right-one']);
      try {
        const REDIS_URL = redis.url.replace('://', '://someone:hunter2@');
        const service = await startService({ DATA_DIR, REDIS_URL, LOG_LEVEL: 'trace' });
        await until('the refusal', () => service.output().includes('WRONGPASS') || undefined);
        assert.match(await (await fetch(`${service.url}/readyz`)).text(), /QUEUE_UNAVAILABLE/);
        await service.end();
        assert.doesNotMatch(service.output(), /hunter2|right-one/);
      } finally {
        await redis.stop();
      }
    }));
});
