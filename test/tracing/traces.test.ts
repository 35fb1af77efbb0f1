import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts';
import { linesOfJob, logLines } from './log-lines.ts';
import { squeezeOnce } from './upload.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CLIENT_SPAN_ID = 'b7ad6b7169203331';
const FROM_CLIENT = { traceparent: `00-${TRACE_ID}-${CLIENT_SPAN_ID}-01`, tracestate: 'vendor=opaque' };
/** The start of a span is a whole millisecond, while its duration is more precise. */
const CLOCK_NS = 2_000_000n;
const WAIT = { prefer: 'wait=50' };
const UNRECORDED_TRACE_ID = `${'f'.repeat(31)}1`;

/** @param isFirstTaken resolves when the service has begun to handle the request */
async function* inTwoParts(text: string, isFirstTaken: Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text.slice(0, 5));
  await isFirstTaken;
  yield Buffer.from(text.slice(5));
}

/** Waits until another request besides the one that asks is being received. */
const isServing = (url: string): Promise<unknown> =>
  until('a request that is not whole', async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return metrics.includes('lora_squeeze_connections{listener="main",state="serving"} 2');
  });

/** Batches are not sent by the clock, so spans that arrive were flushed after an attempt, or at the end. */
const tracedEnv = (collector: Collector) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=hunter2',
  OTEL_BSP_SCHEDULE_DELAY: '3600000',
  OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  LOG_LEVEL: 'debug',
});

describe('a trace of a service in one process', () => {
  let collector: Collector;
  let service: ServiceProcess;
  /** One of each, then the service has ended. */
  let [job, unrecorded, failed, interrupted]: JobRecord[] = [];

  before(() =>
    withFolder(async (DATA_DIR) => {
      collector = await startCollector();
      service = await startService({ DATA_DIR, ...tracedEnv(collector) });
      const headers = { ...WAIT, ...FROM_CLIENT, 'x-request-id': 'ours', authorization: 'Bearer hunter2' };
      job = await squeezeOnce(service.url, headers);
      assert.equal((await fetch(`${service.url}/readyz`)).status, 200);
      const traceparent = `00-${UNRECORDED_TRACE_ID}-${CLIENT_SPAN_ID}-00`;
      unrecorded = await squeezeOnce(service.url, { ...WAIT, traceparent }, { targets: [{ rank: 3 }] });
      failed = await squeezeOnce(service.url, WAIT, { targets: [{ budget_bytes: 1 }] });
      // It takes long enough for the signal to arrive meanwhile.
      const targets = [1, 2, 3, 4, 5, 6].map((rank) => ({ rank }));
      interrupted = await squeezeOnce(service.url, {}, { targets });
      const { id } = interrupted;
      await until('its attempt', () =>
        service
          .output()
          .split('\n')
          .some((line) => line.includes('attempt started') && line.includes(id)),
      );
      assert.equal(await service.end(), 0);
    }),
  );
  after(() => collector.close());

  const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
  const ofJob = (name: string, { id }: JobRecord): Promise<ReceivedSpan> =>
    collector.span(name, ({ attributes }) => attributes['lora_squeeze.job.id'] === id);

  it('goes from the client through the queue into the compute process', () => {
    assert.equal(job!.state, 'succeeded', JSON.stringify(job!.error));
    const spans = ofTrace(TRACE_ID);
    const named = (name: string): ReceivedSpan => {
      const found = spans.filter((span) => span.name === name);
      assert.equal(found.length, 1, `${name}: ${found.length} of ${spans.map((span) => span.name)}`);
      return found[0]!;
    };
    const chain = ['POST /v1/squeeze', 'send jobs', 'process jobs', 'compute'].map(named);
    assert.deepEqual(
      chain.map(({ kind, parentSpanId, process }) => [kind, parentSpanId, process['lora_squeeze.role']]),
      [
        ['server', CLIENT_SPAN_ID, 'all'],
        ['producer', chain[0]!.spanId, 'all'],
        ['consumer', chain[1]!.spanId, 'all'],
        ['internal', chain[2]!.spanId, 'compute'],
      ],
    );
    for (const span of spans) {
      assert.equal(span.tracestate, 'vendor=opaque');
      assert.equal(span.process['service.name'], 'lora-squeeze');
      assert.equal(span.process['deployment.environment.name'], 'test');
      assert.equal(span.isFailed, false);
    }

    const [http, , attempt, compute] = chain;
    assert.deepEqual(http!.attributes, {
      'http.request.method': 'POST',
      'http.route': '/v1/squeeze',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'lora_squeeze.request.id': 'ours',
    });
    assert.equal(attempt!.attributes['lora_squeeze.job.attempt'], 1);
    const { attributes } = compute!;
    assert.equal(attributes['lora_squeeze.job.id'], job!.id);
    assert.equal(attributes['lora_squeeze.request.id'], 'ours');
    assert.equal(attributes['lora_squeeze.job.kind'], 'squeeze');
    assert.equal(attributes['lora_squeeze.adapter.id'], (job!.request as { adapter_id: string }).adapter_id);
    assert.equal(attributes['lora_squeeze.modules'], 36);
    assert.equal(attributes['lora_squeeze.provider'], 'cpu');
    assert.equal(attributes['lora_squeeze.gram_seconds'], job!.timings!.gram);

    const phases = ['fetch', 'engine', 'load', 'gram', 'core', 'project', 'write', 'store'].map(named);
    let endNs = compute!.startNs;
    for (const phase of phases) {
      assert.equal(phase.parentSpanId, compute!.spanId, phase.name);
      assert.ok(endNs <= phase.startNs + CLOCK_NS && phase.startNs <= phase.endNs, phase.name);
      endNs = phase.endNs;
    }
    assert.equal(spans.length, chain.length + phases.length);

    assert.ok(collector.spans.every(({ name }) => !name.includes('/readyz')));
  });

  it('contains no probes and no secret', () => {
    assert.ok(collector.spans.every(({ name }) => !name.includes('/readyz')));
    assert.ok(collector.requests.every(({ path }) => path === 'POST /v1/traces'));
    assert.ok(collector.requests.every(({ headers }) => headers['x-collector-key'] === 'hunter2'));
    assert.doesNotMatch(JSON.stringify(collector.spans.map(({ attributes }) => attributes)), /hunter2/);
    assert.doesNotMatch(service.output(), /hunter2/);
  });

  it('is complete when the service is stopped while the job runs', async () => {
    const compute = await ofJob('compute', interrupted!);
    const names = ofTrace(compute.traceId).map(({ name }) => name);
    for (const name of ['POST /v1/squeeze', 'send jobs', 'process jobs', 'store'])
      assert.ok(names.includes(name), `${name} of ${names}`);
  });

  it('is not recorded if the client does not record it, but continues', () => {
    assert.equal(unrecorded!.state, 'succeeded');
    assert.deepEqual(ofTrace(UNRECORDED_TRACE_ID), []);
    const lines = linesOfJob(service.output(), unrecorded!.id);
    assert.ok(lines.length >= 4 && lines.every(({ traceId }) => traceId === UNRECORDED_TRACE_ID));
  });

  it('shows the error of a failed job', async () => {
    assert.equal(failed!.state, 'failed');
    for (const name of ['process jobs', 'compute']) {
      const span = await ofJob(name, failed!);
      assert.equal(span.isFailed, true, name);
      assert.equal(span.attributes['error.type'], failed!.error!.code);
    }
  });
});

