import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter, ModulePlan } from '../adapter/adapter.ts';
import { CONFIG_FILE } from '../adapter/file-names.ts';
import type { FormatName } from '../adapter/format-name.ts';
import { sizeOfAdapter } from '../adapter/size-audit.ts';
import type { DirectionsSlot } from '../compute/directions-file.ts';
import type { WrittenModule } from '../compute/project-task.ts';
import type { TrainingNotes } from '../contract/job.ts';
import type { SucceededTargetReport } from '../contract/report.ts';
import type { Verdict } from '../contract/serving.ts';
import type { Target } from '../contract/target.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import type { AppliedTarget } from '../serving/apply-profile.ts';
import { judge } from '../serving/judge.ts';
import { PRODUCT } from '../version.ts';
import { withCard } from './card/card.ts';
import { closenessFields, describeResult, rankWarnings } from './describe.ts';
import { expectedLoss } from './expected-loss.ts';
import type { MadeTarget, OutputFile, SqueezeInput } from './job-context.ts';
import { measure } from './measure.ts';
import type { Method } from './method.ts';
import { changesNothing, Output, planModules, scaleModeOf, splitOf } from './output.ts';
import { residualWarnings } from './residuals.ts';
import { hasNoPolicy, selectRanks } from './select-ranks.ts';
import { writtenAdapter } from './size/written-adapter.ts';
import { learningRateFactor } from './training/learning-rate.ts';
import { type OptimizerInput, type TrainingNames, TrainingOutput } from './training/training-output.ts';

/** Rules that writing an adapter anew can satisfy although its ranks and dtypes stay: its scales move into B. */
const CURED_BY_FOLDING = ['scale', 'no-patterns'];

/** What all targets of a job share once the adapter is taken apart. */
interface DecomposedJob {
  readonly input: SqueezeInput;
  readonly adapter: Adapter;
  /** The adapter's numbers are not those of the source's file: computed, or decoded. */
  readonly isConverted: boolean;
  readonly decompositions: readonly Decomposition[];
  readonly method: Method;
  /** The files that were read; the weights first. */
  readonly sourceFiles: readonly { readonly name: string; readonly bytes: number }[];
  /** By module: where its directions are. */
  readonly slots: readonly DirectionsSlot[];
  /** Moments that came along, to be carried. */
  readonly optimizer: OptimizerInput | null;
}

/** One target from its ranks to its result. */
export class TargetRun {
  /** The files to fill; null when the source already is what is asked for. */
  readonly output: Output | null;
  /** What a trainer needs besides; null when nobody asks for it, or nothing changes. */
  readonly training: TrainingOutput | null;
  readonly #job: DecomposedJob;
  readonly #asked: Target;
  readonly #applied: AppliedTarget;
  readonly #plans: readonly ModulePlan[];
  readonly #choiceWarnings: readonly string[];
  readonly #verdictAsItIs: Verdict | null;
  readonly #format: FormatName;
  readonly #baseModel: string | null;
  readonly #formatWarnings: readonly string[];

