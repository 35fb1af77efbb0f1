import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { Labels } from './labels.ts';
import { listOf } from './page.ts';

export const JOB_EVENT_TYPES = [
  'job.queued',
  'job.started',
  'job.succeeded',
  'job.partial',
  'job.failed',
  'job.cancelled',
] as const;

/** Types of events that are delivered to receivers. */
export const EVENT_TYPES = [...JOB_EVENT_TYPES, 'batch.ended'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The events that a webhook gets by default: those that report the end of something. */
export const END_TYPES = [
  'job.succeeded',
  'job.partial',
  'job.failed',
  'job.cancelled',
  'batch.ended',
] as const satisfies readonly EventType[];

/** Types of deliveries: an event, or a requested test. */
const DELIVERY_TYPES = [...EVENT_TYPES, 'webhook.test'] as const;
export type DeliveryType = (typeof DELIVERY_TYPES)[number];

export const WebhookId = Type.String({
  description: 'Id of a webhook',
  examples: ['wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d'],
});
export const DeliveryId = Type.String({
  description: 'Id of the delivery, which is the header `webhook-id` of all its requests',
  examples: ['msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d'],
});

const Url = Type.String({
  minLength: 1,
  maxLength: 2048,
  description:
    'URL to which events are sent by POST: https on port 443 of a public server, or a host that the ' +
    'operator allows. For a webhook of a job, batch or run, only the host is shown.',
  examples: ['https://ml.example.com/hooks/lora-squeeze'],
});
const Events = Type.Array(choice(EVENT_TYPES), {
  minItems: 1,
  maxItems: EVENT_TYPES.length,
  uniqueItems: true,
  description:
    'Which events are sent. `job.queued`: a job was accepted, or waits for another attempt. ' +
    '`job.started`: an attempt started. All others report that a job or batch has ended',
});
const { $id: _name, ...anyLabels } = Labels as typeof Labels & { $id?: string };
const LabelFilter = {
  ...anyLabels,
  description: 'Only events of records with all of these labels are sent; {}: all events',
};
const Description = Type.String({ maxLength: 200, description: 'A description' });
const Enabled = Type.Boolean({ description: 'Whether events are sent' });

/** 24 to 64 bytes are 32 to 88 characters in base64. */
const WebhookSecret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,86}={0,2}$',
  description: 'Signs every request: `whsec_` and 24 to 64 random bytes in base64',
});

/** A webhook as any caller may see it, without its secret. */
export const WebhookRecord = Type.Object(
  {
    id: WebhookId,
    url: Url,
    events: Events,
    labels: LabelFilter,
    description: Description,
    enabled: Enabled,
    disabled_reason: nullable(Type.String(), {
      description:
        'Why the service stopped sending, which it does if the receiver answers 410; null otherwise',
    }),
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Webhook', additionalProperties: false },
);
export type WebhookRecord = Static<typeof WebhookRecord>;

export const WebhookRequest = Type.Object(
  {
    url: Url,
    events: Type.Optional({ ...Events, default: [...END_TYPES] }),
    labels: Type.Optional({ ...LabelFilter, default: {} }),
    description: Type.Optional({ ...Description, default: '' }),
    enabled: Type.Optional({ ...Enabled, default: true }),
    secret: Type.Optional(WebhookSecret),
  },
  { $id: 'WebhookRequest', additionalProperties: false },
);
export type WebhookRequest = Static<typeof WebhookRequest>;

/** A webhook for one request: for the job, batch or run that it creates. */
export const RequestWebhook = Type.Object(
  {
    url: Url,
    events: Type.Optional({
      ...Events,
      description:
        'Which events are sent. Default: for a job its end, for a batch `batch.ended`, for a run the ends of its ' +
        'jobs',
    }),
    secret: Type.Optional(WebhookSecret),
  },
  {
    $id: 'RequestWebhook',
    additionalProperties: false,
    description:
      'A webhook for events of this job, or of this batch or run and its jobs. Its id is `webhook_id` of ' +
      'the job, batch or run, under which its deliveries are listed. Its URL and secret are stored ' +
      'encrypted; only the host of the URL is shown. Without `secret` the service creates one and does ' +
      'not show it; `rotate-secret` replaces it.',
  },
);
export type RequestWebhook = Static<typeof RequestWebhook>;

export const WebhookChange = Type.Object(
  {
    url: Type.Optional(Url),
    events: Type.Optional(Events),
    labels: Type.Optional(LabelFilter),
    description: Type.Optional(Description),
    enabled: Type.Optional(Enabled),
  },
  {
    $id: 'WebhookChange',
    additionalProperties: false,
    minProperties: 1,
    description: 'Absent fields stay unchanged',
  },
);
export type WebhookChange = Static<typeof WebhookChange>;

/** One of the two answers that contain a secret. */
export const NewWebhook = Type.Object(
  { ...WebhookRecord.properties, secret: WebhookSecret },
  {
    $id: 'NewWebhook',
    additionalProperties: false,
    description: 'A new webhook with its secret, which is shown only this once',
  },
);
export type NewWebhook = Static<typeof NewWebhook>;

export const SecretRotation = Type.Object(
  {
    secret: Type.Optional(WebhookSecret),
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 604_800,
        default: 86_400,
        description:
          'How long the previous secret also signs, so that no request is refused while receivers are ' +
          'changed to the new one',
      }),
    ),
  },
  { $id: 'SecretRotation', additionalProperties: false },
);
export type SecretRotation = Static<typeof SecretRotation>;

