import type { Schedule, Stage } from '../../contract/schedule.ts';
import type { Target } from '../../contract/target.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import { quote } from '../../json/quote.ts';
import { stageAt } from '../../schedule/position.ts';
import { rankRange } from '../../squeeze/rank-range.ts';
import { decideAdaptive } from './decide-adaptive.ts';
import { currentLineage, type PastCheckpoint, type Position, positionIn } from './lineage.ts';
import {
  type CheckpointManifest,
  clockOfRun,
  type ModulesOfRank,
  parametersAt,
  type RankRange,
  type RunManifest,
} from './run-manifest.ts';

/** A checkpoint as the trainer sends it. */
export interface IncomingCheckpoint {
  readonly step: number;
  /** Whether it replaces every checkpoint of this step and later ones. */
  readonly rewind: boolean;
  /** The training loss that was sent; it does not influence the decision. */
  readonly loss: number | null;
  /** Digest of weights and configuration. */
  readonly digest: string;
  readonly optimizerSha256: string | null;
  readonly ranks: RankRange;
  readonly modulesByRank: readonly ModulesOfRank[];
  readonly baseModel: string | null;
  readonly modulesSha256: string;
}

/** What must be done by the schedule or by the spectrum. */
export type Plan =
  | { readonly kind: 'keep'; readonly reason: string }
  | {
      readonly kind: 'squeeze';
      readonly goal: Target;
      /** The rank of the schedule to which it leads; null if the spectrum decides. */
      readonly stageRank: number | null;
      readonly reason: string;
      readonly lateBySteps: number;
    };

/** `existing`: the same checkpoint is already in the log. */
export type Decision = Plan | { readonly kind: 'existing'; readonly checkpoint: CheckpointManifest };

/**
 * Decides what to do with a checkpoint. The function is pure: the same run, log and checkpoint give the same answer in
 * every process. An answer that leads to a new entry depends only on outcomes that can no longer change.
 * @throws AppError CHECKPOINT_STEP, CHECKPOINT_CONFLICT, CHECKPOINT_OUT_OF_ORDER, CHECKPOINT_PENDING,
 * CHECKPOINT_BASE_MISMATCH, CHECKPOINT_RANK
 */
export function decide(
  run: RunManifest,
  log: readonly PastCheckpoint[],
  arrival: IncomingCheckpoint,
): Decision {
  const { step } = arrival;
  const { total_steps } = clockOfRun(run);
  if (step > total_steps) {
    throw new AppError(
      'CHECKPOINT_STEP',
      `Step ${step} is after the end of the run, which has ${total_steps} steps.`,
      { step, total_steps },
    );
  }
  const existing = orderOf(currentLineage(log), arrival);
  if (existing) return { kind: 'existing', checkpoint: existing.checkpoint };

  const before = positionIn(run, log, step);
  refusePending(before);
  refuseOtherBase(run, before, arrival);
  refuseOtherRank(run, before, arrival);
  if (!run.schedule) return decideAdaptive(run.adaptive!, before, step);
  const plan = decideScheduled(run.schedule, before, step);
  const isShared = 'schedule' in run.request && run.request.rank_allocation === 'by_module';
  return isShared ? byModule(plan, before.first?.checkpoint.modules_by_rank ?? arrival.modulesByRank) : plan;
}

/**
 * The plan with a rank for each module. All modules together have as many parameters as at the uniform rank.
 * @param modules the modules at the start of the run
 */
function byModule(plan: Plan, modules: readonly ModulesOfRank[]): Plan {
  if (plan.kind === 'keep' || plan.stageRank === null) return plan;
  const parameters = parametersAt(modules, plan.stageRank);
  return {
    ...plan,
    goal: { budget_parameters: parameters },
    reason: `${plan.reason} ${parameters} parameters are shared out over the modules, as many as they have together at rank ${plan.stageRank}.`,
  };
}

/** The entry of the same checkpoint; undefined if a new entry may be added. */
function orderOf(
  lineage: readonly PastCheckpoint[],
  arrival: IncomingCheckpoint,
): PastCheckpoint | undefined {
  const { step, rewind } = arrival;
  const newest = lineage.at(-1);
  const there = lineage.find(({ checkpoint }) => checkpoint.step === step);
  // A rewind to an earlier checkpoint also supersedes the later ones, even if it has the same content.
  if (there && isSame(there.checkpoint, arrival) && (!rewind || there === newest)) return there;
  if (rewind || !newest || step > newest.checkpoint.step) return undefined;
  const how = 'rewind=true replaces every checkpoint from this step on.';
  if (there) {
    throw new AppError(
      'CHECKPOINT_CONFLICT',
      `There is already a checkpoint of step ${step} with other content; ${how}`,
      { step, adapter_id: there.checkpoint.source_adapter_id },
    );
  }
  throw new AppError(
    'CHECKPOINT_OUT_OF_ORDER',
    `Step ${step} comes before the newest checkpoint, which is of step ${newest.checkpoint.step}; ${how}`,
    { step, newest_step: newest.checkpoint.step },
  );
}

