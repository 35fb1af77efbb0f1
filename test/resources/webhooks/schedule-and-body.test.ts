import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord, JobResult } from '../../../src/contract/job.ts';
import { deliveryIdOf, isDeliveryId, newJobId, newWebhookId } from '../../../src/database/ids.ts';
import { jobEvent } from '../../../src/resources/events/outgoing-event.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import {
  attemptPauseMs,
  retryAfterMs,
  SCHEDULE_MS,
} from '../../../src/resources/webhooks/delivery-schedule.ts';
import { fakeResult } from '../jobs/fake-result.ts';

const HOUR = 3_600_000;

describe('the schedule', () => {
  it('has ten attempts in three days, all but the first with some jitter', () => {
    assert.equal(SCHEDULE_MS.length, 10);
    const total = SCHEDULE_MS.reduce((sum, ms) => sum + ms, 0);
    assert.ok(total > 75 * HOUR && total < 76 * HOUR);
    assert.equal(
      attemptPauseMs(1, undefined, SCHEDULE_MS, () => 0),
      5_000,
    );
    assert.equal(
      attemptPauseMs(1, undefined, SCHEDULE_MS, () => 1),
      5_500,
    );
    assert.equal(
      attemptPauseMs(9, undefined, SCHEDULE_MS, () => 0),
      24 * HOUR,
    );
    assert.equal(attemptPauseMs(10, undefined), undefined);
  });

  it("respects a receiver's Retry-After, never earlier than planned and never later than in a day", () => {
    const noJitter = () => 0;
    assert.equal(attemptPauseMs(1, 60_000, SCHEDULE_MS, noJitter), 60_000);
    assert.equal(attemptPauseMs(2, 60_000, SCHEDULE_MS, noJitter), 300_000);
    assert.equal(attemptPauseMs(1, 1e12, SCHEDULE_MS, noJitter), 24 * HOUR);
    assert.equal(attemptPauseMs(10, 60_000, SCHEDULE_MS, noJitter), undefined, 'not more often than planned');
  });

  it('reads Retry-After in seconds and as a time, and nothing else', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    assert.equal(retryAfterMs('120', now), 120_000);
    assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000);
    assert.equal(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
    for (const header of [undefined, 'soon', '', '1e99x']) assert.equal(retryAfterMs(header, now), undefined);
  });
});

describe('the id of a delivery', () => {
  it('is derived from webhook, event and time, and sorts by the time', () => {
    const [one, other] = [newWebhookId(1), newWebhookId(1)];
    const id = deliveryIdOf(one, 'job.succeeded', 'job_1', 1_000);
    assert.ok(isDeliveryId(id));
    assert.equal(deliveryIdOf(one, 'job.succeeded', 'job_1', 1_000), id);
    const others = [
      deliveryIdOf(other, 'job.succeeded', 'job_1', 1_000),
      deliveryIdOf(one, 'job.failed', 'job_1', 1_000),
      deliveryIdOf(one, 'job.succeeded', 'job_2', 1_000),
    ];
    assert.equal(new Set([id, ...others]).size, 4);
    assert.ok(deliveryIdOf(one, 'job.succeeded', 'job_1', 1_001) > id);
  });
});

describe('the body of an event', () => {
  const job = (change: Partial<JobRecord> = {}): JobRecord => ({
    ...acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: 'ad_1' }),
    state: 'succeeded',
    finished_at: '2026-01-01T00:00:00.000Z',
    ...change,
  });
  const result = (warnings: string[]): JobResult => ({
    ...fakeResult({ warnings }),
    adapter_id: `ad_${'1'.repeat(32)}`,
  });

  it('has the whole job if that has a common size, for example 16 targets', () => {
    const whole = job({ results: Array.from({ length: 16 }, () => result(['a warning'])) });
    assert.deepEqual(JSON.parse(jobEvent(whole).body), {
      type: 'job.succeeded',
      timestamp: '2026-01-01T00:00:00.000Z',
      data: { job: whole },
    });
  });

  it('omits large fields, reports this, and always stays below 20,000 bytes', () => {
    const text = 'ü'.repeat(30_000);
    const large = {
      request: { request: { kind: 'analyze', adapter_id: text } },
      results: { results: [result([text])] },
      error: { error: { code: 'X', title: '', detail: text, retryable: false } },
      labels: { labels: { team: text } },
      progress: { progress: { phase: 'gram', done: 0, total: 0, module: text } },
    } as const;
    const bodyOf = (change: object): { job: Partial<JobRecord>; omitted: string[] } => {
      const body = jobEvent(job(change)).body;
      assert.ok(Buffer.byteLength(body) < 20_000);
      return JSON.parse(body).data;
    };
    assert.deepEqual(bodyOf(large.request).omitted, ['request']);
    assert.deepEqual(bodyOf(large.results).omitted, ['request', 'results']);
    assert.deepEqual(bodyOf({ ...large.error, state: 'failed' }).omitted, ['request', 'results', 'error']);
    assert.equal(bodyOf(large.labels).job.state, 'succeeded');
    const least = bodyOf(large.progress);
    assert.deepEqual(Object.keys(least.job), ['id', 'kind', 'state']);
    assert.ok(least.omitted.includes('progress'));
  });
});
