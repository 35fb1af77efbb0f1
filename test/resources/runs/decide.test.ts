import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import { decide, type IncomingCheckpoint } from '../../../src/resources/runs/decide.ts';
import type { Outcome, PastCheckpoint } from '../../../src/resources/runs/lineage.ts';
import type { RunManifest } from '../../../src/resources/runs/run-manifest.ts';
import { arrival, keptEntry, runManifest, SCHEDULE, squeezedEntry, unfinishedEntry } from './run-entries.ts';

const RUN = runManifest();

function refusal(
  log: readonly PastCheckpoint[],
  checkpoint: IncomingCheckpoint,
  code: ErrorCode,
  run: RunManifest = RUN,
): AppError {
  try {
    const decision = decide(run, log, checkpoint);
    assert.fail(`not refused: ${JSON.stringify(decision)}`);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
}

/** "keep", or the rank of a squeeze. */
function planned(
  log: readonly PastCheckpoint[],
  checkpoint: IncomingCheckpoint,
  run: RunManifest = RUN,
): 'keep' | number {
  const decision = decide(run, log, checkpoint);
  if (decision.kind === 'keep') return 'keep';
  assert.ok(decision.kind === 'squeeze' && 'rank' in decision.goal, JSON.stringify(decision));
  return decision.goal.rank;
}

describe('a checkpoint on schedule', () => {
  it('is kept before the first squeeze and squeezed at it', () => {
    assert.equal(planned([], arrival(0, 64)), 'keep');
    assert.equal(planned([], arrival(999, 64)), 'keep');
    assert.equal(planned([], arrival(1000, 64)), 32);
    assert.equal(planned([keptEntry(500, 64)], arrival(1000, 64)), 32);
  });

  it('continues from the result, stage after stage, to the end', () => {
    const log = [squeezedEntry(1000, 64, 32)];
    assert.equal(planned(log, arrival(1500, 32)), 'keep');
    assert.equal(planned(log, arrival(2000, 32)), 16);
    log.push(squeezedEntry(2000, 32, 16), squeezedEntry(3000, 16, 8));
    assert.equal(planned(log, arrival(3001, 8)), 'keep');
    assert.equal(planned(log, arrival(4000, 8)), 'keep');
    const last = decide(RUN, log, arrival(4000, 8));
    assert.ok(last.kind === 'keep' && /Stage 4 of 4 \(rank 8\) is the last one/.test(last.reason));
  });

  it('states how late it is, and skips the stages that were missed', () => {
    const late = decide(RUN, [], arrival(1100, 64));
    assert.deepEqual(late, {
      kind: 'squeeze',
      goal: { rank: 32 },
      stageRank: 32,
      reason: 'Stage 2 of 4 (rank 32) began at step 1000, 100 steps ago.',
      lateBySteps: 100,
    });
    const veryLate = decide(RUN, [], arrival(3005, 64));
    assert.deepEqual(veryLate, {
      kind: 'squeeze',
      goal: { rank: 8 },
      stageRank: 8,
      reason:
        'Stage 4 of 4 (rank 8) began at step 3000, 5 steps ago. Skipped: stage 2 (rank 32), stage 3 (rank 16).',
      lateBySteps: 5,
    });
    const skipped = decide(RUN, [squeezedEntry(1000, 64, 32)], arrival(3000, 32));
    assert.ok(skipped.kind === 'squeeze');
    assert.match(skipped.reason, /began at step 3000\. Skipped: stage 3 \(rank 16\)\.$/);
    assert.equal(skipped.lateBySteps, 0);
  });

  it('is refused after the end of the run', () => {
    const error = refusal([], arrival(4001, 64), 'CHECKPOINT_STEP');
    assert.match(error.message, /4001.*4000/);
  });
});

describe('a checkpoint that was sent before', () => {
  const twice = arrival(1000, 64);

  it('is answered with its record, whatever its state', () => {
    for (const past of [
      squeezedEntry(1000, 64, 32),
      unfinishedEntry(1000, 64, 'pending'),
      keptEntry(1000, 64),
    ]) {
      assert.deepEqual(decide(RUN, [past], twice), { kind: 'existing', checkpoint: past.checkpoint });
      const again = decide(RUN, [past], { ...twice, rewind: true });
      assert.equal(again.kind, 'existing', 'a rewind that is sent twice is one rewind');
    }
  });

  it('is answered the same way if later ones followed', () => {
    const log = [keptEntry(500, 64), squeezedEntry(1000, 64, 32), unfinishedEntry(2000, 32, 'pending')];
    assert.equal(decide(RUN, log, arrival(500, 64)).kind, 'existing');
    assert.equal(decide(RUN, log, twice).kind, 'existing');
  });

  it('is tried again if its squeeze failed or was cancelled', () => {
    for (const state of ['failed', 'cancelled'] as const) {
      const log = [keptEntry(500, 64), unfinishedEntry(1000, 64, state)];
      assert.equal(planned(log, twice), 32);
      assert.equal(planned(log, arrival(1000, 64, { digest: 'other' })), 32, 'with other content too');
      assert.equal(planned(log, arrival(1200, 64)), 32, 'or later');
      assert.equal(planned(log, arrival(900, 64)), 'keep', 'or before: it changed nothing');
      assert.equal(decide(RUN, [...log, unfinishedEntry(1000, 64, 'pending')], twice).kind, 'existing');
    }
  });

  it('conflicts if its content differs', () => {
    const log = [squeezedEntry(1000, 64, 32)];
    for (const other of [
      arrival(1000, 64, { digest: 'other' }),
      arrival(1000, 64, { optimizerSha256: 'f'.repeat(64) }),
    ]) {
      assert.match(
        refusal(log, other, 'CHECKPOINT_CONFLICT').message,
        /step 1000 with other content.*rewind=true/,
      );
    }
    const withMoments = squeezedEntry(1000, 64, 32, { optimizer_sha256: 'a' });
    refusal([withMoments], arrival(1000, 64), 'CHECKPOINT_CONFLICT');
    assert.equal(decide(RUN, [withMoments], arrival(1000, 64, { optimizerSha256: 'a' })).kind, 'existing');
  });

  it('is out of order if a later one exists', () => {
    const log = [squeezedEntry(1000, 64, 32), unfinishedEntry(2000, 32, 'pending')];
    const error = refusal(log, arrival(1500, 32), 'CHECKPOINT_OUT_OF_ORDER');
    assert.match(error.message, /Step 1500 .*step 2000/);
    assert.equal(error.context.newest_step, 2000);
  });
});

describe('a rewind', () => {
  const log = [
    squeezedEntry(1000, 64, 32),
    squeezedEntry(2000, 32, 16),
    unfinishedEntry(3000, 16, 'pending'),
  ];

  it('replaces its step and all later ones', () => {
    assert.equal(planned(log, arrival(2000, 32, { rewind: true, digest: 'other' })), 16);
    assert.equal(planned(log, arrival(1500, 32, { rewind: true })), 'keep');
    assert.equal(planned(log, arrival(2500, 16, { rewind: true })), 'keep', 'a pending one does not hinder');
    assert.equal(planned(log, arrival(0, 64, { rewind: true })), 'keep', 'to the very start');
  });

  it('does so with the same content too', () => {
    assert.equal(planned(log, arrival(2000, 32, { rewind: true })), 16);
    assert.equal(decide(RUN, log, arrival(2000, 32)).kind, 'existing');
  });

  it('leaves a run that continues from there', () => {
    const rewound = [...log, squeezedEntry(1000, 64, 32, { source_digest: 'second' })];
    assert.equal(planned(rewound, arrival(2000, 32)), 16, 'as if the first 2000 had never been');
    refusal(rewound, arrival(1000, 64), 'CHECKPOINT_CONFLICT');
    const second = arrival(1000, 64, { digest: 'second' });
    assert.equal(decide(RUN, rewound, second).kind, 'existing');
    assert.equal(decide(RUN, rewound, { ...second, rewind: true }).kind, 'existing');
  });

  it('to a step after the newest one is an ordinary checkpoint', () => {
    assert.equal(planned([squeezedEntry(1000, 64, 32)], arrival(2000, 32, { rewind: true })), 16);
    refusal(
      [unfinishedEntry(1000, 64, 'pending')],
      arrival(2000, 32, { rewind: true }),
      'CHECKPOINT_PENDING',
    );
  });

  it('requires the rank that the run had then', () => {
    const error = refusal(log, arrival(1500, 16, { rewind: true }), 'CHECKPOINT_RANK');
    assert.match(error.message, /rank 32 since step 1000; load adapter ad_result_1000_32/);
  });

  it('whose own squeeze failed has still rewound the run', () => {
    const rewound = [...log, unfinishedEntry(1000, 64, 'failed', { source_digest: 'second' })];
    assert.equal(planned(rewound, arrival(1000, 64)), 32);
    refusal(rewound, arrival(2000, 32), 'CHECKPOINT_RANK');
  });
});

describe('a checkpoint of the wrong adapter', () => {
  it('waits while the previous squeeze is not done', () => {
    const error = refusal([unfinishedEntry(1000, 64, 'pending')], arrival(1200, 64), 'CHECKPOINT_PENDING');
    assert.match(error.message, /step 1000.*job_1000/);
  });

  it('must have the current rank of the run', () => {
    const first = refusal([], arrival(100, 32), 'CHECKPOINT_RANK');
    assert.match(first.message, /rank 32, but the run starts at source_rank 64/);
    const log = [squeezedEntry(1000, 64, 32), keptEntry(1500, 32)];
    const stale = refusal(log, arrival(2000, 64), 'CHECKPOINT_RANK');
    assert.match(stale.message, /rank 64, but the run has been at rank 32 since step 1500/);
    assert.equal(stale.context.adapter_id, null, 'nothing of it is stored');
    refusal(log, arrival(2000, 32, { ranks: { min: 16, max: 32 } }), 'CHECKPOINT_RANK');
  });

  it('may begin with smaller ranks in some modules, and keeps them', () => {
    const ranks = { min: 8, max: 64 };
    assert.equal(planned([], arrival(1000, 64, { ranks })), 32);
    const log = [keptEntry(500, 64, { rank_before: ranks })].map(
      (past): PastCheckpoint => ({
        ...past,
        outcome: { state: 'succeeded', rank: ranks, parameters: null, adapterId: null },
      }),
    );
    assert.equal(planned(log, arrival(1000, 64, { ranks })), 32);
    refusal(log, arrival(1000, 64), 'CHECKPOINT_RANK');
    refusal([], arrival(1000, 64, { ranks: { min: 64, max: 128 } }), 'CHECKPOINT_RANK');
  });

  it('shares ranks out by module if the run requires it, within the size of the uniform rank', () => {
    const run = runManifest({ schedule: SCHEDULE, rank_allocation: 'by_module' });
    // A third of the modules by size begins at rank 24, and has no more at rank 32.
    const sent = {
      ranks: { min: 24, max: 64 },
      modulesByRank: [
        { rank: 24, parameters_per_rank: 50 },
        { rank: 64, parameters_per_rank: 100 },
      ],
    };
    const first = decide(run, [], arrival(1000, 64, sent));
    assert.ok(first.kind === 'squeeze', first.kind);
    assert.deepEqual([first.goal, first.stageRank], [{ budget_parameters: 24 * 50 + 32 * 100 }, 32]);

    const start = { modules_by_rank: sent.modulesByRank, rank_before: sent.ranks, stage_rank: 32 };
    const rank = { min: 3, max: 60 };
    const done = squeezedEntry(1000, 64, 32, start);
    const log: PastCheckpoint[] = [
      { ...done, outcome: { ...done.outcome, state: 'succeeded', rank } as Outcome },
    ];
    const own = { ranks: rank, modulesByRank: [{ rank: 60, parameters_per_rank: 150 }] };
    assert.equal(decide(run, log, arrival(1500, 60, own)).kind, 'keep', 'a rank above that of its stage');
    const second = decide(run, log, arrival(2000, 60, own));
    assert.ok(second.kind === 'squeeze', second.kind);
    assert.deepEqual([second.goal, second.stageRank], [{ budget_parameters: 16 * 150 }, 16]);
    assert.match(
      second.reason,
      /2400 parameters are shared out over the modules, as many as they have together at rank 16\.$/,
    );
    const other = { modulesByRank: own.modulesByRank, digest: 'other', rewind: true };
    const anew = decide(run, log, arrival(1000, 64, other));
    assert.ok(anew.kind === 'squeeze', anew.kind);
    assert.deepEqual(anew.goal, { budget_parameters: 32 * 150 }, 'what begins the run counts');
  });

  it('must be of the same base model, if that is known', () => {
    const other = { baseModel: 'other/model' };
    const error = refusal([keptEntry(500, 64)], arrival(1000, 64, other), 'CHECKPOINT_BASE_MISMATCH');
    assert.match(error.message, /"other\/model".*"some\/model"/);
    assert.equal(planned([keptEntry(500, 64)], arrival(1000, 64, { baseModel: null })), 32);
    assert.equal(planned([keptEntry(500, 64, { base_model: null })], arrival(1000, 64, other)), 32);
    const named = runManifest({ base_model: 'some/model', schedule: SCHEDULE });
    refusal([], arrival(0, 64, other), 'CHECKPOINT_BASE_MISMATCH', named);
    assert.equal(planned([], arrival(0, 64), named), 'keep');
  });

  it('must have the same modules', () => {
    const log = [keptEntry(500, 64)];
    refusal(log, arrival(1000, 64, { modulesSha256: 'others' }), 'CHECKPOINT_BASE_MISMATCH');
    const fresh = arrival(0, 64, { modulesSha256: 'others', rewind: true });
    assert.equal(planned(log, fresh), 'keep', 'a run that is rewound to its start may begin anew');
  });
});