describe('a trace', () => {
  it('covers three processes, and its id is in the log of each', () =>
    withFolder(async (DATA_DIR) => {
      const collector = await startCollector();
      const redis = await startExternalRedis(DATA_DIR, FIT);
      try {
        const shared = { REDIS_URL: redis.url, DATABASE_URL: await testDatabase() };
        const env = { DATA_DIR, ...shared, ...tracedEnv(collector) };
        const api = await startService({ ...env, ROLE: 'api' });
        const worker = await startService({ ...env, ROLE: 'worker', OTEL_SERVICE_NAME: 'squeezers' });
        const { adapter_id } = (await squeezeOnce(api.url)).request as { adapter_id: string };
        const response = await fetch(`${api.url}/v1/jobs`, {
          method: 'POST',
          headers: { ...WAIT, 'x-request-id': 'from-three', 'content-type': 'application/json' },
          // The rest of the body arrives when the request is already being handled.
          body: inTwoParts(JSON.stringify({ kind: 'analyze', adapter_id }), isServing(api.url)),
          duplex: 'half',
        });
        const job = (await response.json()) as JobRecord;
        assert.equal(job.state, 'succeeded');
        assert.deepEqual([await worker.end(), await api.end()], [0, 0]);

        const http = await collector.span(
          'POST /v1/jobs',
          ({ attributes }) => attributes['lora_squeeze.request.id'] === 'from-three',
        );
        assert.equal(http.parentSpanId, undefined);
        const roles = new Map<unknown, Set<string>>();
        for (const { process, name } of collector.spans.filter(({ traceId }) => traceId === http.traceId)) {
          const role = `${process['service.name']} ${process['lora_squeeze.role']}`;
          roles.set(role, (roles.get(role) ?? new Set()).add(name));
        }
        assert.deepEqual([...roles.keys()].sort(), [
          'lora-squeeze api',
          'squeezers compute',
          'squeezers worker',
        ]);
        assert.ok(roles.get('squeezers worker')!.has('process jobs'));
        assert.ok(roles.get('squeezers compute')!.has('gram'));

        const ofJob = linesOfJob(worker.output(), job.id);
        // Each process in its own order; the lines of two processes have no common order.
        const linesOf = (wanted: string) =>
          ofJob
            .filter(({ component }) => component === wanted)
            .map(({ msg, requestId, traceId }) => [msg, requestId, traceId]);
        const ids = ['from-three', http.traceId];
        assert.deepEqual(linesOf('worker'), [
          ['job started', ...ids],
          ['job ended', ...ids],
        ]);
        assert.deepEqual(linesOf('compute'), [
          ['attempt started', ...ids],
          ['attempt ended', ...ids],
        ]);
        assert.equal(ofJob.length, 4);
        const request = logLines(api.output()).find(
          ({ requestId, msg }) => requestId === 'from-three' && msg === 'request',
        );
        assert.equal(request?.traceId, http.traceId);
      } finally {
        await redis.stop();
        await collector.close();
      }
    }));
});
