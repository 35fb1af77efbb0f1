import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Answer, postJobs, untilEnded } from '../../bench/admission/load.ts';
import { residentBytes } from '../e2e/process-tree.ts';
import { startService } from '../e2e/service.ts';
import { until, withFolder } from '../queue/harness.ts';

const MAX_BYTES_LEFT = 100e6;
/** The service checks every 5 s whether it is idle. */
const MEMORY_LIMIT_MS = 30_000;

const isRefused = ({ status }: Answer) => status === 429 || status === 503;

it('of 500 connections that post jobs, most are refused; accepted jobs end, and memory is released', () =>
  withFolder(async (dataDir) => {
    const service = await startService({
      dataDir,
      env: { EXECUTION_PROVIDER: 'cpu', MAX_QUEUE_AGE_SECONDS: '1', LOG_LEVEL: 'warn' },
    });
    try {
      // A probe that is not answered with 200 fails it.
      const { answers, probeMs, idleBytes } = await postJobs(service, { connections: 500, seconds: 10 });
      assert.ok(probeMs.length > 0);
      const others = answers.filter((answer) => answer.status !== 202 && !isRefused(answer));
      assert.deepEqual(others, []);
      const refused = answers.filter(isRefused);
      for (const { code, retryAfter } of refused) assert.ok(Number(retryAfter) > 0, `${code} ${retryAfter}`);
      const isTooOld = ({ code }: Answer) => code === 'QUEUE_TOO_OLD';
      const exceeded = answers.slice(answers.findIndex(isTooOld));
      assert.ok(exceeded.some(isTooOld), 'the queue grew old');
      assert.ok(exceeded.filter(isRefused).length * 2 >= exceeded.length);

      const accepted = answers.filter(({ jobId }) => jobId !== undefined);
      assert.deepEqual(await untilEnded(service.url, answers), { succeeded: accepted.length });
      await until(
        'memory as before',
        async () => residentBytes(service) - idleBytes < MAX_BYTES_LEFT || undefined,
        MEMORY_LIMIT_MS,
      );
      // It accepts work again, otherwise this throws.
      await postJobs(service, { connections: 1, seconds: 0 });
    } finally {
      await service.stop();
    }
  }));
