import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobFailure } from './job-failure.ts';
import { Target } from './target.ts';

/** Field of a request that asks for a dry run, which Google's AIP-163 calls validate_only. */
export const DryRun = Type.Boolean({
  $id: 'DryRun',
  default: false,
  description:
    'Returns a forecast and executes nothing. A request that would be refused is refused in the same way; ' +
    'otherwise the response is 200 and has the same type, with the `id` "dry_run" and, for jobs and batches, a ' +
    '`forecast`. Nothing is stored or queued, and no webhooks are sent.',
});

/** The id in the answer to a dry run; no record has it. */
export const DRY_RUN_ID = 'dry_run';

export const TargetForecast = Type.Object(
  {
    target: Target,
    rank: nullable(
      Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
      { description: 'null: the rank depends on singular values that are not known' },
    ),
    parameters: nullable(Type.Integer(), { description: 'Parameters in the LoRA factors' }),
    bytes: nullable(Type.Integer(), { description: 'Size of the weights file' }),
    relative_error: nullable(Type.Number(), {
      description:
        'The smallest possible ‖ΔW − ΔW′‖_F / ‖ΔW‖_F with these ranks, before rounding to a dtype; null ' +
        'if the singular values are not known',
    }),
    basis: nullable(choice(['shapes', 'spectra']), {
      description:
        'What the numbers are based on: the shapes of the modules, or also the singular values in the report of ' +
        'an earlier job of the same weights; null if there are no numbers',
    }),
    warnings: Type.Array(Type.String()),
    error: nullable(JobFailure, { description: 'Why this target would fail' }),
  },
  { $id: 'TargetForecast', additionalProperties: false, description: 'The forecast for a target' },
);
export type TargetForecast = Static<typeof TargetForecast>;

export const JobForecast = Type.Object(
  {
    reused: Type.Boolean({ description: 'Whether the work is already done or in progress for another job' }),
    starts_in_seconds: nullable(Type.Integer({ minimum: 0 }), {
      description: 'Estimated time until the job starts; null while there are no workers',
    }),
    seconds: nullable(Type.Number({ minimum: 0 }), {
      description:
        'Estimated duration of the work of the job, without fetching and delivering; 0 if it is already ' +
        'done. null while there are no workers, if nothing is computed, or if the adapter still has to be ' +
        'fetched',
    }),
    targets: Type.Array(TargetForecast, { description: 'One for each target, in the same order' }),
  },
  { $id: 'JobForecast', additionalProperties: false, description: 'The forecast for a job' },
);
export type JobForecast = Static<typeof JobForecast>;

/** Largest number of refused items that a forecast lists. */
export const MAX_REFUSED_SHOWN = 100;

export const BatchForecast = Type.Object(
  {
    refused: Type.Array(
      Type.Object(
        {
          index: Type.Integer({ minimum: 0, description: 'Position in the request, from 0' }),
          name: Type.String(),
          code: Type.String(),
          detail: Type.String(),
        },
        { $id: 'RefusedItem', additionalProperties: false },
      ),
      {
        maxItems: MAX_REFUSED_SHOWN,
        description: `The first ${MAX_REFUSED_SHOWN} of the items that would fail immediately; \`counts.failed\` is their number`,
      },
    ),
    unknown: Type.Integer({
      minimum: 0,
      description:
        'Number of items about which nothing is known in advance, usually those that still have to be fetched',
    }),
    reused: Type.Integer({
      minimum: 0,
      description: 'Number of items whose work is already done or in progress for other jobs',
    }),
    rank: nullable(
      Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
      { description: 'Smallest and largest rank of all results; null if none is known' },
    ),
    parameters: Type.Integer({
      minimum: 0,
      description: 'Sum of the parameters of all results whose ranks are known',
    }),
    bytes: Type.Integer({ minimum: 0, description: 'Sum of the sizes of their weights files' }),
    seconds: nullable(Type.Number({ minimum: 0 }), {
      description:
        'Estimated time in which one worker runs all items with an estimate; null without any, or without workers',
    }),
  },
  { $id: 'BatchForecast', additionalProperties: false, description: 'The forecast for a batch' },
);
export type BatchForecast = Static<typeof BatchForecast>;
