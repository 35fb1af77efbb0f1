import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AdaptiveRequest } from '../../../src/contract/schedule.ts';
import { type PastCheckpoint, positionIn } from '../../../src/resources/runs/lineage.ts';
import type { RunManifest } from '../../../src/resources/runs/run-manifest.ts';
import { learningRateNow, runProgress } from '../../../src/resources/runs/run-progress.ts';
import { runRecord } from '../../../src/resources/runs/run-records.ts';
import { keptEntry, runManifest, SCHEDULE, squeezedEntry, unfinishedEntry, uniform } from './run-entries.ts';

const now = (run: RunManifest, log: readonly PastCheckpoint[]) =>
  learningRateNow(runProgress(run, positionIn(run, log)));
const notes = (run: RunManifest, log: readonly PastCheckpoint[] = []) => runRecord(run, log, []).notes;

/** First squeeze at 500, the last one due at 2000. */
const ADAPTIVE: AdaptiveRequest = {
  source_rank: 64,
  target_rank: 8,
  total_steps: 4000,
  warm_up_steps: 500,
  energy: 0.99,
};

describe('the learning rate of a scheduled run', () => {
  const run = runManifest();
  const plan = run.schedule!;
  const log = [squeezedEntry(1000, 64, 32), squeezedEntry(2000, 32, 16), squeezedEntry(3000, 16, 8)];

  it('is that of its plan while the trainer follows it', () => {
    for (const [index, { begin_step, end_step, learning_rate }] of plan.stages.entries())
      assert.deepEqual(now(run, log.slice(0, index)), { ...learning_rate, begin_step, end_step });
  });

  it('does not change with a checkpoint that is kept, pending, or failed', () => {
    const before = now(run, log.slice(0, 1));
    for (const more of [
      keptEntry(1500, 32),
      unfinishedEntry(2000, 32, 'pending'),
      unfinishedEntry(2000, 32, 'failed'),
    ])
      assert.deepEqual(now(run, [log[0]!, more]), before);
    assert.deepEqual(now(run, [keptEntry(500, 64)]), now(run, []));
  });

  it('begins at the squeeze, even if that is late', () => {
    const late = now(run, [squeezedEntry(3500, 64, 8)]);
    assert.deepEqual(
      [late.factor, late.begin_step, late.end_step, late.warm_up_steps, late.decay_steps],
      [2, 3500, 4000, 30, 500],
    );
    assert.ok(late.share < plan.stages[3]!.learning_rate.share, String(late.share));
    const end = now(run, [squeezedEntry(4000, 64, 8)]);
    assert.deepEqual([end.share, end.warm_up_steps, end.decay_steps], [0, 0, 0]);
  });

  it('depends on the parameter-weighted mean rank if modules have different ranks', () => {
    const shared = runManifest({ schedule: SCHEDULE, rank_allocation: 'by_module' });
    const ofStage = (rank: number) => ({ stage_rank: rank });
    const first = squeezedEntry(1000, 64, 32, ofStage(32));
    const rank = { min: 3, max: 60 };
    const own: PastCheckpoint = {
      ...first,
      outcome: { state: 'succeeded', rank, parameters: 2700, adapterId: 'ad_1' },
    };
    assert.equal(now(shared, [own]).factor, Math.cbrt(64 / 27));
    assert.deepEqual([now(shared, [own]).begin_step, now(shared, [own]).end_step], [1000, 2000]);
    const record = runRecord(shared, [own], []);
    assert.deepEqual([record.rank, record.at_target], [rank, false]);
  });

  it('decays at the target even if that squeeze found the adapter small enough', () => {
    const shared = runManifest({ schedule: SCHEDULE, rank_allocation: 'by_module' });
    const small = unfinishedEntry(3000, 20, 'pending', { stage_rank: 8 });
    const nothing: PastCheckpoint = {
      ...small,
      outcome: {
        state: 'succeeded',
        rank: { min: 1, max: 20 },
        parameters: 640,
        adapterId: small.checkpoint.source_adapter_id,
      },
    };
    const past = [squeezedEntry(2000, 64, 16, { stage_rank: 16 }), nothing];
    assert.equal(runRecord(shared, past, []).at_target, true);
    assert.deepEqual([now(shared, past).decay_steps, now(shared, past).factor], [1000, Math.cbrt(64 / 6.4)]);
  });
});

describe('the learning rate of an adaptive run', () => {
  const run = runManifest({ adaptive: ADAPTIVE });

  it('warms up, and lasts until the target rank is due', () => {
    const { share, ...rest } = now(run, []);
    assert.deepEqual(rest, { factor: 1, begin_step: 0, end_step: 2000, warm_up_steps: 120, decay_steps: 0 });
    assert.ok(share > 0.4 && share < 0.6, String(share));
  });

  it('warms up again after a squeeze, by the cube root of the ranks, but not after a checkpoint that was only examined', () => {
    const log = [squeezedEntry(600, 64, 27)];
    const { share: _, ...rest } = now(run, log);
    const expected = { factor: 4 / 3, begin_step: 600, end_step: 2000, warm_up_steps: 30, decay_steps: 0 };
    assert.deepEqual(rest, expected);
    const look = unfinishedEntry(1000, 27, 'pending');
    const adapterId = look.checkpoint.source_adapter_id;
    const nothing: PastCheckpoint = {
      ...look,
      outcome: { state: 'succeeded', rank: uniform(27), parameters: 2700, adapterId },
    };
    assert.deepEqual(now(run, [...log, nothing]), now(run, log));
  });

  it('decays once the target rank is reached, however early, and when it is due', () => {
    for (const step of [700, 2000, 2600]) {
      const { share: _, ...rest } = now(run, [squeezedEntry(step, 64, 8)]);
      const decay_steps = 4000 - step;
      assert.deepEqual(rest, { factor: 2, begin_step: step, end_step: 4000, warm_up_steps: 30, decay_steps });
    }
  });

  it('keeps the share of the last stage that its recipe requires', () => {
    assert.equal(now(runManifest({ adaptive: { ...ADAPTIVE, final_share: 0.7 } }), []).end_step, 1200);
    assert.equal(now(runManifest({ adaptive: { ...ADAPTIVE, recipe: 'equal' } }), []).end_step, 3800);
  });
});

describe('the notes of a run', () => {
  it('report that the last stage is starved, for the current state of the run', () => {
    const linear = { schedule: 'linear' } as const;
    assert.deepEqual(notes(runManifest({ adaptive: { ...ADAPTIVE, learning_rate: linear } })), []);
    const run = runManifest({
      adaptive: { ...ADAPTIVE, recipe: 'equal', final_steps: 400, learning_rate: linear },
    });
    assert.match(
      notes(run).join(),
      /^Rank 8 is trained for 400 steps and gets \d\.\d % of .* The linear schedule has decayed by then/,
    );
    assert.deepEqual(notes(run, [squeezedEntry(1000, 64, 8)]), [], 'it is reached early');
    const late = notes(runManifest(), [squeezedEntry(3900, 64, 8)]);
    assert.match(late.join(), /^Rank 8 is trained for 100 steps .* Give the last stage more steps\.$/);
    assert.deepEqual(notes(runManifest()), []);
  });
});
