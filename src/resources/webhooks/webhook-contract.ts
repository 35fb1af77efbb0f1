const HEADERS = [
  ['webhook-id', 'Id of the delivery: the same at every attempt, so that repetitions can be recognised'],
  ['webhook-timestamp', 'When the attempt was made, in seconds since 1970'],
  [
    'webhook-signature',
    'One or two signatures, separated by a space: each is `v1,` and an HMAC-SHA256 in base64',
  ],
] as const;

/** The request that receivers must accept, described in OpenAPI. */
const EVENT = {
  post: {
    operationId: 'receiveEvent',
    tags: ['webhooks'],
    summary: 'An event, sent to your server',
    description:
      'Signed according to Standard Webhooks (https://www.standardwebhooks.com). Answer within 15 ' +
      'seconds; only the status of the response counts. The first kilobyte of its body is logged.',
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
      410: { description: 'The receiver wants no more events: the webhook is disabled' },
      429: {
        description:
          'The receiver is busy: `Retry-After` is respected, up to a day. 503 has the same meaning.',
      },
    },
  },
} as const;

/** Adds the requests to receivers to an OpenAPI document, if it has the schemas of webhooks. */
export function withWebhooks<T extends object>(document: T): T {
  const { components } = document as { components?: { schemas?: Readonly<Record<string, unknown>> } };
  return components?.schemas?.WebhookEvent ? { ...document, webhooks: { event: EVENT } } : document;
}
