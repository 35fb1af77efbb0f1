import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG_FILE } from '../adapter/file-names.ts';
import { sizeOfAdapter } from '../adapter/size-audit.ts';
import type { WrittenModule } from '../compute/project-task.ts';
import type { StoredDirections } from '../compute/stored-directions.ts';
import type { TrainingNotes } from '../contract/job.ts';
import type { SucceededTargetReport } from '../contract/report.ts';
import type { Verdict } from '../contract/serving.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import type { AppliedTarget } from '../serving/apply-profile.ts';
import { judge } from '../serving/judge.ts';
import { cancellationWarnings } from './cancellation.ts';
import { withCard } from './card/card.ts';
import { describeResult, errorFields } from './describe.ts';
import { expectedLoss } from './expected-loss.ts';
import type { OutputFile, SqueezeInput, WrittenTarget } from './job-context.ts';
import { measure } from './measure.ts';
import type { AdapterOutput } from './output.ts';
import { type PlannedJob, planTarget, planWarnings, type TargetPlan } from './plan-target.ts';
import { residualWarnings } from './residuals.ts';
import { selectRanks } from './select-ranks.ts';
import { learningRateFactor } from './training/learning-rate.ts';
import { type OptimizerInput, type TrainingNames, TrainingOutput } from './training/training-output.ts';

/** What all targets of a job share after the adapter has been decomposed. */
interface DecomposedJob extends PlannedJob {
  readonly input: SqueezeInput;
  readonly decompositions: readonly Decomposition[];
  /** By module. */
  readonly directions: readonly StoredDirections[];
  /** Moments that were sent with the adapter and are to be carried. */
  readonly optimizer: OptimizerInput | null;
}

/** One target, from its ranks to its result. */
export class TargetRun {
  /** The files to write; null if the source already is the result. */
  readonly output: AdapterOutput | null;
  /** Further files for a trainer; null if none are requested, or nothing changes. */
  readonly training: TrainingOutput | null;
  readonly #job: DecomposedJob;
  readonly #plan: TargetPlan;

  /**
   * Chooses the ranks and plans the files.
   * @param index of the target in the job
   * @param applied the target as completed by its profile
   * @throws AppError BUDGET_TOO_SMALL, VALIDATION_FAILED, CONFIG_TOO_LARGE
   */
  constructor(job: DecomposedJob, index: number, applied: AppliedTarget) {
    const { input, adapter, decompositions } = job;
    const { target, limits } = applied;
    this.#job = job;
    const choice = selectRanks(target, limits, adapter.modules, decompositions);
    const dir = targetFolder(input, index);
    this.#plan = planTarget(job, index, applied, choice, dir);
    this.output = this.#plan.output;
    this.training =
      this.output && target.projections
        ? new TrainingOutput({
            plans: this.#plan.plans,
            orders: this.output.orders,
            directions: job.directions,
            scale: this.#plan.scale,
            optimizer: job.optimizer,
            dir,
            names: trainingNames(input.targets.length, index),
          })
        : null;
  }

  /**
   * Creates the files at their full size, with everything that is only copied or cast. @throws AppError
   * NON_FINITE_RESULT
   */
  async create(sourcePath: string): Promise<void> {
    await this.output?.create(sourcePath);
    await this.training?.create();
  }

  /**
   * Completes the files and describes the result.
   * @param written by module; null if it is copied
   */
  async finish(
    written: readonly (WrittenModule | null)[],
  ): Promise<{ outcome: WrittenTarget; report: Omit<SucceededTargetReport, 'adapter_id'> }> {
    const { input, adapter, decompositions, sourceFiles } = this.#job;
    const files = this.output ? await this.output.finish() : null;
    const { applied, plans, scale, format } = this.#plan;
    const closeness = measure(plans, scale, decompositions, written);
    // The result of a checkpoint is trained further, so no loss is predicted.
    const ahead =
      input.kind === 'checkpoint'
        ? null
        : expectedLoss(closeness.moduleEnergyRetained, adapter.modules, decompositions);
    const warnings = [
      ...(input.warnings ?? []),
      ...planWarnings(this.#plan, this.#job),
      ...residualWarnings(adapter.modules, decompositions),
      ...cancellationWarnings(adapter.modules, decompositions),
      ...(ahead ? [ahead.warning] : []),
    ];
    const serving = files ? await verdictOnResult(applied, files) : this.#plan.verdictAsItIs;
    const bytes = files ? files[0]!.bytes : sourceFiles[0]!.bytes;
    const size = this.output ? this.output.size : sizeOfAdapter(adapter);
    const result = describeResult({
      target: this.#plan.requested,
      format,
      plans,
      closeness,
      bytes,
      size,
      warnings,
      expectedLoss: ahead?.loss ?? null,
      serving,
    });
    // The result of a checkpoint is trained further.
    const complete =
      files && input.kind !== 'checkpoint'
        ? await withCard(files, {
            kind: input.kind,
            format,
            baseModel: this.#plan.baseModel,
            sources: input.sources,
            result,
            modules: closeness.modules,
            ranksBefore: plans.map(({ module }) => module.rank),
          })
        : files;
    const extra = (await this.training?.finish()) ?? [];
    const training = applied.target.projections ? this.#notes(written, extra) : null;
    return {
      outcome: { state: 'succeeded', result: { ...result, training }, files: complete, extra },
      report: {
        target: this.#plan.requested,
        state: 'succeeded',
        ...errorFields(closeness, ahead?.loss ?? null),
        size,
        modules: [...closeness.modules],
      },
    };
  }

  #notes(written: readonly (WrittenModule | null)[], files: readonly OutputFile[]): TrainingNotes {
    const { optimizer, decompositions } = this.#job;
    const { plans, scale } = this.#plan;
    const done = optimizer?.mode === 'reset' ? 'reset' : 'carried';
    return {
      learning_rate_factor: learningRateFactor(plans, scale, decompositions, written),
      revived_directions: written.reduce((sum, module) => sum + (module?.revived ?? 0), 0),
      optimizer: optimizer && this.training ? done : 'none',
      files: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    };
  }
}

/** The folder in which the files of a target are created. */
export const targetFolder = ({ scratchDir }: Pick<SqueezeInput, 'scratchDir'>, index: number): string =>
  join(scratchDir, `${index}`);

/** The file names of a target; targets share one folder, so they are numbered if there are several. */
function trainingNames(targets: number, index: number): TrainingNames {
  const suffix = targets > 1 ? `-${index}` : '';
  return {
    projections: `projections${suffix}.safetensors`,
    optimizer: `optimizer${suffix}.safetensors`,
  };
}

/** Checks the written files against the profile; null without one. */
async function verdictOnResult(
  { profile, limits }: AppliedTarget,
  files: readonly OutputFile[],
): Promise<Verdict | null> {
  if (!profile) return null;
  const config = files.find(({ name }) => name === CONFIG_FILE);
  const { adapter } = await readAdapter({
    weightsPath: files[0]!.path,
    configBytes: config ? await readFile(config.path) : null,
  });
  return judge(profile, { adapter, files }, limits);
}
