const HEADERS = [
  ['webhook-id', 'Id of the delivery: the same at every attempt, so that repetitions can be recognised'],
  ['webhook-timestamp', 'When the attempt was made, in seconds since 1970'],
  ['webhook-signature', 'One or two signatures with a blank between: `v1,` and HMAC-SHA256 in base64'],
] as const;

/** What the service asks of receivers, in the words of OpenAPI. */
const EVENT = {
  post: {
    operationId: 'receiveEvent',
    tags: ['webhooks'],
    summary: 'An event, sent to your server',
    description:
      'Signed by Standard Webhooks (https://www.standardwebhooks.com). An answer counts by its status, and within 15 ' +
      'seconds; of its body the first kilobyte is kept for the log.',
    parameters: HEADERS.map(([name, description]) => ({
      name,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string' },
    })),
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/WebhookEvent' } } },
    },
    responses: {
      '2XX': { description: 'Delivered' },
      410: { description: 'No more, please: the webhook is disabled' },
      429: { description: 'Later, please: `Retry-After` is kept to, up to a day. 503 means the same.' },
    },
  },
} as const;

/** An OpenAPI document with what is sent to receivers, where it has webhooks at all. */
export function withWebhooks<T extends object>(document: T): T {
  const { components } = document as { components?: { schemas?: Readonly<Record<string, unknown>> } };
  return components?.schemas?.WebhookEvent ? { ...document, webhooks: { event: EVENT } } : document;
}
