import type { JobRecord, SucceededResult } from '../../src/contract/job.ts';
import type { JobKind } from '../../src/contract/job-request.ts';
import type { ModuleSpectrum, Report, SucceededTargetReport } from '../../src/contract/report.ts';
import type { Target } from '../../src/contract/target.ts';
import type { ReportInput } from '../../src/report/report-input.ts';

export interface ReportSpec {
  readonly modules: number;
  /** Singular values of each module. */
  readonly rank?: number;
  readonly targets?: readonly Target[];
  readonly kind?: JobKind;
  readonly nameOf?: (index: number) => string;
  readonly baseModel?: string | null;
  readonly warnings?: readonly string[];
  readonly sources?: number;
}

const PROJECTIONS = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.up_proj',
];
export const layerName = (index: number): string =>
  `model.layers.${Math.floor(index / PROJECTIONS.length)}.${PROJECTIONS[index % PROJECTIONS.length]}`;

const SHA256 = '4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const JOB_ID = `job_${'0'.repeat(32)}`;

/** A report with consistent numbers: σ_i = 1/i^p, and the loss of the best approximation of each rank. */
export function buildReportInput({
  modules: count,
  rank = 16,
  targets = [{ rank: Math.max(1, rank >> 1) }],
  kind = 'squeeze',
  nameOf = layerName,
  baseModel = 'example/base-7b',
  warnings = [],
  sources = 1,
}: ReportSpec): ReportInput {
  const modules = Array.from({ length: count }, (_, index) =>
    spectrum(nameOf(index), rank, 0.6 + (index % 7) / 10),
  );
  const isAnalysis = kind === 'analyze';
  const targetReports = isAnalysis
    ? []
    : targets.map((target, index) => targetReport(target, index, modules));
  const results = targetReports.map((one, index) => result(one, rank, index === 0 ? warnings : []));
  const report: Report = {
    job_id: JOB_ID,
    created_at: '2026-11-28T09:00:00.000Z',
    product: { name: 'LoRA-Squeeze', version: '0.1.0' },
    kind,
    sources: Array.from({ length: sources }, (_, index) => ({
      id: `ad_${String(index).repeat(32).slice(0, 32)}`,
      sha256: SHA256,
      bytes: 40_000_000,
      base_model: baseModel,
      weight: kind === 'merge' ? 0.5 : 1,
    })),
    method: { requested: 'rsvd', used: 'exact', oversampling: 10, power_iterations: 'auto', seed: 7 },
    provider: {
      name: 'cpu',
      requested: 'auto',
      threads: 2,
      onnxruntime: '1.30.0',
      fallback_reason: 'no CUDA device',
    },
    timings: { queue_wait: 0.01, load: 0.2, gram: 1.5, core: 0.4, project: 0.3, write: 0.1, total: 2.6 },
    modules,
    targets: targetReports,
    analysis: isAnalysis ? analysis(modules) : null,
    notes: ['The error is of ΔW, not of what a model says.'],
  };
  return { job: jobOf(report, results), report, adapters: [] };
}

export function jobOf(report: Report, results: readonly SucceededResult[]): JobRecord {
  return {
    id: report.job_id,
    kind: report.kind,
    state: 'succeeded',
    progress: { phase: 'done', done: 1, total: 1, module: null },
    created_at: report.created_at,
    started_at: report.created_at,
    finished_at: report.created_at,
    attempts: 1,
    name: null,
    labels: {},
    priority: 'normal',
    ttl_seconds: null,
    expires_at: null,
    batch_id: null,
    retry_of: null,
    webhook_id: null,
    reused: false,
    request: { kind: 'analyze', adapter_id: report.sources[0]!.id },
    imported: null,
    results: [...results],
    deliveries: [],
    timings: report.timings,
    provider: report.provider,
    error: null,
  };
}

