import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { onBehalfOf } from '../../src/tracing/origin.ts';
import type { Tracing } from '../../src/tracing/tracing.ts';
import { openTracing } from '../../src/tracing/tracing.ts';
import { type Collector, startCollector } from '../tracing/collector.ts';
import { until, withBench } from './harness.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const context = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`, tracestate: 'a=b' };

describe('a job submitted by a request', () => {
  let collector: Collector;
  let tracing: Tracing;
  before(async () => {
    collector = await startCollector();
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.url;
    tracing = await openTracing({
      isOn: true,
      serviceName: 'test',
      version: '9.9.9',
      role: 'worker',
      onFailure: (message) => assert.fail(message),
    });
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  });
  after(async () => {
    await tracing.close(5_000);
    await collector.close();
  });

  /** The attempts of a job, in order, once there are this many. */
  async function attempts(jobId: string, count: number) {
    return until(`${count} attempts in the trace`, async () => {
      await tracing.flush(5_000);
      const found = collector.spans.filter(
        ({ name, attributes }) => name === 'process jobs' && attributes['lora_squeeze.job.id'] === jobId,
      );
      return found.length >= count ? found.sort((a, b) => Number(a.startNs - b.startNs)) : undefined;
    });
  }

  it('has the ids in the queue and not in its record', () =>
    withBench(async (bench) => {
      const id = await onBehalfOf({ requestId: 'r-1', context }, () => bench.submit('wait'));
      bench.worker();
      await bench.attemptStarted(id, 1);
      const dispatch = await bench.dispatched(id);
      const queued = await bench.inBull((bull) => bull.getJob(dispatch));
      assert.deepEqual(queued?.data, { requestId: 'r-1', ...context });
      await bench.release(id);
      await bench.outcome(id);
      assert.doesNotMatch(JSON.stringify(await bench.jobs.get(id)), /r-1|0af7651916cd43dd/);
    }));

  it('has a span for each attempt in one trace, even if the compute process died', () =>
    withBench(async (bench) => {
      bench.worker({ tracing });
      const id = await onBehalfOf({ requestId: 'r-2', context }, () => bench.submit('exit', 'transient'));
      assert.equal((await bench.outcome(id)).attempts, 3);
      const spans = await attempts(id, 3);
      for (const span of spans) {
        assert.deepEqual([span.traceId, span.parentSpanId, span.kind], [TRACE_ID, PARENT_ID, 'consumer']);
        assert.equal(span.tracestate, 'a=b');
      }
      assert.deepEqual(
        spans.map(({ isFailed, attributes }) => [
          isFailed,
          attributes['error.type'],
          attributes['lora_squeeze.job.attempt'],
        ]),
        [
          [true, 'WORKER_CRASHED', 1],
          [true, 'OUTBOUND_FAILED', 2],
          [false, undefined, 3],
        ],
      );
    }));

  it('keeps the ids even after the queue has lost it', () =>
    withBench(async (bench) => {
      bench.worker({ tracing });
      const running = await bench.submit('wait');
      await bench.attemptStarted(running, 1);
      const id = await onBehalfOf({ requestId: 'r-3', context }, () => bench.submit());
      const dispatch = await bench.dispatched(id);
      await bench.inBull((bull) => bull.remove(dispatch));
      await until('its return', () => bench.lost.includes(dispatch));
      await bench.release(running);
      assert.equal((await bench.outcome(id)).state, 'succeeded');
      const [attempt] = await attempts(id, 1);
      assert.deepEqual([attempt!.traceId, attempt!.parentSpanId], [TRACE_ID, PARENT_ID]);
    }));

  it('is done whatever ids the queue holds', () =>
    withBench(async (bench) => {
      bench.worker({ tracing });
      const odd = { requestId: 'r-4', context: { traceparent: 'no trace', tracestate: '\n' } };
      const id = await onBehalfOf(odd, () => bench.submit());
      assert.equal((await bench.outcome(id)).state, 'succeeded');
      const [attempt] = await attempts(id, 1);
      assert.deepEqual(
        [attempt!.parentSpanId, attempt!.attributes['lora_squeeze.request.id']],
        [undefined, 'r-4'],
      );
    }));
});