  /**
   * Chooses the ranks and plans the files.
   * @param index of the target in the job
   * @param applied the target as its profile completes it: what is done
   * @throws AppError BUDGET_TOO_SMALL, VALIDATION_FAILED, CONFIG_TOO_LARGE
   */
  constructor(job: DecomposedJob, index: number, applied: AppliedTarget) {
    const { input, adapter, decompositions, method } = job;
    const { target, limits } = applied;
    this.#job = job;
    // As it was asked for is how it is told.
    this.#asked = input.targets[index]!;
    this.#applied = applied;
    const { ranks, warnings } = selectRanks(target, limits, adapter.modules, decompositions);
    this.#choiceWarnings = warnings;
    this.#plans = planModules(adapter, target, ranks);
    this.#verdictAsItIs = verdictOnSource(applied, adapter, job.sourceFiles);
    const { adapter: written, warnings: writing } = writtenAdapter(adapter, target);
    // A merge is a new adapter in any case, and so is one in another format.
    const isUnchanged =
      input.kind !== 'merge' &&
      !job.isConverted &&
      written === adapter &&
      changesNothing(this.#plans) &&
      !needsFolding(target, this.#verdictAsItIs);
    this.#format = written.format;
    this.#baseModel = written.baseModel;
    this.#formatWarnings = writing;
    const dir = targetFolder(input, index);
    this.output = isUnchanged
      ? null
      : new Output(
          written,
          planModules(written, target, ranks),
          {
            scale: scaleModeOf(target),
            split: splitOf(target),
            reviveSeed: target.revive ? method.seed : null,
          },
          provenance(input, target, method),
          dir,
        );
    this.training =
      this.output && target.projections
        ? new TrainingOutput({
            plans: this.#plans,
            orders: this.output.orders,
            slots: job.slots,
            scale: scaleModeOf(target),
            optimizer: job.optimizer,
            dir,
            names: trainingNames(input.targets.length, index),
          })
        : null;
  }

  /** Makes the files at their full size, with everything that is only copied or cast. @throws AppError NON_FINITE_RESULT */
  async create(sourcePath: string): Promise<void> {
    await this.output?.create(sourcePath);
    await this.training?.create();
  }

  /**
   * Closes the files and says what they are.
   * @param written by module; null where it is copied
   */
  async finish(
    written: readonly (WrittenModule | null)[],
  ): Promise<{ outcome: MadeTarget; report: Omit<SucceededTargetReport, 'adapter_id'> }> {
    const { input, adapter, decompositions, sourceFiles } = this.#job;
    const files = this.output ? await this.output.finish() : null;
    const closeness = measure(this.#plans, scaleModeOf(this.#applied.target), decompositions, written);
    // A checkpoint is trained on anyway.
    const ahead =
      input.kind === 'checkpoint'
        ? null
        : expectedLoss(closeness.moduleEnergyRetained, adapter.modules, decompositions);
    const warnings = [
      ...(input.warnings ?? []),
      ...adapter.warnings,
      ...this.#formatWarnings,
      ...this.#choiceWarnings,
      // Who asks for a format alone asks for no other rank.
      ...(hasNoPolicy(this.#asked) && this.output ? [] : rankWarnings(this.#plans, this.output === null)),
      ...residualWarnings(adapter.modules, decompositions),
      ...(ahead ? [ahead.warning] : []),
    ];
    const serving = files ? await verdictOnResult(this.#applied, files) : this.#verdictAsItIs;
    const bytes = files ? files[0]!.bytes : sourceFiles[0]!.bytes;
    const size = this.output ? this.output.size : sizeOfAdapter(adapter);
    const result = describeResult({
      target: this.#asked,
      format: this.#format,
      plans: this.#plans,
      closeness,
      bytes,
      size,
      warnings,
      expectedLoss: ahead?.loss ?? null,
      serving,
    });
    // A checkpoint's result is for a trainer, who goes on from it.
    const complete =
      files && input.kind !== 'checkpoint'
        ? await withCard(files, {
            kind: input.kind,
            format: this.#format,
            baseModel: this.#baseModel,
            sources: input.sources,
            result,
            modules: closeness.modules,
            ranksBefore: this.#plans.map(({ module }) => module.rank),
          })
        : files;
    const extra = (await this.training?.finish()) ?? [];
    const training = this.#applied.target.projections ? this.#notes(written, extra) : null;
    return {
      outcome: { state: 'succeeded', result: { ...result, training }, files: complete, extra },
      report: {
        target: this.#asked,
        state: 'succeeded',
        ...closenessFields(closeness, ahead?.loss ?? null),
        size,
        modules: [...closeness.modules],
      },
    };
  }

  #notes(written: readonly (WrittenModule | null)[], files: readonly OutputFile[]): TrainingNotes {
    const { optimizer, decompositions } = this.#job;
    const scale = scaleModeOf(this.#applied.target);
    const done = optimizer?.mode === 'reset' ? 'reset' : 'carried';
    return {
      learning_rate_factor: learningRateFactor(this.#plans, scale, decompositions, written),
      revived_directions: written.reduce((sum, module) => sum + (module?.revived ?? 0), 0),
      optimizer: optimizer && this.training ? done : 'none',
      files: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    };
  }
}

/** Where the files of a target are made. */
export const targetFolder = ({ scratchDir }: Pick<SqueezeInput, 'scratchDir'>, index: number): string =>
  join(scratchDir, `${index}`);

/** One folder of names for all targets of a job: numbered where there are several. */
function trainingNames(targets: number, index: number): TrainingNames {
  const suffix = targets > 1 ? `-${index}` : '';
  return {
    projections: `projections${suffix}.safetensors`,
    optimizer: `optimizer${suffix}.safetensors`,
  };
}

/** What a result's metadata tells of how it was made. No times and no ids: the same request, the same bytes. */
function provenance(
  input: Pick<SqueezeInput, 'kind' | 'sources'>,
  target: Target,
  method: Method,
): Map<string, string> {
  const { oversampling, power_iterations, seed } = method;
  return new Map([
    ['lora_squeeze.version', PRODUCT.version],
    ...ofSources(input),
    ['lora_squeeze.method', method.used],
    ['lora_squeeze.target', JSON.stringify(target)],
    [
      'lora_squeeze.options',
      JSON.stringify({ method: method.requested, oversampling, power_iterations, seed }),
    ],
  ]);
}

function ofSources({ kind, sources }: Pick<SqueezeInput, 'kind' | 'sources'>): [string, string][] {
  if (kind !== 'merge') return sources.map(({ sha256 }) => ['lora_squeeze.source_sha256', sha256]);
  const told = sources.map(({ sha256, weight }) => ({ sha256, weight }));
  return [['lora_squeeze.sources', JSON.stringify(told)]];
}

/** Judges what was written, as it is on disk; null without a profile. */
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

/** Judges the source, for a target that it satisfies as it is; null without a profile. */
function verdictOnSource(
  { profile, limits }: AppliedTarget,
  adapter: Adapter,
  files: readonly { readonly name: string; readonly bytes: number }[],
): Verdict | null {
  if (!profile) return null;
  return judge(profile, { adapter, files }, limits);
}

/** Whether the source has the ranks but not the scales that its place of use needs. */
const needsFolding = (target: Target, verdict: Verdict | null): boolean =>
  target.scale === 'fold' &&
  (verdict?.rules ?? []).some(({ rule, passed }) => !passed && CURED_BY_FOLDING.includes(rule));