function spectrum(name: string, rank: number, power: number): ModuleSpectrum {
  const sigma = Array.from({ length: rank }, (_, index) => (index + 1) ** -power);
  const energy = sigma.reduce((sum, value) => sum + value ** 2, 0);
  let kept = 0;
  return {
    name,
    kind: 'linear',
    shape: [4096, 4096],
    rank,
    scale: 2,
    energy,
    singular_values: sigma,
    energy_curve: sigma.map((value, index) => {
      kept += value ** 2;
      return index === rank - 1 ? 1 : kept / energy;
    }),
    power_iterations: 0,
  };
}

function targetReport(
  target: Target,
  index: number,
  modules: readonly ModuleSpectrum[],
): SucceededTargetReport {
  const rank = 'rank' in target ? target.rank : 2;
  const results = modules.map(({ name, energy_curve: curve }) => {
    const energy = curve[Math.min(rank, curve.length) - 1]!;
    const error = Math.sqrt(1 - energy);
    return {
      name,
      rank,
      relative_error: error,
      optimal_error: index === 1 ? null : error,
      energy_retained: energy,
      passthrough: false,
    };
  });
  const [lost, all] = modules.reduce(
    ([sum, total], { energy }, at) => [sum + energy * results[at]!.relative_error ** 2, total + energy],
    [0, 0],
  );
  const relative_error = Math.sqrt(lost / all);
  const mean = Math.sqrt(results.reduce((sum, one) => sum + one.relative_error ** 2, 0) / results.length);
  return {
    target,
    state: 'succeeded',
    adapter_id: `ad_${String(index).repeat(32)}`,
    relative_error,
    energy_retained: 1 - relative_error ** 2,
    module_relative_error: mean,
    module_energy_retained: 1 - mean ** 2,
    expected_loss: null,
    modules: results,
  };
}

function result(
  { target, adapter_id, size: _size, modules, ...closeness }: SucceededTargetReport,
  before: number,
  warnings: readonly string[],
): SucceededResult {
  const worst = modules.reduce((most, one) => (one.relative_error > most.relative_error ? one : most));
  const { rank } = worst;
  const bytes = Math.round((40_000_000 * rank) / before);
  return {
    target,
    adapter_id,
    format: 'peft',
    rank: { min: rank, max: rank },
    bytes,
    size: [
      { what: 'lora', tensors: 2 * modules.length, bytes: bytes - 1000 },
      { what: 'heads', tensors: 1, bytes: 1000 },
    ],
    parameters: bytes >> 1,
    ...closeness,
    worst_module: { name: worst.name, relative_error: worst.relative_error },
    warnings: [...warnings],
    serving:
      target.profile === undefined
        ? null
        : {
            profile: target.profile,
            loads: false,
            rules: [
              { rule: 'max-rank', passed: true, detail: 'Rank 8; 64 is allowed.' },
              { rule: 'base-model', passed: false, detail: 'The configuration names no base model.' },
            ],
          },
    training: null,
  };
}

function analysis(modules: readonly ModuleSpectrum[]): Report['analysis'] {
  const rank = 4;
  const recommendation = {
    target: { rank },
    rank: { min: rank, max: rank },
    relative_error: 0.3,
    module_relative_error: 0.35,
    parameters: 1_000_000,
    bytes: 2_000_000,
    reason: 'The smallest rank with an error of 30 % at most.',
  };
  return {
    curve: Array.from({ length: modules[0]!.rank }, (_, index) => ({
      rank: index + 1,
      relative_error: 0.9 ** (index + 1),
      module_relative_error: 0.92 ** (index + 1),
      worst_module_error: 0.95 ** (index + 1),
      parameters: 250_000 * (index + 1),
      bytes: 500_000 * (index + 1),
    })),
    uniform: recommendation,
    budget: { ...recommendation, target: { budget_bytes: 2_000_000 }, rank: { min: 1, max: 9 } },
    modules: modules.map(({ name }, index) => ({
      name,
      effective_rank: 5.25,
      stable_rank: 1.5,
      knee: 3,
      verdict: (['compressible', 'resists', 'dead'] as const)[index % 3]!,
    })),
  };
}