const isSame = (known: CheckpointManifest, { digest, optimizerSha256 }: IncomingCheckpoint): boolean =>
  known.source_digest === digest && known.optimizer_sha256 === optimizerSha256;

function refusePending({ last }: Position): void {
  if (last?.outcome.state !== 'pending') return;
  const { step, job_id } = last.checkpoint;
  throw new AppError(
    'CHECKPOINT_PENDING',
    `The checkpoint of step ${step} is still being squeezed (job ${job_id}); load its result before sending ` +
      'the next one.',
    { step, job_id },
  );
}

function refuseOtherBase({ request }: RunManifest, { last }: Position, arrival: IncomingCheckpoint): void {
  const expected = request.base_model ?? last?.checkpoint.base_model ?? null;
  const { baseModel } = arrival;
  if (expected !== null && baseModel !== null && baseModel !== expected) {
    throw new AppError(
      'CHECKPOINT_BASE_MISMATCH',
      `The checkpoint belongs to base model ${quote(baseModel)}, but the run belongs to ${quote(expected)}.`,
      { base_model: baseModel, expected },
    );
  }
  if (last && last.checkpoint.modules_sha256 !== arrival.modulesSha256) {
    throw new AppError(
      'CHECKPOINT_BASE_MISMATCH',
      `The modules of the checkpoint differ from those of the checkpoint of step ${last.checkpoint.step}.`,
      { step: last.checkpoint.step, modules_sha256: last.checkpoint.modules_sha256 },
    );
  }
}

/** At the start some modules may have a smaller rank than source_rank (rank_pattern), but none a larger one. */
function refuseOtherRank(run: RunManifest, { last, rank }: Position, { ranks }: IncomingCheckpoint): void {
  const fits = ranks.max === rank.max && (ranks.min === rank.min || !last);
  if (fits) return;
  const [has, at] = [words(ranks), words(rank)];
  const adapterId = last?.outcome.state === 'succeeded' ? last.outcome.adapterId : null;
  const where = last
    ? `the run has been at rank ${at} since step ${last.checkpoint.step}; ${adapterId === null ? 'continue' : `load adapter ${adapterId} and continue`} from there.`
    : `the run starts at source_rank ${at}.`;
  throw new AppError('CHECKPOINT_RANK', `The checkpoint has rank ${has}, but ${where}`, {
    run_id: run.id,
    min_rank: ranks.min,
    max_rank: ranks.max,
    expected_min_rank: rank.min,
    expected_max_rank: rank.max,
    adapter_id: adapterId,
  });
}

const words = ({ min, max }: RankRange): string => rankRange([min, max]);

/**
 * Squeezes to the rank of the current stage, unless the run is already there. A late checkpoint goes straight to the
 * rank that it should have by now; missed stages are skipped.
 */
function decideScheduled(schedule: Schedule, { stageRank }: Position, step: number): Plan {
  const { stages } = schedule;
  const stage = stageAt(schedule, step);
  const name = nameOf(stage, stages);
  if (stageRank <= stage.rank) {
    const until =
      stage === stages.at(-1)
        ? 'is the last one and lasts until the end of the training'
        : `lasts until step ${stage.end_step}`;
    return { kind: 'keep', reason: `${name} ${until}.` };
  }
  const lateBySteps = step - stage.begin_step;
  const late = lateBySteps > 0 ? `, ${counted(lateBySteps, 'step')} ago` : '';
  const skipped = stages.filter((other) => other.index < stage.index && other.rank < stageRank);
  const passed = skipped.length > 0 ? ` Skipped: ${skipped.map(short).join(', ')}.` : '';
  return {
    kind: 'squeeze',
    goal: { rank: stage.rank },
    stageRank: stage.rank,
    reason: `${name} began at step ${stage.begin_step}${late}.${passed}`,
    lateBySteps,
  };
}

const nameOf = (stage: Stage, stages: readonly Stage[]): string =>
  `Stage ${stage.index + 1} of ${stages.length} (rank ${stage.rank})`;

const short = ({ index, rank }: Stage): string => `stage ${index + 1} (rank ${rank})`;
