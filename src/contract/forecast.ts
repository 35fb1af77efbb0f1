import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobFailure } from './job-failure.ts';
import { Target } from './target.ts';

/** Part of a request that may be asked about first: what Google's AIP-163 calls validate_only. */
export const DryRun = Type.Boolean({
  $id: 'DryRun',
  default: false,
  description:
    'Answers what the same request would come to, and does nothing: what would be refused is refused in the same way, ' +
    'else the answer is 200 and of the same type, with the `id` "dry_run" and, of jobs and batches, a `forecast`. Nothing is stored, ' +
    'queued or told to webhooks.',
});

/** The id of what was asked about only: there is nothing under it. */
export const DRY_RUN_ID = 'dry_run';

export const TargetForecast = Type.Object(
  {
    target: Target,
    rank: nullable(
      Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
      { description: 'null: it depends on singular values that are not known' },
    ),
    parameters: nullable(Type.Integer(), { description: 'Parameters in the LoRA factors' }),
    bytes: nullable(Type.Integer(), { description: 'Size of the weights file' }),
    relative_error: nullable(Type.Number(), {
      description:
        'The least ‖ΔW − ΔW′‖_F / ‖ΔW‖_F that these ranks can have, before rounding to a dtype; null where the singular ' +
        'values are not known',
    }),
    basis: nullable(choice(['shapes', 'spectra']), {
      description:
        'What the numbers follow from: the shapes of the modules, or also the singular values that the report of an ' +
        'earlier job of the same weights has; null where there are none',
    }),
    warnings: Type.Array(Type.String()),
    error: nullable(JobFailure, { description: 'Why this target would fail' }),
  },
  { $id: 'TargetForecast', additionalProperties: false, description: 'What a target would come to' },
);
export type TargetForecast = Static<typeof TargetForecast>;

export const JobForecast = Type.Object(
  {
    reused: Type.Boolean({ description: 'Whether its work has been done, or is under way, for another job' }),
    starts_in_seconds: nullable(Type.Integer({ minimum: 0 }), {
      description: 'About how long until it begins; null while there are no workers',
    }),
    seconds: nullable(Type.Number({ minimum: 0 }), {
      description:
        'About how long its work takes, without what is fetched and brought elsewhere; 0 where it has been done. null ' +
        'while there are no workers, where nothing is computed, and where the adapter is still to be fetched',
    }),
    targets: Type.Array(TargetForecast, { description: 'One for each target, in their order' }),
  },
  { $id: 'JobForecast', additionalProperties: false, description: 'What a job would come to' },
);
export type JobForecast = Static<typeof JobForecast>;

/** Refused items that a forecast names. */
export const MAX_REFUSED_SHOWN = 100;

export const BatchForecast = Type.Object(
  {
    refused: Type.Array(
      Type.Object(
        {
          index: Type.Integer({ minimum: 0, description: 'Its place in the request' }),
          name: Type.String(),
          code: Type.String(),
          detail: Type.String(),
        },
        { $id: 'RefusedItem', additionalProperties: false },
      ),
      {
        maxItems: MAX_REFUSED_SHOWN,
        description: `Items that would fail at once, the first ${MAX_REFUSED_SHOWN}; \`counts.failed\` has how many there are`,
      },
    ),
    unknown: Type.Integer({
      minimum: 0,
      description:
        'Items of which nothing is known before their work: those that are still to be fetched, as a rule',
    }),
    reused: Type.Integer({
      minimum: 0,
      description: 'Items whose work has been done, or is under way, for other jobs',
    }),
    rank: nullable(
      Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
      { description: 'The smallest and the largest rank of all results; null where none is known' },
    ),
    parameters: Type.Integer({ minimum: 0, description: 'Of all results whose ranks are known' }),
    bytes: Type.Integer({ minimum: 0, description: 'The same of the files of their weights' }),
    seconds: nullable(Type.Number({ minimum: 0 }), {
      description:
        'About how long the work of the others takes one worker, all together; null while there are no workers',
    }),
  },
  { $id: 'BatchForecast', additionalProperties: false, description: 'What a batch would come to' },
);
export type BatchForecast = Static<typeof BatchForecast>;
