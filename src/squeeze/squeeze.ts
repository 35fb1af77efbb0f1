import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter } from '../adapter/adapter.ts';
import type { SqueezeOptions } from '../contract/job.ts';
import type { Report, TargetReport } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import { planPeftOutput } from '../formats/peft/write-peft.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { type AppliedTarget, applyProfile } from '../serving/apply-profile.ts';
import { PRODUCT } from '../version.ts';
import { slotsFor } from './compute/directions-file.ts';
import type { ComputePool } from './compute/pool.ts';
import { decomposeAll } from './decompose-all.ts';
import { describeResult, describeSpectra, notesOn, rankWarnings } from './describe.ts';
import type { JobContext, JobOutcome, Source, TargetOutcome } from './job-context.ts';
import { measure } from './measure.ts';
import { chooseMethod, type Method } from './method.ts';
import { changesNothing, Output, planModules, scaleModeOf, splitOf } from './output.ts';
import { projectAll } from './project-all.ts';
import { selectRanks } from './select-ranks.ts';
import { needsFolding, verdictOnResult, verdictOnSource } from './serving-verdict.ts';
import { Watch } from './watch.ts';

/** Everything one squeeze needs, all of it local. */
export interface SqueezeInput extends JobContext {
  readonly kind: 'squeeze' | 'merge';
  /** The adapters that the weights come from; one but in a merge. */
  readonly sources: readonly Source[];
  /** Local path of the weights to squeeze (safetensors), only read. */
  readonly weightsPath: string;
  readonly configBytes: Uint8Array;
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** What dtype "match" means, where that is not the dtype of the weights. */
  readonly matchDtype?: 'float32' | 'float16' | 'bfloat16';
  /** What the results should warn of besides what is found here. */
  readonly warnings?: readonly string[];
}

/**
 * Squeezes one adapter to all its targets: pass 1 takes every module apart, ranks are chosen, pass 2 writes.
 * Each pass reads the weights once, one module a thread at a time; only r×l matrices stay in memory between them.
 * @throws AppError for everything that is wrong with the input or the result, CANCELLED when the signal fires
 */
export async function squeeze(input: SqueezeInput, pool: ComputePool): Promise<JobOutcome> {
  const startedMs = performance.now();
  const { weightsPath, targets } = input;
  const watch = new Watch(input.onProgress, input.signal);
  watch.begin('load', 0);
  const { adapter } = await readAdapter(weightsPath, input.configBytes);
  const { modules } = adapter;
  // A target as it was asked for is what is told; as its profile completes it, what is done.
  const applied = targets.map((target) => matching(applyProfile(target), input.matchDtype));
  for (const { target } of applied) refuseUnwritable(adapter, target);
  const method = chooseMethod(
    modules,
    applied.map(({ target }) => target),
    input.options,
    applied.map(({ limits }) => limits),
  );
  const { size: sourceBytes } = await stat(weightsPath);

  watch.begin('gram', modules.length);
  const slots = slotsFor(
    join(input.scratchDir, 'directions'),
    modules.map((module) => ({ rank: module.rank, count: method.decomposerFor(module).keep })),
  );
  const decompositions = await decomposeAll(weightsPath, modules, method, slots, pool, watch);

  const results = applied.map((one, index) => {
    const { target, limits } = one;
    const { ranks, warnings } = selectRanks(target, limits, modules, decompositions);
    const plans = planModules(adapter, target, ranks);
    const asItIs = verdictOnSource(one, adapter, sourceBytes, input.configBytes);
    // A merge is a new adapter in any case.
    const isUnchanged = input.kind === 'squeeze' && changesNothing(plans) && !needsFolding(target, asItIs);
    const output = isUnchanged
      ? null
      : new Output(
          adapter,
          plans,
          { scale: scaleModeOf(target), split: splitOf(target) },
          provenance(input, target, method),
          join(input.scratchDir, `${index}`),
        );
    return { one, asked: targets[index]!, plans, output, warnings, asItIs };
  });
  const outputs = results.flatMap(({ output }) => (output ? [output] : []));
  watch.begin('project', modules.length);
  await watch.clocked('write', async () => {
    for (const output of outputs) await output.create(weightsPath);
  });
  const measured = await projectAll(weightsPath, modules, slots, outputs, pool, watch);

  watch.begin('write', modules.length);
  const outcomes: TargetOutcome[] = [];
  const targetReports: TargetReport[] = [];
  for (const { one, asked, plans, output, warnings: rankChoice, asItIs } of results) {
    const files = output ? await watch.clocked('write', () => output.finish()) : null;
    const found = output ? measured[outputs.indexOf(output)]! : modules.map(() => null);
    const closeness = measure(plans, scaleModeOf(one.target), decompositions, found);
    const bytes = files ? files[0]!.bytes : sourceBytes;
    const warnings = [
      ...(input.warnings ?? []),
      ...adapter.warnings,
      ...rankChoice,
      ...rankWarnings(plans, output === null),
    ];
    const serving = files ? await verdictOnResult(one, files) : asItIs;
    const result = describeResult(asked, plans, closeness, bytes, warnings, serving);
    outcomes.push({ result, files });
    targetReports.push({
      target: asked,
      adapter_id: '',
      relative_error: result.relative_error,
      energy_retained: result.energy_retained,
      modules: [...closeness.modules],
    });
  }
  watch.begin('done', modules.length);

  const timings = watch.timings(pool.provider.threads, (performance.now() - startedMs) / 1000);
  const report: Report = {
    job_id: input.jobId,
    created_at: new Date().toISOString(),
    product: PRODUCT,
    kind: input.kind,
    sources: [...input.sources],
    method: {
      requested: method.requested,
      used: method.used,
      oversampling: method.oversampling,
      power_iterations: method.power_iterations,
      seed: method.seed,
    },
    provider: pool.provider,
    timings,
    modules: describeSpectra(adapter, decompositions),
    targets: targetReports,
    analysis: null,
    notes: notesOn(method),
  };
  const written = outcomes.reduce((sum, { files }) => sum + (files?.[0]?.bytes ?? 0), 0);
  return {
    targets: outcomes,
    report,
    provider: pool.provider,
    timings,
    modules: modules.length,
    bytesRead: input.sources.reduce((sum, source) => sum + source.bytes, 0),
    bytesWritten: written,
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
  planPeftOutput(adapter, planModules(adapter, target, ranks), {
    scale: scaleModeOf(target),
    provenance: new Map(),
  });
}

/** What the result's metadata tells of how it was made. No times and no ids: the same request, the same bytes. */
function provenance(input: SqueezeInput, target: Target, method: Method): Map<string, string> {
  const { oversampling, power_iterations, seed } = method;
  return new Map([
    ['lora_squeeze.version', PRODUCT.version],
    ...provenanceOfSources(input),
    ['lora_squeeze.method', method.used],
    ['lora_squeeze.target', JSON.stringify(target)],
    [
      'lora_squeeze.options',
      JSON.stringify({ method: method.requested, oversampling, power_iterations, seed }),
    ],
  ]);
}

function provenanceOfSources({ kind, sources }: SqueezeInput): [string, string][] {
  if (kind === 'squeeze') return sources.map(({ sha256 }) => ['lora_squeeze.source_sha256', sha256]);
  const told = sources.map(({ sha256, weight }) => ({ sha256, weight }));
  return [['lora_squeeze.sources', JSON.stringify(told)]];
}