export const RotatedSecret = Type.Object(
  {
    secret: WebhookSecret,
    previous_secret_expires_at: Type.String({
      format: 'date-time',
      description: 'Until this time every request has a second signature, made with the previous secret',
    }),
  },
  {
    $id: 'RotatedSecret',
    additionalProperties: false,
    description: 'The new secret, which is shown only this once',
  },
);
export type RotatedSecret = Static<typeof RotatedSecret>;

export const WebhookList = listOf('WebhookList', WebhookRecord);

export const DeliveryAttempt = Type.Object(
  {
    number: Type.Integer({ minimum: 1 }),
    at: Type.String({ format: 'date-time' }),
    status: nullable(Type.Integer(), {
      description: 'Status of the response; null: there was none',
    }),
    ms: Type.Integer({
      description: 'Milliseconds until the response arrived or the attempt ended without one',
    }),
    error: nullable(Type.String(), { description: 'Why the attempt failed; null: it succeeded' }),
    response: nullable(Type.String(), {
      description: 'Beginning of the response, at most 1 kB; null: there was none',
    }),
  },
  { $id: 'DeliveryAttempt', additionalProperties: false },
);
export type DeliveryAttempt = Static<typeof DeliveryAttempt>;

export const DeliveryState = choice(['pending', 'delivered', 'failed'], {
  $id: 'DeliveryState',
  description:
    'pending: attempts continue; delivered: the receiver answered with 2xx; failed: there are no more ' +
    'attempts',
});
export type DeliveryState = Static<typeof DeliveryState>;

/** The delivery of an event to one receiver. */
export const DeliveryRecord = Type.Object(
  {
    id: DeliveryId,
    webhook_id: WebhookId,
    type: choice(DELIVERY_TYPES),
    subject: nullable(Type.String(), {
      description: 'Id of the job or batch of the event; null for a test',
    }),
    state: DeliveryState,
    created_at: Type.String({ format: 'date-time' }),
    next_attempt_at: nullable(Type.String({ format: 'date-time' }), {
      description: 'Time of the next attempt; null: there is none',
    }),
    attempts: Type.Array(DeliveryAttempt, {
      description: 'At most the last 50 attempts, in ascending order of time',
    }),
  },
  { $id: 'Delivery', additionalProperties: false },
);
export type DeliveryRecord = Static<typeof DeliveryRecord>;

export const DeliveryList = listOf('DeliveryList', DeliveryRecord);
export type DeliveryList = Static<typeof DeliveryList>;
