import type { ComputePool } from '../../compute/pool.ts';
import type { Analysis, ModuleAnalysis } from '../../contract/analysis.ts';
import { isDead } from '../../core/by-module.ts';
import { energyRank } from '../../core/policy/energy-rank.ts';
import { kneeRank } from '../../core/policy/knee-rank.ts';
import { effectiveRank, RESOLUTION, stableRank } from '../../core/spectrum.ts';
import { PRODUCT } from '../../version.ts';
import { describeSpectra } from '../describe.ts';
import type { JobContext, JobOutcome, SourceFiles } from '../job-context.ts';
import { chooseMethod } from '../method.ts';
import { openAdapter } from '../open-adapter.ts';
import { decomposeAll } from '../passes.ts';
import { ProgressTracker } from '../progress-tracker.ts';
import { residualWarnings, restOf, withResiduals } from '../residuals.ts';
import { type AnalyzedModule, analyzedModule, meanEnergyOf, rankCurve } from './analyzed-module.ts';
import { recommendBudget, recommendUniform } from './recommend.ts';

interface AnalyzeInput extends JobContext {
  readonly source: SourceFiles;
}

/** A module resists if keeping this share of its energy (31.6 % relative error) … */
const RESISTS_ENERGY = 0.9;
/** … needs more than this share of its rank: squeezing it saves little or loses much. */
const RESISTS_RANK_SHARE = 0.75;

/**
 * Analyzes an adapter without changing it: every module is decomposed by the exact method, reading the weights once,
 * and its spectrum shows what every rank would lose. Writes nothing.
 * @throws AppError for all faults of the adapter, CANCELLED if the signal is aborted
 */
export async function analyze(input: AnalyzeInput, pool: ComputePool): Promise<JobOutcome> {
  const startedMs = performance.now();
  const { weightsPath: sourcePath, configBytes, ...source } = input.source;
  const tracker = new ProgressTracker(input.onProgress, input.signal);
  tracker.begin('load', 0);
  const files = { weightsPath: sourcePath, configBytes };
  const { adapter, weightsPath, residuals } = await openAdapter(files, input.scratchDir, pool, tracker);
  const { modules } = adapter;
  const method = chooseMethod(modules, [], { method: 'exact' });

  tracker.begin('gram', modules.length);
  const pass = await decomposeAll({ weightsPath, modules, method, slots: null }, pool, tracker);
  const decompositions = withResiduals(modules, pass.decompositions, residuals);
  const analysis = analysisOf(
    modules.map((module, index) =>
      analyzedModule(module, decompositions[index]!.sigma, restOf(module, decompositions[index]!)),
    ),
  );
  tracker.begin('done', modules.length);

  const timings = tracker.timings(pool.provider.threads, (performance.now() - startedMs) / 1000);
  const { requested, used, oversampling, power_iterations, seed } = method;
  return {
    targets: [],
    report: {
      job_id: '',
      created_at: new Date().toISOString(),
      product: PRODUCT,
      kind: 'analyze',
      sources: [{ ...source, weight: 1 }],
      method: { requested, used, oversampling, power_iterations, seed },
      provider: pool.provider,
      timings,
      modules: describeSpectra(adapter, decompositions),
      targets: [],
      analysis,
      notes: [
        ...adapter.warnings,
        ...residualWarnings(modules, decompositions),
        'Errors are the least possible at each rank, before rounding to a dtype.',
        `Singular values below ${RESOLUTION} of a module's largest cannot be distinguished from zero and are given as 0.`,
      ],
    },
    provider: pool.provider,
    timings,
    modules: modules.length,
    bytesRead: source.bytes,
    bytesWritten: 0,
  };
}

function analysisOf(modules: readonly AnalyzedModule[]): Analysis {
  const curve = rankCurve(modules);
  const uniform = recommendUniform(modules, curve);
  const meanEnergy = meanEnergyOf(modules);
  return {
    curve,
    uniform,
    budget: recommendBudget(modules, uniform, curve),
    modules: modules.map((module) => judgeModule(module, meanEnergy)),
  };
}

/** @param meanEnergy mean of ‖ΔW‖² over the modules of the adapter */
export function judgeModule(module: AnalyzedModule, meanEnergy: number): ModuleAnalysis {
  const { name, sigma, rank, rest } = module;
  return {
    name,
    effective_rank: effectiveRank(sigma),
    stable_rank: stableRank(sigma, rest.energy),
    knee: kneeRank(sigma, rest),
    verdict: verdict(),
  };

  function verdict(): ModuleAnalysis['verdict'] {
    if (isDead(module.lost[0]!, meanEnergy)) return 'dead';
    return energyRank(sigma, RESISTS_ENERGY, rest.energy) > RESISTS_RANK_SHARE * rank
      ? 'resists'
      : 'compressible';
  }
}
