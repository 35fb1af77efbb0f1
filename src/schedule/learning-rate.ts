import type { LearningRateRequest, StageLearningRate } from '../contract/schedule.ts';

/** The properties of a stage on which its learning rate depends. */
export interface StageSteps {
  /** The rank of all modules; the mean over the parameters if each module has its own. */
  readonly rank: number;
  readonly begin_step: number;
  readonly end_step: number;
}

/** The learning rate of a plan: the values of each stage, and the schedule to which they refer. */
export interface LearningRatePlan {
  readonly schedule: NonNullable<LearningRateRequest['schedule']>;
  readonly stages: readonly StageLearningRate[];
}

/** Share of all steps: the initial warm-up, as is usual in fine-tuning. */
const WARM_UP_SHARE = 0.03;
/** Limits of the warm-up after a squeeze: this many steps, and this share of the stage. */
const SQUEEZE_WARM_UP_STEPS = 30;
const SQUEEZE_WARM_UP_SHARE = 0.1;

/**
 * If the last stage gets less than this share of Σ(learning rate × steps), the rank that is served has hardly been
 * trained.
 */
const STARVED_SHARE = 0.15;

/**
 * The learning rate of a stage at rank r, relative to the one that was right at the source rank R: the cube root of
 * R/r. The smaller its rank, the larger a rate a LoRA module tolerates.
 */
const rateFactor = (sourceRank: number, rank: number): number => Math.cbrt(sourceRank / rank);

/**
 * The learning rate that goes with the stages, and the share of all training, Σ(rate × steps), that each of them gets.
 *
 * By the plan's own curve, the rate of the step after `s` is the trainer's peak times
 *   factor · min(1, (s − begin_step + 1) / warm_up_steps) · min(1, (end_step − s) / decay_steps),
 * a term whose steps are 0 being 1: a warm-up at the beginning and after every squeeze, and a decay to zero over the last
 * stage only. By a schedule of the trainer's own, the rate is that schedule's times `factor`.
 */
export function planLearningRate(
  sourceRank: number,
  stages: readonly StageSteps[],
  { schedule = 'recommended', warm_up_steps }: LearningRateRequest = {},
): LearningRatePlan {
  const totalSteps = stages.at(-1)!.end_step;
  const firstWarmUp = Math.min(warm_up_steps ?? Math.ceil(WARM_UP_SHARE * totalSteps), totalSteps);
  const isOwn = schedule === 'recommended';
  const curves = stages.map(({ rank, begin_step, end_step }, index) => {
    const steps = end_step - begin_step;
    const afterSqueeze = Math.min(SQUEEZE_WARM_UP_STEPS, Math.floor(SQUEEZE_WARM_UP_SHARE * steps));
    return {
      factor: rateFactor(sourceRank, rank),
      warm_up_steps: isOwn ? Math.min(steps, index === 0 ? firstWarmUp : afterSqueeze) : 0,
      decay_steps: isOwn && index === stages.length - 1 ? steps : 0,
    };
  });
  const sums = stages.map(({ begin_step, end_step }, index) => {
    const { factor, warm_up_steps: warmUp, decay_steps: decay } = curves[index]!;
    const sum = isOwn
      ? sumOfStage(end_step - begin_step, warmUp, decay)
      : sumUpTo(schedule, end_step, firstWarmUp, totalSteps) -
        sumUpTo(schedule, begin_step, firstWarmUp, totalSteps);
    return factor * sum;
  });
  const whole = sums.reduce((total, sum) => total + sum, 0);
  return { schedule, stages: curves.map((curve, index) => ({ ...curve, share: sums[index]! / whole })) };
}

/** A note if the last of several stages gets too little of Σ(learning rate × steps), saying what to do. */
export function starvedNotes(
  stages: readonly StageSteps[],
  { schedule, stages: rates }: LearningRatePlan,
): string[] {
  const { rank, begin_step, end_step } = stages.at(-1)!;
  const { share } = rates.at(-1)!;
  if (stages.length === 1 || share >= STARVED_SHARE) return [];
  const remedy =
    schedule === 'recommended'
      ? 'Give the last stage more steps'
      : `The ${schedule} schedule has decayed by then: follow the recommended one, or give the last stage more ` +
        'steps';
  return [
    `Rank ${Number(rank.toFixed(2))} is trained for ${end_step - begin_step} steps and gets ${(100 * share).toFixed(1)} % of ` +
      `Σ(learning rate × steps), so the adapter is hardly trained at the rank it is served at. ${remedy}.`,
  ];
}

/** Σ over t from 0 to n − 1 of min(1, (t + 1)/w) · min(1, (n − t)/d), where w + d ≤ n, or d is n. */
function sumOfStage(n: number, w: number, d: number): number {
  const warmUp = w === 0 ? 0 : (w + 1) / 2 - w;
  if (d === 0) return n + warmUp;
  // The decay lasts as long as the stage: during the warm-up both factors apply.
  const decayed = sumOfIntegers(n) / n;
  if (w === 0) return decayed;
  const begin = decayed - sumOfIntegers(n - w) / n;
  // Σ (t + 1)(n − t) for t below w
  const both = (n - 1) * sumOfIntegers(w - 1) - sumOfSquares(w - 1) + n * w;
  return decayed - begin + both / (w * n);
}

/**
 * Σ over the first `steps` of `total` steps of one of the trainer's own schedules: a warm-up, then a decay to zero of
 * the shape that its name says.
 */
function sumUpTo(
  schedule: Exclude<LearningRatePlan['schedule'], 'recommended'>,
  steps: number,
  warmUp: number,
  total: number,
): number {
  const warm = Math.min(steps, warmUp);
  const begin = warmUp === 0 ? 0 : sumOfIntegers(warm) / warmUp;
  const after = steps - warm;
  const length = total - warmUp;
  if (after === 0) return begin;
  if (schedule === 'constant') return begin + after;
  // Σ (length − t)/length, and Σ (1 + cos(π t/length))/2, for t below `after`
  if (schedule === 'linear') return begin + after - sumOfIntegers(after - 1) / length;
  const half = Math.PI / length / 2;
  return begin + (after + (Math.sin(after * half) * Math.cos((after - 1) * half)) / Math.sin(half)) / 2;
}

/** 1 + … + n */
const sumOfIntegers = (n: number): number => (n * (n + 1)) / 2;
/** 1² + … + n² */
const sumOfSquares = (n: number): number => (n * (n + 1) * (2 * n + 1)) / 6;
