import { type Static, type TSchema, Type } from 'typebox';
import { BatchRecord } from './batch.ts';
import { choice, nullable, oneOf } from './choice.ts';
import { JobProgress, JobRecord } from './job.ts';
import { LABEL_FILTER, MAX_LABELS } from './labels.ts';
import { EVENT_TYPES, JOB_EVENT_TYPES, WebhookId } from './webhook.ts';

/** The types to which a stream of a tenant's events can be restricted. */
const STREAM_TYPES = [...EVENT_TYPES, 'job.progress'] as const;
export type StreamType = (typeof STREAM_TYPES)[number];

const MAX_ID_CHARACTERS = 128;
const closed = { additionalProperties: false };

export const EventQuery = Type.Object(
  {
    types: Type.Optional(
      Type.Array(choice(STREAM_TYPES), {
        minItems: 1,
        maxItems: 16,
        description: 'Only events of these types, separated by commas or repeated. Default: all',
      }),
    ),
    job_id: Type.Optional(Type.String({ maxLength: MAX_ID_CHARACTERS, description: 'Events of this job' })),
    batch_id: Type.Optional(
      Type.String({ maxLength: MAX_ID_CHARACTERS, description: 'Events of this batch and of its jobs' }),
    ),
    label: Type.Optional(
      Type.Array(Type.String({ pattern: LABEL_FILTER }), {
        maxItems: MAX_LABELS,
        description:
          'A label that the job or batch had at that time, as `name:value`; repeat it to require several labels',
        examples: [['team:search']],
      }),
    ),
  },
  { additionalProperties: false },
);
export type EventQuery = Static<typeof EventQuery>;

const OccurredAt = Type.String({ format: 'date-time' });
const SentAt = Type.String({ format: 'date-time', description: 'When the event was sent' });

/** The fields of a record without their descriptions, which the schema of the record already has. */
const undescribed = (fields: Readonly<Record<string, TSchema>>): Record<string, TSchema> =>
  Object.fromEntries(
    Object.entries(fields).map(
      ([name, { description: _said, ...field }]: [string, TSchema & { description?: string }]) => [
        name,
        field,
      ],
    ),
  );

/** Fields that only the record of a single job has; events leave them out. */
const OMITTED_FIELDS = ['queue_position', 'estimated_start_seconds', 'forecast'] as const;

/** The job in an event. An event is smaller than 20,000 bytes, so parts of a large job are left out. */
export type EventJob = Pick<JobRecord, 'id' | 'kind' | 'state'> &
  Partial<Omit<JobRecord, (typeof OMITTED_FIELDS)[number]>>;
export const EventJob = Type.Unsafe<EventJob>({
  ...Type.Object(undescribed(Type.Omit(Type.Partial(JobRecord), [...OMITTED_FIELDS]).properties)),
  required: ['id', 'kind', 'state'],
  $id: 'EventJob',
  ...closed,
  description: 'The `Job` at that time; `omitted` lists fields that are left out',
});

const Omitted = Type.Optional(Type.Array(Type.String(), { description: 'Fields that are left out' }));

export const JobStateEvent = Type.Object(
  {
    type: choice(JOB_EVENT_TYPES),
    timestamp: OccurredAt,
    data: Type.Object({ job: EventJob, omitted: Omitted }, closed),
  },
  { $id: 'JobStateEvent', ...closed },
);
export type JobStateEvent = Static<typeof JobStateEvent>;

export const BatchEndEvent = Type.Object(
  {
    type: choice(['batch.ended']),
    timestamp: OccurredAt,
    data: Type.Object({ batch: BatchRecord, omitted: Omitted }, closed),
  },
  { $id: 'BatchEndEvent', ...closed },
);
export type BatchEndEvent = Static<typeof BatchEndEvent>;

export const WebhookTestEvent = Type.Object(
  {
    type: choice(['webhook.test']),
    timestamp: OccurredAt,
    data: Type.Object({ webhook_id: WebhookId }, closed),
  },
  { $id: 'WebhookTestEvent', ...closed },
);
export type WebhookTestEvent = Static<typeof WebhookTestEvent>;

/** The body of every request to a receiver; it is smaller than 20,000 bytes. */
export const WebhookEvent = oneOf('type', [JobStateEvent, BatchEndEvent, WebhookTestEvent], {
  $id: 'WebhookEvent',
});
export type WebhookEvent = Static<typeof WebhookEvent>;

/** How far a job has come. It is sent only to open streams and never stored, so it has no id. */
export const ProgressEvent = Type.Object(
  {
    type: Type.Literal('job.progress'),
    timestamp: SentAt,
    data: Type.Object(
      { job_id: Type.String(), batch_id: nullable(Type.String()), progress: JobProgress },
      closed,
    ),
  },
  { $id: 'ProgressEvent', ...closed },
);
export type ProgressEvent = Static<typeof ProgressEvent>;

/** The first event of every stream, and the event that reports missing ones. */
export const StreamNotice = Type.Object(
  {
    type: choice(['stream.open', 'stream.gap'], {
      description:
        'stream.open: the stream contains everything that happens from here on, so records that you read ' +
        'afterwards are never older than the stream. stream.gap: events between `Last-Event-ID` and this ' +
        'one are no longer kept; read again the records that you follow',
    }),
    timestamp: SentAt,
    data: Type.Object(
      { last_event_id: nullable(Type.String(), { description: 'The `Last-Event-ID` of the request' }) },
      closed,
    ),
  },
  { $id: 'StreamNotice', ...closed },
);
export type StreamNotice = Static<typeof StreamNotice>;

const Id = Type.String({
  description: 'Position among the events of the service; later events have larger ids',
});

/** The `data` of an event, from which generated clients derive the type of a stream. */
export const StreamEventData = oneOf('type', [JobStateEvent, BatchEndEvent, ProgressEvent, StreamNotice], {
  $id: 'StreamEventData',
  description: 'Its `type` is the name of the event',
});

/** The events of a tenant's stream, one after another. */
export const StreamEvent = Type.Union(
  [
    Type.Object(
      { id: Id, event: choice(EVENT_TYPES), data: Type.Union([JobStateEvent, BatchEndEvent]) },
      { ...closed, description: 'An event with the same payload as for webhooks' },
    ),
    Type.Object(
      { event: Type.Literal('job.progress'), data: ProgressEvent },
      { ...closed, description: 'The newest progress of a job; some steps are left out' },
    ),
    Type.Object(
      { id: Id, event: choice(['stream.open', 'stream.gap']), data: StreamNotice },
      { ...closed, description: 'A message about the stream itself' },
    ),
  ],
  { $id: 'StreamEvent' },
);
export type StreamEvent = Static<typeof StreamEvent>;
