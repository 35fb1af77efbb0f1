import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AdaptiveRequest } from '../../../src/contract/schedule.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import { planAdaptive } from '../../../src/resources/runs/adaptive-plan.ts';
import { decide } from '../../../src/resources/runs/decide.ts';
import type { PastCheckpoint } from '../../../src/resources/runs/lineage.ts';
import { arrival, keptEntry, runManifest, squeezedEntry, unfinishedEntry, uniform } from './run-entries.ts';

/** First squeeze at 500, the last one due at 3600; stages of at least 200 steps. */
const REQUEST: AdaptiveRequest = {
  source_rank: 64,
  target_rank: 8,
  total_steps: 4000,
  warm_up_steps: 500,
  final_steps: 400,
  recipe: 'equal',
  energy: 0.99,
};
const RUN = runManifest({ adaptive: REQUEST });

/** The goal of a squeeze, or why there is none. */
function goalOf(log: readonly PastCheckpoint[], step: number, rank: number, run = RUN) {
  const decision = decide(run, log, arrival(step, rank));
  assert.ok(decision.kind !== 'existing');
  return decision.kind === 'squeeze' ? decision.goal : decision.reason;
}
const BY_SPECTRUM = { energy: 0.99, uniform: true, min_rank: 8, max_rank: 64 };

describe('an adaptive run', () => {
  it('keeps the source rank during the warm-up', () => {
    assert.match(String(goalOf([], 499, 64)), /step 500 at the earliest/);
    assert.deepEqual(goalOf([], 500, 64), BY_SPECTRUM);
  });

  it('asks for the ranks that the spectrum requires', () => {
    const { energy: _energy, ...rest } = REQUEST;
    const run = runManifest({ adaptive: { ...rest, tolerance: 0.1, uniform: false } });
    assert.deepEqual(goalOf([], 700, 64, run), {
      tolerance: 0.1,
      uniform: false,
      min_rank: 8,
      max_rank: 64,
    });
  });

  it('waits min_stage_steps after a squeeze, but not after a checkpoint that changed nothing', () => {
    const log = [squeezedEntry(600, 64, 40)];
    assert.match(String(goalOf(log, 799, 40)), /step 800 at the earliest: 200 steps after .* step 600/);
    assert.deepEqual(goalOf(log, 800, 40), { ...BY_SPECTRUM, max_rank: 40 });
    const nothing = unfinishedEntry(600, 64, 'pending');
    const found: PastCheckpoint = {
      ...nothing,
      outcome: {
        state: 'succeeded',
        rank: uniform(64),
        parameters: 6400,
        adapterId: nothing.checkpoint.source_adapter_id,
      },
    };
    assert.deepEqual(goalOf([found], 650, 64), BY_SPECTRUM);
  });

  it('goes to the target rank when the rest of the training needs it, and reports how late that is', () => {
    assert.deepEqual(goalOf([], 3600, 64), { rank: 8 });
    const late = decide(RUN, [squeezedEntry(3000, 64, 30)], arrival(3650, 30));
    assert.ok(late.kind === 'squeeze');
    assert.deepEqual([late.goal, late.lateBySteps], [{ rank: 8 }, 50]);
    assert.deepEqual(goalOf([], 4000, 64), { rank: 8 });
  });

  it('begins no stage that would be too short before that', () => {
    assert.deepEqual(goalOf([], 3400, 64), BY_SPECTRUM);
    assert.match(String(goalOf([], 3401, 64)), /Fewer than 200 steps are left until step 3600/);
  });

  it('is done at the target rank', () => {
    for (const step of [1200, 3700])
      assert.match(String(goalOf([squeezedEntry(1000, 64, 8)], step, 8)), /is reached/);
  });

  it('uses different ranks for modules, and the target for all at the end', () => {
    const ranks = { min: 8, max: 30 };
    const log: PastCheckpoint[] = [
      keptEntry(400, 64),
      {
        ...squeezedEntry(1000, 64, 30),
        outcome: { state: 'succeeded', rank: ranks, parameters: 1500, adapterId: 'ad_1' },
      },
    ];
    const decision = decide(RUN, log, arrival(3600, 30, { ranks }));
    assert.ok(decision.kind === 'squeeze');
    assert.deepEqual(decision.goal, { rank: 8 });
  });
});

describe('an adaptive request', () => {
  const refused = (change: Partial<AdaptiveRequest>, code: ErrorCode, pattern: RegExp): void => {
    assert.throws(
      () => planAdaptive({ ...REQUEST, ...change }),
      (error) => error instanceof AppError && error.code === code && pattern.test(error.message),
    );
  };

  it('has defaults', () => {
    const plan = planAdaptive({ source_rank: 8, target_rank: 4, total_steps: 1000, tolerance: 0.5 });
    assert.deepEqual(plan, {
      source_rank: 8,
      target_rank: 4,
      total_steps: 1000,
      min_stage_steps: 200,
      check_every_steps: 200,
      uniform: true,
      goal: { tolerance: 0.5 },
      first_squeeze_step: 200,
      last_squeeze_step: 500,
    });
  });

  it('requires exactly one of energy and tolerance', () => {
    refused({ tolerance: 0.1 }, 'SCHEDULE_INVALID', /both are/);
    const { energy: _energy, ...neither } = REQUEST;
    assert.throws(
      () => planAdaptive(neither),
      (error) =>
        error instanceof AppError && error.code === 'SCHEDULE_INVALID' && /neither/.test(error.message),
    );
  });

  it('cannot raise the rank, and needs steps for both ends', () => {
    refused({ target_rank: 65 }, 'SCHEDULE_INVALID', /65/);
    refused({ total_steps: 899 }, 'SCHEDULE_TOO_SHORT', /900 .*899/);
    assert.equal(planAdaptive({ ...REQUEST, total_steps: 900 }).last_squeeze_step, 500);
    refused({ target_rank: 64, total_steps: 499 }, 'SCHEDULE_TOO_SHORT', /500/);
    assert.equal(planAdaptive({ ...REQUEST, target_rank: 64, total_steps: 500 }).target_rank, 64);
  });
});
