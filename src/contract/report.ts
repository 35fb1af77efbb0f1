import { type Static, Type } from 'typebox';
import { SizePart } from './adapter.ts';
import { Analysis } from './analysis.ts';
import { nullable, oneOf } from './choice.ts';
import { FailedResult, moduleErrorFields, ProviderInfo, Timings } from './job.ts';
import { JobKind } from './job-request.ts';
import { Target } from './target.ts';

/** Two integers, without `prefixItems`, which many gateways and generators do not know. */
export const MatrixShape = Type.Unsafe<[number, number]>(
  Type.Array(Type.Integer(), { minItems: 2, maxItems: 2, description: '[m, n] of ΔW' }),
);

/** The spectrum of one module of the source, including its scale: σ of ΔW = scale·B·A. */
export const ModuleSpectrum = Type.Object(
  {
    name: Type.String(),
    kind: Type.String(),
    shape: MatrixShape,
    rank: Type.Integer({ description: 'Rank of the source' }),
    scale: Type.Number(),
    energy: Type.Number({ description: '‖ΔW‖_F²' }),
    singular_values: Type.Array(Type.Number(), {
      description: 'Descending; all of them with the exact method, otherwise those of the sketch',
    }),
    energy_curve: Type.Array(Type.Number(), { description: 'Share of the energy kept at rank 1, 2, …' }),
    power_iterations: Type.Integer({
      description: 'Number of power iterations that were done; 0 with the exact method',
    }),
  },
  { $id: 'ModuleSpectrum', additionalProperties: false },
);
export type ModuleSpectrum = Static<typeof ModuleSpectrum>;

export const ModuleResult = Type.Object(
  {
    name: Type.String(),
    rank: Type.Integer({ description: 'The chosen rank' }),
    relative_error: Type.Number({
      description: '‖ΔW − ΔW′‖_F / ‖ΔW‖_F of the written factors, after rounding',
    }),
    optimal_error: nullable(Type.Number(), {
      description:
        'The smallest possible error of a matrix of this rank; null if the spectrum is not known in full',
    }),
    excess_bound: Type.Optional(
      nullable(Type.Number(), {
        description:
          'relative_error is at most 1 + excess_bound times the smallest possible error of a matrix of this rank; ' +
          'null: the error is due to rounding alone',
      }),
    ),
    energy_retained: Type.Number(),
    passthrough: Type.Boolean({
      description: 'The module already had this rank or less and was not changed',
    }),
  },
  { $id: 'ModuleResult', additionalProperties: false },
);
export type ModuleResult = Static<typeof ModuleResult>;

export const SucceededTargetReport = Type.Object(
  {
    target: Target,
    state: Type.Literal('succeeded'),
    adapter_id: Type.String(),
    relative_error: Type.Number(),
    energy_retained: Type.Number(),
    ...moduleErrorFields,
    size: Type.Optional(Type.Array(SizePart, { description: 'Size by kind of tensor in the weights file' })),
    modules: Type.Array(ModuleResult),
  },
  { $id: 'SucceededTargetReport', additionalProperties: false },
);
export type SucceededTargetReport = Static<typeof SucceededTargetReport>;

/** A target in a report: with all its modules, or with the error if it failed. */
export const TargetReport = oneOf('state', [SucceededTargetReport, FailedResult], { $id: 'TargetReport' });
export type TargetReport = Static<typeof TargetReport>;

export const Report = Type.Object(
  {
    job_id: Type.String(),
    created_at: Type.String({ format: 'date-time' }),
    product: Type.Object({ name: Type.String(), version: Type.String() }, { additionalProperties: false }),
    kind: JobKind,
    sources: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          sha256: Type.String(),
          bytes: Type.Integer(),
          base_model: nullable(Type.String()),
          license: Type.Optional(Type.String({ description: 'As in the adapter' })),
          weight: Type.Number({ description: '1 except in a merge' }),
        },
        { additionalProperties: false },
      ),
      { description: 'The adapters that the job read; one except in a merge' },
    ),
    method: Type.Object(
      {
        requested: Type.String(),
        used: Type.String({
          description: 'The method that was used; `exact` also if `rsvd` would not have been faster',
        }),
        oversampling: Type.Integer(),
        power_iterations: Type.Union([Type.Integer(), Type.Literal('auto')]),
        seed: Type.Integer(),
      },
      { additionalProperties: false },
    ),
    provider: ProviderInfo,
    timings: Timings,
    modules: Type.Array(ModuleSpectrum),
    targets: Type.Array(TargetReport, {
      description: 'In the order of the request, failed targets included',
    }),
    analysis: nullable(Analysis, { description: 'For a job of kind analyze' }),
    notes: Type.Array(Type.String(), { description: 'Limits of the numbers' }),
  },
  { $id: 'Report', additionalProperties: false },
);
export type Report = Static<typeof Report>;
