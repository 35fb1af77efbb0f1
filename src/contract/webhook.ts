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

/** What a receiver can be told of. */
export const EVENT_TYPES = [...JOB_EVENT_TYPES, 'batch.ended'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The events that a webhook gets unless it names some: those by which something ends. */
export const END_TYPES = [
  'job.succeeded',
  'job.partial',
  'job.failed',
  'job.cancelled',
  'batch.ended',
] as const satisfies readonly EventType[];

/** What a delivery may be of: an event, or a test that somebody asked for. */
const DELIVERY_TYPES = [...EVENT_TYPES, 'webhook.test'] as const;
export type DeliveryType = (typeof DELIVERY_TYPES)[number];

export const WebhookId = Type.String({
  description: 'Id of a webhook',
  examples: ['wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d'],
});
export const DeliveryId = Type.String({
  description: 'Id of a delivery; the header `webhook-id` of all its requests',
  examples: ['msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d'],
});

const Url = Type.String({
  minLength: 1,
  maxLength: 2048,
  description:
    'Where events are sent by POST: https at port 443 of a public server, or a host that the operator allows. It is ' +
    'looked at here and again at every connection. Of a webhook that came with a request only the host is shown.',
  examples: ['https://ml.example.com/hooks/lora-squeeze'],
});
const Events = Type.Array(choice(EVENT_TYPES), {
  minItems: 1,
  maxItems: EVENT_TYPES.length,
  uniqueItems: true,
  description:
    'Which events are sent. `job.queued`: it was accepted, or waits for another attempt. `job.started`: an attempt began. ' +
    'The others are ends',
});
const { $id: _name, ...anyLabels } = Labels as typeof Labels & { $id?: string };
const LabelFilter = {
  ...anyLabels,
  description: 'Only what has all of these labels is sent; {}: everything',
};
const Description = Type.String({ maxLength: 200, description: 'For people' });
const Enabled = Type.Boolean({ description: 'Whether anything is sent' });

/** 24 to 64 bytes in base64 have 32 to 88 characters. */
const WebhookSecret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,86}={0,2}$',
  description: '`whsec_` and 24 to 64 random bytes in base64. Signs every request.',
});

/** A webhook as everybody may see it: never its secret. */
export const WebhookRecord = Type.Object(
  {
    id: WebhookId,
    url: Url,
    events: Events,
    labels: LabelFilter,
    description: Description,
    enabled: Enabled,
    disabled_reason: nullable(Type.String(), {
      description: 'Why the service itself stopped sending (the receiver answered 410); null otherwise',
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

/** A webhook of one request: of the job, the batch or the run that it asks for. */
export const RequestWebhook = Type.Object(
  {
    url: Url,
    events: Type.Optional({
      ...Events,
      description:
        'Which events are sent. Default: for a job its end, for a batch `batch.ended`, for a run the ends of its jobs',
    }),
    secret: Type.Optional(WebhookSecret),
  },
  {
    $id: 'RequestWebhook',
    additionalProperties: false,
    description:
      'Where events of this job, or of this batch or run and its jobs, are sent as well. It has an id, `webhook_id` of the ' +
      'job, batch or run, under which its deliveries are found. Its URL and secret are sealed: of the URL only the host is shown. ' +
      'Without `secret` the service makes one and does not show it; `rotate-secret` gives another one.',
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
    description: 'What is absent stays as it is',
  },
);
export type WebhookChange = Static<typeof WebhookChange>;

/** One of the two answers that have a secret. */
export const NewWebhook = Type.Object(
  { ...WebhookRecord.properties, secret: WebhookSecret },
  { $id: 'NewWebhook', additionalProperties: false, description: 'The secret is shown this once' },
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
          'How long the previous secret also signs, so that receivers can be changed without a gap',
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
      description: 'Until then every request has a second signature, by the secret before',
    }),
  },
  { $id: 'RotatedSecret', additionalProperties: false, description: 'The secret is shown this once' },
);
export type RotatedSecret = Static<typeof RotatedSecret>;

export const WebhookList = listOf('WebhookList', WebhookRecord);

export const DeliveryAttempt = Type.Object(
  {
    number: Type.Integer({ minimum: 1 }),
    at: Type.String({ format: 'date-time' }),
    status: nullable(Type.Integer(), {
      description: 'What was answered; null: nothing was',
    }),
    ms: Type.Integer({ description: 'Milliseconds until the answer, or until it was given up' }),
    error: nullable(Type.String(), { description: 'Why it did not count; null: it did' }),
    response: nullable(Type.String(), {
      description: 'The beginning of what was answered, at most 1 kB; null: nothing was',
    }),
  },
  { $id: 'DeliveryAttempt', additionalProperties: false },
);
export type DeliveryAttempt = Static<typeof DeliveryAttempt>;

export const DeliveryState = choice(['pending', 'delivered', 'failed'], {
  $id: 'DeliveryState',
  description: 'pending: goes on; delivered: answered with 2xx; failed: given up',
});
export type DeliveryState = Static<typeof DeliveryState>;

/** An event on its way to one receiver. */
export const DeliveryRecord = Type.Object(
  {
    id: DeliveryId,
    webhook_id: WebhookId,
    type: choice(DELIVERY_TYPES),
    subject: nullable(Type.String(), {
      description: 'Id of the job or batch it is about; null for a test',
    }),
    state: DeliveryState,
    created_at: Type.String({ format: 'date-time' }),
    next_attempt_at: nullable(Type.String({ format: 'date-time' }), {
      description: 'Not before then; null: there is none',
    }),
    attempts: Type.Array(DeliveryAttempt, { description: 'The newest at the end; at most the last 50' }),
  },
  { $id: 'Delivery', additionalProperties: false },
);
export type DeliveryRecord = Static<typeof DeliveryRecord>;

export const DeliveryList = listOf('DeliveryList', DeliveryRecord);
export type DeliveryList = Static<typeof DeliveryList>;
