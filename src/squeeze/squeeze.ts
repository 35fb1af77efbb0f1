import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter } from '../adapter/adapter.ts';
import type { DtypeName } from '../adapter/dtype-names.ts';
import { CONFIG_FILE } from '../adapter/file-names.ts';
import type { SqueezeOptions } from '../contract/job-request.ts';
import type { Target } from '../contract/target.ts';
import { formatOf } from '../formats/formats.ts';
import { readOptimizerState } from '../formats/peft/optimizer-state.ts';
import { type AppliedTarget, applyProfile } from '../serving/apply-profile.ts';
import { PRODUCT } from '../version.ts';
import { slotsFor } from './compute/directions-file.ts';
import type { ComputePool } from './compute/pool.ts';
import { decomposeAll } from './decompose-all.ts';
import { describeSpectra, notesOn } from './describe.ts';
import type { JobContext, JobOutcome, Source } from './job-context.ts';
import { chooseMethod } from './method.ts';
import { openSource } from './open-source.ts';
import { planModules, scaleModeOf } from './output.ts';
import { projectAll } from './project-all.ts';
import { withResiduals } from './residuals.ts';
import { writtenAdapter } from './size/written-adapter.ts';
import { TargetRun } from './target-run.ts';
import { carryAll } from './training/carry-all.ts';
import { Watch } from './watch.ts';

/** Everything one squeeze needs, all of it local. */
export interface SqueezeInput extends JobContext {
  readonly kind: 'squeeze' | 'checkpoint' | 'merge';
  /** The adapters that the weights come from; one but in a merge. */
  readonly sources: readonly Source[];
  /** Local path of the weights to squeeze, only read. */
  readonly weightsPath: string;
  /** null where the format has none. */
  readonly configBytes: Uint8Array | null;
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** Moments of the source's factors (safetensors, see readOptimizerState), only read. */
  readonly optimizer?: { readonly path: string; readonly mode: 'carry' | 'reset' };
  /** What dtype "match" means, where that is not the dtype of the weights. */
  readonly matchDtype?: DtypeName;
  /** What the results should warn of besides what is found here. */
  readonly warnings?: readonly string[];
}

/**
 * Squeezes one adapter to all its targets: pass 1 takes every module apart, ranks are chosen, pass 2 writes.
 * Each pass reads the weights once, a chunk of a module a thread at a time; only spectra stay in memory in between.
 * @throws AppError for everything that is wrong with the input or the result, CANCELLED when the signal fires
 */
export async function squeeze(input: SqueezeInput, pool: ComputePool): Promise<JobOutcome> {
  const startedMs = performance.now();
  const watch = new Watch(input.onProgress, input.signal);
  watch.begin('load', 0);
  const { adapter, weightsPath, residuals, isConverted } = await openSource(
    input,
    input.scratchDir,
    pool,
    watch,
  );
  const { modules } = adapter;
  const applied = input.targets.map((target) => matching(applyProfile(target), input.matchDtype));
  for (const { target } of applied) refuseUnwritable(adapter, target);
  const method = chooseMethod(
    modules,
    applied.map(({ target }) => target),
    input.options,
    applied.map(({ limits }) => limits),
  );
  const sourceFiles = [
    { name: formatOf(adapter.format).weightsName, bytes: (await stat(input.weightsPath)).size },
    ...(input.configBytes ? [{ name: CONFIG_FILE, bytes: input.configBytes.length }] : []),
  ];
  const optimizer = input.optimizer
    ? { ...input.optimizer, state: await readOptimizerState(input.optimizer.path, adapter) }
    : null;

  watch.begin('gram', modules.length);
  const slots = slotsFor(
    join(input.scratchDir, 'directions'),
    modules.map((module) => ({ rank: module.rank, count: method.decomposerFor(module).keep })),
  );
  const decompositions = withResiduals(
    modules,
    await decomposeAll(weightsPath, modules, method, slots, pool, watch),
    residuals,
  );

  const job = { input, adapter, isConverted, decompositions, method, sourceFiles, slots, optimizer };
  const runs = applied.map((one, index) => new TargetRun(job, index, one));
  const outputs = runs.flatMap(({ output }) => (output ? [output] : []));
  watch.begin('project', modules.length);
  await watch.clocked('write', async () => {
    for (const output of outputs) await output.create(weightsPath);
    for (const { training } of runs) await training?.create();
  });
  const written = await projectAll(weightsPath, modules, slots, outputs, pool, watch);
  for (const { training } of runs) if (training) await carryAll(training, pool, watch);

  watch.begin('write', modules.length);
  const copied = modules.map(() => null);
  const finished = await watch.clocked('write', async () => {
    const results: Awaited<ReturnType<TargetRun['finish']>>[] = [];
    for (const run of runs) {
      results.push(await run.finish(run.output ? written[outputs.indexOf(run.output)]! : copied));
    }
    return results;
  });
  watch.begin('done', modules.length);

  const timings = watch.timings(pool.provider.threads, (performance.now() - startedMs) / 1000);
  const { requested, used, oversampling, power_iterations, seed } = method;
  const targets = finished.map(({ outcome }) => outcome);
  return {
    targets,
    report: {
      job_id: '',
      created_at: new Date().toISOString(),
      product: PRODUCT,
      kind: input.kind,
      sources: [...input.sources],
      method: { requested, used, oversampling, power_iterations, seed },
      provider: pool.provider,
      timings,
      modules: describeSpectra(adapter, decompositions),
      targets: finished.map(({ report }) => ({ ...report, adapter_id: '' })),
      analysis: null,
      notes: notesOn(method),
    },
    provider: pool.provider,
    timings,
    modules: modules.length,
    bytesRead: input.sources.reduce((sum, source) => sum + source.bytes, 0),
    bytesWritten: targets.reduce((sum, { files }) => sum + (files?.[0]?.bytes ?? 0), 0),
  };
}

/** With "match" spelled out, where it does not mean the dtype of the weights. */
function matching(applied: AppliedTarget, dtype: SqueezeInput['matchDtype']): AppliedTarget {
  const { target } = applied;
  const isOpen = target.dtype === undefined || target.dtype === 'match';
  return dtype && isOpen ? { ...applied, target: { ...target, dtype } } : applied;
}

/** Plans the result at the ranks there are, so that what cannot be written fails before the work is done. */
function refuseUnwritable(adapter: Adapter, target: Target): void {
  const ranks = adapter.modules.map(({ rank }) => rank);
  const { adapter: written } = writtenAdapter(adapter, target);
  formatOf(written.format).plan(written, planModules(written, target, ranks), {
    scale: scaleModeOf(target),
    provenance: new Map(),
  });
}
