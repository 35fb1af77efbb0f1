import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type TSchema, Type } from 'typebox';
import { stringify } from 'yaml';
import { ADAPTER_EXAMPLE, JOB_EXAMPLE, RESULT_ID_EXAMPLE } from '../contract/examples.ts';
import type { UsageRecord } from '../contract/tenant.ts';
import { AppError } from '../errors/app-error.ts';
import { extractRepeatedParts, withErrorCodes } from '../http/document.ts';
import { withHeadOperationIds } from '../http/head-operation-ids.ts';
import { withMultipartBody } from '../http/multipart/multipart-schema.ts';
import { NESTED_SCHEMAS } from '../http/nested-schemas.ts';
import { type Problem, problemOf } from '../http/problem.ts';
import { withBinaryBody } from '../http/raw-bodies.ts';
import { asComponent, COMPONENTS, problems, response } from '../http/schemas.ts';
import { JOB_REQUEST_EXAMPLES, SQUEEZE_REQUEST_EXAMPLE } from '../resources/jobs/examples.ts';
import { SCHEDULE_EXAMPLE, SCHEDULE_REQUEST_EXAMPLE } from '../resources/runs/examples.ts';
import { withWebhooks } from '../resources/webhooks/webhook-contract.ts';
import { DOCS_SCRIPT, DOCS_STYLE } from './docs-theme.ts';

const DESCRIPTION = `Squeezes trained LoRA adapters to the rank they are served at, and proves how close the result is.

Three calls do the whole work. If the service requires a key, add \`-H 'Authorization: Bearer lsq_…'\` to each.

**1. Upload an adapter**: its weights and, in formats that have one (PEFT, MLX), its configuration.

\`\`\`sh
curl -F files=@adapter_model.safetensors -F files=@adapter_config.json http://127.0.0.1:8080/v1/adapters
\`\`\`

**2. Squeeze it**, with the \`id\` of the first response, and wait up to 30 seconds for the end of the job.

\`\`\`sh
adapter=${ADAPTER_EXAMPLE.id}
curl -H 'Prefer: wait=30' -H 'Content-Type: application/json' http://127.0.0.1:8080/v1/jobs \\
  -d '{"kind": "squeeze", "adapter_id": "'$adapter'", "targets": [{"rank": 16}]}'
\`\`\`

**3. Download the result**, which is an adapter like any other, with the \`adapter_id\` in the \`results\` of the job.

\`\`\`sh
result=${RESULT_ID_EXAMPLE}
curl -o squeezed.zip http://127.0.0.1:8080/v1/adapters/$result/archive
\`\`\`

A job can have several targets; \`POST /v1/squeeze\` takes the files and the targets in one call.

Failures are problem documents (RFC 9457) with a stable \`code\`. Every response has an \`x-request-id\`; it is that of the request if the client sent a valid one.`;

const usage: UsageRecord = {
  ...{ stored_bytes: 319_989_632, adapters: 3, jobs: 12 },
  limits: {
    ...{ stored_bytes: 107_374_182_400, max_queued: 20_000, max_running: 4, requests_per_minute: null },
    ...{ weight: 300, max_priority: 'normal' },
  },
  queue: { queued: 2, running: 1, oldest_waiting_seconds: 41, estimated_start_seconds: 12 },
  days: [{ date: '2026-11-24', jobs: 12, stored_bytes: 319_989_632, compute_seconds: 88.5 }],
};

const problem: Problem = problemOf(
  new AppError('VALIDATION_FAILED', 'targets[0].rank is 0 but must be at least 1.', {
    errors: [{ pointer: '/targets/0/rank', detail: 'targets[0].rank is 0 but must be at least 1' }],
  }),
  'c9d3a0d4-3a53-4f0c-9a37-3c1d5e0f8b21',
);

const EXAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  Adapter: [ADAPTER_EXAMPLE],
  Job: [JOB_EXAMPLE],
  JobRequest: JOB_REQUEST_EXAMPLES,
  SqueezeRequest: [SQUEEZE_REQUEST_EXAMPLE],
  Usage: [usage],
  Problem: [problem],
  ScheduleRequest: [SCHEDULE_REQUEST_EXAMPLE],
  Schedule: [SCHEDULE_EXAMPLE],
};

/**
 * `examples` for a component of the contract, if there are any; they are typed above, so outdated ones do not
 * compile.
 */
function examplesOf(schema: TSchema): { examples?: unknown[] } {
  const examples = EXAMPLES[(schema as { $id?: string }).$id ?? ''];
  return examples === undefined ? {} : { examples: [...examples] };
}

