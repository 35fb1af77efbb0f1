import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter } from '../adapter/adapter.ts';
import type { JobResult, Phase, ProviderInfo, SqueezeOptions, Timings } from '../contract/job.ts';
import type { Report, TargetReport } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import { planPeftOutput } from '../formats/peft/write-peft.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { PRODUCT } from '../version.ts';
import type { ComputePool } from './compute/pool.ts';
import { decomposeAll } from './decompose-all.ts';
import { describeResult, describeSpectra, notesOn, rankWarnings } from './describe.ts';
import { measure } from './measure.ts';
import { chooseMethod, type Method } from './method.ts';
import { changesNothing, Output, planModules, scaleModeOf } from './output.ts';
import { projectAll } from './project-all.ts';
import { selectRanks } from './select-ranks.ts';
import { Watch } from './watch.ts';

/** Everything one squeeze needs, all of it local. */
export interface SqueezeInput {
  readonly jobId: string;
  readonly adapterId: string;
  /** Local path of the source weights (safetensors), only read. */
  readonly weightsPath: string;
  readonly weightsSha256: string;
  readonly configBytes: Uint8Array;
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** Folder for the output files; made and removed by the caller. */
  readonly scratchDir: string;
  /** Called often; the receiver throttles. */
  readonly onProgress: (progress: {
    phase: Phase;
    done: number;
    total: number;
    module: string | null;
  }) => void;
  readonly signal: AbortSignal;
}

export interface OutputFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** One target's result; `files` is null when the source already satisfies the target and is itself the result. */
export interface TargetOutcome {
  readonly result: Omit<JobResult, 'adapter_id'>;
  readonly files: readonly OutputFile[] | null;
}

export interface SqueezeOutcome {
  readonly targets: readonly TargetOutcome[];
  /** The report without adapter ids of the results, in the order of `targets`; the caller fills them in. */
  readonly report: Report;
  readonly provider: ProviderInfo;
  /** queue_wait is 0 here; the caller knows it. */
  readonly timings: Timings;
  /** Totals for the metrics. */
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/**
 * Squeezes one adapter to all its targets: pass 1 takes every module apart, ranks are chosen, pass 2 writes.
 * Each pass reads the weights once, one module a thread at a time; only r×l matrices stay in memory between them.
 * @throws AppError for everything that is wrong with the input or the result, CANCELLED when the signal fires
 */
export async function squeeze(input: SqueezeInput, pool: ComputePool): Promise<SqueezeOutcome> {
  const startedMs = performance.now();
  const { weightsPath, targets } = input;
  const watch = new Watch(input.onProgress, input.signal);
  watch.begin('load', 0);
  const { adapter } = await readAdapter(weightsPath, input.configBytes);
  const { modules } = adapter;
  for (const target of targets) refuseUnwritable(adapter, target);
  const method = chooseMethod(modules, targets, input.options);
  const { size: sourceBytes } = await stat(weightsPath);

  watch.begin('gram', modules.length);
  const decompositions = await decomposeAll(weightsPath, modules, method, pool, watch);

  const results = targets.map((target, index) => {
    const plans = planModules(adapter, target, selectRanks(target, modules, decompositions));
    const isUnchanged = changesNothing(plans);
    const output = isUnchanged
      ? null
      : new Output(
          adapter,
          plans,
          scaleModeOf(target),
          provenance(input, target, method),
          join(input.scratchDir, `${index}`),
        );
    return { target, plans, output };
  });
  const outputs = results.flatMap(({ output }) => (output ? [output] : []));
  watch.begin('project', modules.length);
  await watch.clocked('write', async () => {
    for (const output of outputs) await output.create(weightsPath);
  });
  const measured = await projectAll(weightsPath, modules, decompositions, outputs, pool, watch);

  watch.begin('write', modules.length);
  const outcomes: TargetOutcome[] = [];
  const targetReports: TargetReport[] = [];
  for (const { target, plans, output } of results) {
    const files = output ? await watch.clocked('write', () => output.finish()) : null;
    const found = output ? measured[outputs.indexOf(output)]! : modules.map(() => null);
    const closeness = measure(plans, scaleModeOf(target), decompositions, found);
    const bytes = files ? files[0]!.bytes : sourceBytes;
    const warnings = [...adapter.warnings, ...rankWarnings(plans, output === null)];
    const result = describeResult(target, plans, closeness, bytes, warnings);
    outcomes.push({ result, files });
    targetReports.push({
      target,
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
    adapter: {
      id: input.adapterId,
      sha256: input.weightsSha256,
      bytes: sourceBytes,
      base_model: adapter.baseModel,
    },
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
    notes: notesOn(method),
  };
  const written = outcomes.reduce((sum, { files }) => sum + (files?.[0]?.bytes ?? 0), 0);
  return {
    targets: outcomes,
    report,
    provider: pool.provider,
    timings,
    modules: modules.length,
    bytesRead: sourceBytes,
    bytesWritten: written,
  };
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
    ['lora_squeeze.source_sha256', input.weightsSha256],
    ['lora_squeeze.method', method.used],
    ['lora_squeeze.target', JSON.stringify(target)],
    [
      'lora_squeeze.options',
      JSON.stringify({ method: method.requested, oversampling, power_iterations, seed }),
    ],
  ]);
}
