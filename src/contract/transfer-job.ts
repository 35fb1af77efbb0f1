import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobFailure } from './job-failure.ts';
import { ImportSettings } from './result-settings.ts';
import { Delivery, Import, RecordedSink, RecordedSource, Sink, Source } from './transfer.ts';

export const MAX_TARGETS = 16;
const AdapterId = Type.String({ minLength: 1, maxLength: 128 });
const closed = { additionalProperties: false };

/** The fields that identify an adapter: a stored one, or the source from which to import it. */
export const ONE_ADAPTER = {
  adapter_id: Type.Optional(AdapterId),
  source: Type.Optional(Source),
} as const;
export const RECORDED_ADAPTER = {
  adapter_id: Type.Optional(AdapterId),
  source: Type.Optional(RecordedSource),
} as const;

const targetIndex = Type.Integer({
  minimum: 0,
  maximum: MAX_TARGETS - 1,
  default: 0,
  description: 'Position of the target, from 0',
});

/** Files that can be exported besides weights and configuration. */
const INCLUDED = ['report', 'card'] as const;
const Include = Type.Array(choice(INCLUDED), {
  maxItems: INCLUDED.length,
  uniqueItems: true,
  default: ['card'],
  description: 'Other files to deliver: the report of the job as report.json, the card (if any) as README.md',
});
export type Include = Static<typeof Include>;

const ONE_DESTINATION = [
  Type.Object(
    { to: Sink, include: Type.Optional(Include) },
    {
      $id: 'Destination',
      ...closed,
      description: 'One sink for all targets; if there are several targets, each gets a folder of its own',
    },
  ),
  Type.String({
    pattern: '^(s3|hf|https?)://[^\\u0000-\\u001f\\u007f]+$',
    maxLength: 8192,
    description: 'The same, as text',
    examples: ['s3://models/out'],
  }),
] as const;

/** Where finished results are exported to. */
export const Deliver = Type.Union(
  [
    Type.Array(
      Type.Object(
        { target: Type.Optional(targetIndex), to: Sink, include: Type.Optional(Include) },
        { $id: 'DeliverRequest', ...closed, description: 'A sink for one result' },
      ),
      { minItems: 1, maxItems: MAX_TARGETS },
    ),
    ...ONE_DESTINATION,
  ],
  {
    description:
      'Where to deliver the results, as a part of the job. One sink is for all targets: the files of a ' +
      'single target are delivered to it directly; if there are several, each gets a folder there, such as ' +
      '`r16`. A list names a sink for each target.',
  },
);
export type Deliver = Static<typeof Deliver>;

/** Where the results of a batch are exported to. */
export const DeliverPrefix = Type.Union([...ONE_DESTINATION], {
  $id: 'DeliverPrefix',
  description:
    'A folder for all results. The results of each item go to a folder with its `name`; if there are several ' +
    'targets, each gets a folder below that, such as `r16`',
});
export type DeliverPrefix = Static<typeof DeliverPrefix>;
export const RecordedDeliver = Type.Array(
  Type.Object(
    { target: targetIndex, to: RecordedSink, include: Type.Optional(Include) },
    { $id: 'RecordedDeliver', ...closed },
  ),
);
export type RecordedDeliver = Static<typeof RecordedDeliver>;

export const ImportJobRequest = Type.Object(
  { kind: Type.Literal('import'), source: Source, results: Type.Optional(ImportSettings) },
  { ...closed, description: 'Fetches an adapter; `imported.adapter_id` of the job is then its id' },
);
export const RecordedImportRequest = Type.Object(
  { kind: Type.Literal('import'), source: RecordedSource, results: Type.Optional(ImportSettings) },
  { $id: 'RecordedImportJobRequest', ...closed },
);

export const ExportJobRequest = Type.Object(
  { kind: Type.Literal('export'), adapter_id: AdapterId, to: Sink, include: Type.Optional(Include) },
  { ...closed, description: 'Delivers an adapter to a sink' },
);
export const RecordedExportRequest = Type.Object(
  { kind: Type.Literal('export'), adapter_id: AdapterId, to: RecordedSink, include: Type.Optional(Include) },
  { $id: 'RecordedExportJobRequest', ...closed },
);

/** The adapter that a job imported. */
export const ImportedAdapter = Type.Object(
  { adapter_id: Type.String(), ...Import.properties },
  { $id: 'ImportedAdapter', ...closed, description: 'How the adapter of this job was fetched' },
);
export type ImportedAdapter = Static<typeof ImportedAdapter>;

/** The export of a result, or of an adapter. */
export const DeliveredAdapter = Type.Object(
  {
    state: choice(['pending', 'succeeded', 'failed'], {
      description: 'State of this delivery; POST /v1/jobs/{id}/deliveries/retry repeats failed ones',
    }),
    target: nullable(targetIndex, {
      description: 'Position of the target; null for an export',
    }),
    adapter_id: nullable(Type.String(), { description: 'null: the adapter does not exist yet' }),
    kind: Delivery.properties.kind,
    place: Delivery.properties.place,
    commit: Delivery.properties.commit,
    bytes: nullable(Delivery.properties.bytes),
    files: Delivery.properties.files,
    finished_at: nullable(Delivery.properties.finished_at),
    error: nullable(JobFailure),
  },
  { $id: 'DeliveredAdapter', ...closed },
);
export type DeliveredAdapter = Static<typeof DeliveredAdapter>;
