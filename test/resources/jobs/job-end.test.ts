import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FailedResult, JobResult } from '../../../src/contract/job.ts';
import { AppError, jobFailure } from '../../../src/errors/app-error.ts';
import { endOfTargets } from '../../../src/resources/jobs/job-end.ts';
import { fakeResult } from './fake-result.ts';

const GOOD = { ...fakeResult(), adapter_id: 'ad_1' } as JobResult;
const bad = (rank: number): FailedResult => ({
  target: { rank },
  state: 'failed',
  error: jobFailure(new AppError('BUDGET_TOO_SMALL', `Rank ${rank}.`, { budget_bytes: 1 })),
});

describe('the end of a job', () => {
  it('is determined by its targets', () => {
    for (const results of [[], [GOOD], [GOOD, GOOD]])
      assert.deepEqual(endOfTargets(results), { state: 'succeeded', error: null });
    for (const results of [
      [GOOD, bad(1)],
      [bad(1), GOOD],
      [bad(1), GOOD, bad(2)],
    ])
      assert.deepEqual(endOfTargets(results), { state: 'partial', error: null });
  });

  it('is the error of the first target if none succeeded, with its index if there are several', () => {
    assert.deepEqual(endOfTargets([bad(1)]), { state: 'failed', error: bad(1).error });
    const { state, error } = endOfTargets([bad(1), bad(2)]);
    assert.deepEqual([state, error!.detail], ['failed', 'targets[0]: Rank 1.']);
    assert.deepEqual(error!.context, { budget_bytes: 1, pointer: '/targets/0' });
  });
});
