import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../../src/errors/app-error.ts';
import { decide, type IncomingCheckpoint } from '../../../src/resources/runs/decide.ts';
import {
  currentLineage,
  isSqueezed,
  type PastCheckpoint,
  positionIn,
} from '../../../src/resources/runs/lineage.ts';
import { clockOfRun, type RunManifest } from '../../../src/resources/runs/run-manifest.ts';
import { nextCheckpointStep } from '../../../src/resources/runs/run-records.ts';
import fc from '../../fast-check.ts';
import {
  arrival,
  keptEntry,
  runManifest,
  SCHEDULE,
  squeezedEntry,
  unfinishedEntry,
  uniform,
} from './run-entries.ts';

const RUNS = [
  runManifest(),
  runManifest({ schedule: { ...SCHEDULE, shape: 'linear', stages: 8 } }),
  runManifest({ schedule: SCHEDULE, rank_allocation: 'by_module' }),
  runManifest({ adaptive: { ...SCHEDULE, energy: 0.9, warm_up_steps: 300 } }),
  runManifest({ adaptive: { ...SCHEDULE, tolerance: 0.1, final_steps: 900, min_stage_steps: 100 } }),
];

/** Something that happens to a run. */
type Event =
  | { readonly kind: 'send'; readonly step: number; readonly content: number; readonly rewind: boolean }
  | { readonly kind: 'end'; readonly state: 'succeeded' | 'failed' | 'cancelled'; readonly share: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constant('send' as const),
    step: fc.oneof(
      fc.integer({ min: 0, max: 4100 }),
      fc.integer({ min: 0, max: 8 }).map((n) => 500 * n),
    ),
    content: fc.integer({ min: 0, max: 1 }),
    rewind: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('end' as const),
    state: fc.constantFrom('succeeded', 'succeeded', 'failed', 'cancelled'),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

/** The log of a run, written as the service does, with the test as the worker. */
class Story {
  readonly log: PastCheckpoint[] = [];
  readonly run: RunManifest;

  constructor(run: RunManifest) {
    this.run = run;
  }

  /** Sends what a trainer would have that followed the run: with the rank before that step. */
  send(step: number, content: number, rewind: boolean): IncomingCheckpoint | undefined {
    const rank = positionIn(this.run, this.log, step).rank.max;
    const sent = arrival(step, rank, { digest: `digest_${step}_${rank}_${content}`, rewind });
    try {
      const decision = decide(this.run, this.log, sent);
      const change = { source_digest: sent.digest };
      if (decision.kind === 'keep') this.log.push(keptEntry(step, rank, change));
      if (decision.kind === 'squeeze') {
        const { goal: target, stageRank: stage_rank } = decision;
        this.log.push(unfinishedEntry(step, rank, 'pending', { ...change, target, stage_rank }));
      }
      return sent;
    } catch (error) {
      assert.ok(error instanceof AppError && error.code.startsWith('CHECKPOINT_'), String(error));
      return undefined;
    }
  }

  /** Ends every pending job. `share`: how far down a squeeze goes that does not name a rank. */
  end(state: 'succeeded' | 'failed' | 'cancelled', share: number): void {
    for (const [index, past] of this.log.entries()) {
      if (past.outcome.state !== 'pending') continue;
      const { checkpoint } = past;
      const { step, rank_before, target } = checkpoint;
      const { target_rank } = clockOfRun(this.run);
      const to =
        target && 'rank' in target
          ? target.rank
          : Math.round(rank_before.max - share * (rank_before.max - target_rank));
      const result = squeezedEntry(step, rank_before.max, to, checkpoint);
      const isSame = to === rank_before.max;
      this.log[index] =
        state !== 'succeeded'
          ? { checkpoint, outcome: { state } }
          : isSame
            ? {
                ...result,
                outcome: {
                  state,
                  rank: uniform(to),
                  parameters: 100 * to,
                  adapterId: checkpoint.source_adapter_id,
                },
              }
            : result;
    }
  }
}

const stories = fc.tuple(fc.constantFrom(...RUNS), fc.array(event, { maxLength: 40 }));

function check(property: (story: Story, events: readonly Event[]) => void): void {
  fc.assert(
    fc.property(stories, ([run, events]) => property(new Story(run), events)),
    { numRuns: 500 },
  );
}

function play(story: Story, one: Event): IncomingCheckpoint | undefined {
  if (one.kind === 'end') story.end(one.state, one.share);
  return one.kind === 'send' ? story.send(one.step, one.content, one.rewind) : undefined;
}

describe('with any sequence of checkpoints and outcomes', () => {
  it('the steps of the lineage increase and its ranks never do', () => {
    check((story, events) => {
      for (const one of events) {
        play(story, one);
        const lineage = currentLineage(story.log);
        for (const [index, { checkpoint, outcome }] of lineage.entries()) {
          const next = lineage[index + 1]?.checkpoint;
          if (outcome.state === 'succeeded') {
            assert.ok(outcome.rank.max <= checkpoint.rank_before.max);
            if (next) assert.deepEqual(next.rank_before, outcome.rank);
          } else assert.equal(next, undefined, 'nothing follows what is pending');
          if (next) assert.ok(next.step > checkpoint.step);
        }
      }
    });
  });

  it('an accepted checkpoint stays known until it fails or the run is rewound', () => {
    check((story, events) => {
      for (const one of events) {
        const sent = play(story, one);
        if (!sent) continue;
        const again = decide(story.run, story.log, sent);
        assert.equal(again.kind, 'existing');
        assert.ok(again.kind === 'existing' && again.checkpoint.source_digest === sent.digest);
      }
    });
  });

  it('no stage of an adaptive run is shorter than min_stage_steps', () => {
    check((story, events) => {
      const plan = story.run.adaptive;
      if (!plan) return;
      for (const one of events) play(story, one);
      const steps = currentLineage(story.log)
        .filter(isSqueezed)
        .map(({ checkpoint }) => checkpoint.step);
      for (const [index, step] of steps.entries()) {
        const since = index === 0 ? 0 : steps[index - 1]!;
        assert.ok(step - since >= plan.min_stage_steps, `${since} to ${step}`);
      }
    });
  });

  it('a last checkpoint takes the run to its target', () => {
    check((story, events) => {
      for (const one of events) play(story, one);
      story.end('succeeded', 0.5);
      const { total_steps, target_rank } = clockOfRun(story.run);
      story.send(total_steps, 0, true);
      story.end('succeeded', 0.5);
      assert.equal(positionIn(story.run, story.log).stageRank, target_rank);
    });
  });
});

describe('a trainer that sends checkpoints when the run requires them', () => {
  const follow = (run: RunManifest, share: number): number[] => {
    const story = new Story(run);
    const steps: number[] = [];
    for (let step: number | null = null; ; ) {
      const { stageRank, lastSqueezeStep } = positionIn(run, story.log);
      step = nextCheckpointStep(run, { step, stageRank, lastSqueezeStep });
      if (step === null) return steps;
      assert.ok(steps.length === 0 || step > steps.at(-1)!, `after ${steps.at(-1)} comes ${step}`);
      steps.push(step);
      assert.ok(story.send(step, 0, false));
      story.end('succeeded', share);
    }
  };

  it('sends exactly the squeezes of the schedule', () => {
    for (const run of RUNS.filter(({ schedule }) => schedule)) {
      assert.deepEqual(
        follow(run, 0),
        run.schedule!.squeezes.map(({ step }) => step),
      );
    }
  });

  it('reaches the target rank of an adaptive run in time, whatever the spectrum', () => {
    for (const run of RUNS.filter(({ adaptive }) => adaptive)) {
      const { first_squeeze_step, last_squeeze_step, min_stage_steps } = run.adaptive!;
      for (const share of [0, 0.1, 0.5, 1]) {
        const steps = follow(run, share);
        assert.equal(steps[0], first_squeeze_step);
        assert.ok(steps.at(-1)! <= last_squeeze_step);
        const looks = steps.filter((step) => step < last_squeeze_step);
        assert.ok(
          looks.every((step) => step <= last_squeeze_step - min_stage_steps),
          'none that could not squeeze',
        );
      }
      assert.equal(follow(run, 0).at(-1), last_squeeze_step);
      assert.deepEqual(follow(run, 1), [first_squeeze_step], 'one squeeze, where everything may go');
    }
  });
});