/** Everything that the page needs comes from this service. swagger-ui sets styles from its script. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The contract, which is generated from the schemas of the routes: /openapi.yaml and the page at /docs. */
export const openapi = fp(async (app: FastifyInstance, { version }: { version: string }) => {
  for (const schema of [...COMPONENTS, ...NESTED_SCHEMAS])
    app.addSchema({ ...asComponent(schema), ...examplesOf(schema) });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'LoRA-Squeeze',
        version,
        description: DESCRIPTION,
        contact: { name: 'The operator of this service' },
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description:
              'An API key, `lsq_…`, or a token (JWT) of an identity provider that the service trusts. A service in open ' +
              'mode (AUTH=open) needs neither.',
          },
        },
      },
      security: [{ key: [] }, {}],
      servers: [{ url: '/', description: 'This service' }],
      tags: [
        { name: 'adapters', description: 'Upload LoRA adapters, and read their records' },
        { name: 'jobs', description: 'Squeeze, merge, analyze, import and export adapters' },
        { name: 'results', description: 'Download results, reports and figures' },
        {
          name: 'uploads',
          description: 'Single large files: sent whole, or in resumable pieces (tus 1.0)',
        },
        { name: 'batches', description: 'Many jobs in one call' },
        { name: 'events', description: 'Live events of all jobs and batches' },
        { name: 'webhooks', description: 'Events sent to your server' },
        {
          name: 'connections',
          description: 'Access to buckets, the Hub and servers, with stored credentials',
        },
        { name: 'annealing', description: 'Squeezing during the training: schedules, runs, checkpoints' },
        {
          name: 'administration',
          description:
            'Tenants and keys; requires the scope `admin`, or `tenant_admin` for keys of the caller’s own ' +
            'tenant',
        },
        { name: 'service', description: 'Probes, metrics, contract' },
      ],
    },
    transformObject: (documents) =>
      'openapiObject' in documents
        ? extractRepeatedParts(withWebhooks(withHeadOperationIds(documents.openapiObject)))
        : documents.swaggerObject,
    transform: ({ schema, url }) =>
      withNamedRest({ schema: withErrorCodes(withBinaryBody(withMultipartBody(schema ?? {}))), url }),
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) => String(json.$id ?? `schema-${index}`),
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    theme: {
      title: 'LoRA-Squeeze API',
      css: [{ filename: 'style.css', content: DOCS_STYLE }],
      js: [{ filename: 'scheme.js', content: DOCS_SCRIPT }],
    },
    // BaseLayout has neither the library's logo nor a field for the address of another contract.
    uiConfig: { layout: 'BaseLayout', validatorUrl: null, docExpansion: 'list', defaultModelsExpandDepth: 0 },
  });
  const answers = (description: string, mediaType: string, schema: TSchema) => ({
    response: { 200: response(description, schema, { mediaType }), ...problems() },
  });
  let yaml: string | undefined;
  let contract: object | undefined;
  app.get(
    '/openapi.yaml',
    {
      schema: {
        operationId: 'getOpenapiYaml',
        tags: ['service'],
        summary: 'Get this contract',
        description: 'The contract contains all paths, bodies and responses, for client generators.',
        ...answers('OpenAPI 3.1', 'application/yaml', Type.String()),
      },
    },
    async (_request, reply) => {
      yaml ??= openapiYaml(app);
      return reply.header('content-type', 'application/yaml').send(yaml);
    },
  );
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenapiJson',
        tags: ['service'],
        summary: 'Get this contract as JSON',
        description: 'The same document as /openapi.yaml.',
        ...answers('OpenAPI 3.1', 'application/json', Type.Object({}, { additionalProperties: true })),
      },
    },
    async (_request, reply) => {
      contract ??= app.swagger();
      return reply.send(contract);
    },
  );
});

/** The document as YAML, with one line for each paragraph. */
export const openapiYaml = (app: FastifyInstance): string =>
  stringify(app.swagger(), { lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false });

interface PathParams {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

/** Gives the rest of a path, which the router calls `*`, a name, because OpenAPI requires names for all parameters. */
function withNamedRest<S extends object>({ schema, url }: { schema: S; url: string }) {
  const { params } = schema as { readonly params?: PathParams };
  if (!params || !url.endsWith('/*')) return { schema, url };
  const { '*': rest, ...others } = params.properties;
  const properties = { ...others, path: rest };
  const required = params.required.map((name) => (name === '*' ? 'path' : name));
  return {
    schema: { ...schema, params: { ...params, properties, required } },
    url: `${url.slice(0, -1)}:path`,
  };
}
