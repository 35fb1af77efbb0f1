import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ComputePool } from '../compute/pool.ts';
import { slotsFor } from '../compute/stored-directions.ts';
import type { FailedResult, Timings } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import { type AppError, jobFailure } from '../errors/app-error.ts';
import { readOptimizerState } from '../formats/peft/optimizer-state.ts';
import { PRODUCT } from '../version.ts';
import { describeSpectra, notesOn } from './describe.ts';
import type { JobOutcome, SqueezeInput, TargetOutcome } from './job-context.ts';
import { isNotError, mapTargets, type OrError } from './map-targets.ts';
import { chooseMethod } from './method.ts';
import { filesRead, openAdapter } from './open-adapter.ts';
import { carryAll, decomposeAll, projectAll } from './passes.ts';
import { resolveTarget } from './plan-target.ts';
import { ProgressTracker } from './progress-tracker.ts';
import { withResiduals } from './residuals.ts';
import { TargetRun, targetFolder } from './target-run.ts';

/**
 * Squeezes one adapter to all its targets: pass 1 decomposes every module, ranks are chosen, and pass 2 writes. Each
 * pass reads the weights once, one chunk of a module per thread at a time; only spectra stay in memory in between. A
 * target that fails permanently ends alone, and the others continue.
 * @throws AppError for all faults of the input, for temporary errors, and CANCELLED if the signal is aborted
 */
export async function squeeze(input: SqueezeInput, pool: ComputePool): Promise<JobOutcome> {
  const startedMs = performance.now();
  const tracker = new ProgressTracker(input.onProgress, input.signal);
  tracker.begin('load', 0);
  const { adapter, weightsPath, residuals, isConverted } =
    input.opened ?? (await openAdapter(input, input.scratchDir, pool, tracker));
  const { modules } = adapter;
  const applied = await mapTargets(input.targets, (target) =>
    resolveTarget(adapter, target, input.matchDtype),
  );
  const ended = (
    finished: readonly OrError<Finished>[],
    reportOf?: (timings: Timings) => Report,
  ): JobOutcome => {
    const targets = finished.map((one, index) => (isNotError(one) ? one.outcome : failed(input, one, index)));
    const timings = tracker.timings(pool.provider.threads, (performance.now() - startedMs) / 1000);
    return {
      targets,
      report: reportOf && finished.some(isNotError) ? reportOf(timings) : null,
      provider: pool.provider,
      timings,
      modules: modules.length,
      bytesRead: input.sources.reduce((sum, source) => sum + source.bytes, 0),
      bytesWritten: targets.reduce((sum, target) => sum + bytesOf(target), 0),
    };
  };
  const open = applied.filter(isNotError);
  if (open.length === 0) return ended(applied.flatMap((one) => (isNotError(one) ? [] : one)));
  const method = chooseMethod(
    modules,
    open.map(({ target }) => target),
    input.options,
    open.map(({ limits }) => limits),
  );
  const sourceFiles = await filesRead(adapter, input);
  const optimizer = input.optimizer
    ? { ...input.optimizer, state: await readOptimizerState(input.optimizer.path, adapter) }
    : null;

  tracker.begin('gram', modules.length);
  const slots = slotsFor(
    join(input.scratchDir, 'directions'),
    modules.map((module) => ({ rank: module.rank, count: method.decomposerFor(module).keep })),
  );
  const pass = await decomposeAll({ weightsPath, modules, method, slots }, pool, tracker);
  const { directions } = pass;
  const decompositions = withResiduals(modules, pass.decompositions, residuals);

  const job = { input, adapter, isConverted, decompositions, method, sourceFiles, directions, optimizer };
  const planned = await mapTargets(applied, (one, index) => new TargetRun(job, index, one));
  tracker.begin('project', modules.length);
  const created = await tracker.time('write', () =>
    mapTargets(planned, async (run) => {
      await run.create(weightsPath);
      return run;
    }),
  );
  const orders = created.map((run) => (isNotError(run) && run.output?.orders) || []);
  const written = await projectAll({ weightsPath, modules, directions, orders }, pool, tracker);
  const filled = await mapTargets(created, async (run, index) => {
    const measured = written[index]!;
    if (!isNotError(measured)) throw measured;
    if (run.training) await carryAll(run.training, pool, tracker);
    return { run, measured };
  });

  tracker.begin('write', modules.length);
  const finished = await tracker.time('write', () =>
    mapTargets(filled, ({ run, measured }) => run.finish(measured)),
  );
  for (const [index, one] of finished.entries())
    if (!isNotError(one)) await rm(targetFolder(input, index), { recursive: true, force: true });
  tracker.begin('done', modules.length);

  const { requested, used, oversampling, power_iterations, seed } = method;
  return ended(finished, (timings) => ({
    job_id: '',
    created_at: new Date().toISOString(),
    product: PRODUCT,
    kind: input.kind,
    sources: [...input.sources],
    method: { requested, used, oversampling, power_iterations, seed },
    provider: pool.provider,
    timings,
    modules: describeSpectra(adapter, decompositions),
    targets: finished.map((one, index) =>
      isNotError(one) ? { ...one.report, adapter_id: '' } : failed(input, one, index),
    ),
    analysis: null,
    notes: notesOn(method),
  }));
}

type Finished = Awaited<ReturnType<TargetRun['finish']>>;

const failed = (
  { targets }: Pick<SqueezeInput, 'targets'>,
  error: AppError,
  index: number,
): FailedResult => ({
  target: targets[index]!,
  state: 'failed',
  error: jobFailure(error),
});

/** The size of the weights that were written for a target. */
const bytesOf = (target: TargetOutcome): number =>
  target.state === 'succeeded' ? (target.files?.[0]?.bytes ?? 0) : 0;
