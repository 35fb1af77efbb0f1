import type { WebhookEvent } from '../../contract/event.ts';
import { JOB_EXAMPLE } from '../../contract/examples.ts';
import type {
  DeliveryRecord,
  NewWebhook,
  RotatedSecret,
  SecretRotation,
  WebhookChange,
  WebhookRecord,
  WebhookRequest,
} from '../../contract/webhook.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
const ID = 'wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d';
const SECRET = 'whsec_bG9yYS1zcXVlZXplLWV4YW1wbGUtc2VjcmV0LW5vdC1yZWFs';

export const webhookExample: WebhookRecord = {
  id: ID,
  url: 'https://ml.example.com/hooks/lora-squeeze',
  events: ['job.succeeded', 'job.failed'],
  labels: { team: 'search' },
  description: 'Rolls out what was squeezed',
  enabled: true,
  disabled_reason: null,
  created_at: '2026-11-24T21:40:00.000Z',
};

export const webhookRequestExample: WebhookRequest = {
  url: webhookExample.url,
  events: webhookExample.events,
  labels: webhookExample.labels,
  description: webhookExample.description,
};

export const webhookChangeExample: WebhookChange = { enabled: true };

export const newWebhookExample: NewWebhook = { ...webhookExample, secret: SECRET };

export const secretRotationExample: SecretRotation = { overlap_seconds: 3600 };

export const rotatedSecretExample: RotatedSecret = {
  secret: SECRET,
  previous_secret_expires_at: '2026-11-25T22:40:00.000Z',
};

export const deliveryExample: DeliveryRecord = {
  id: 'msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d',
  webhook_id: ID,
  type: 'job.succeeded',
  subject: JOB_EXAMPLE.id,
  state: 'delivered',
  created_at: '2026-11-24T21:51:03.510Z',
  next_attempt_at: null,
  attempts: [
    {
      number: 1,
      at: '2026-11-24T21:51:03.540Z',
      status: 503,
      ms: 41,
      error: 'The receiver answered 503.',
      response: 'upstream restarting',
    },
    { number: 2, at: '2026-11-24T21:51:09.012Z', status: 204, ms: 38, error: null, response: '' },
  ],
};

export const webhookEventExample: WebhookEvent = {
  type: 'webhook.test',
  timestamp: '2026-11-24T21:51:03.480Z',
  data: { webhook_id: ID },
};
