import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { openapiDocument } from '../../src/app/openapi-document.ts';
import { JOB_KINDS } from '../../src/contract/job-request.ts';
import { ERROR_KINDS } from '../../src/errors/error-kinds.ts';
import { startServer, type TestServer } from '../http/server.ts';

const ROOT = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

interface Answer {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>;
}
interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly responses: Readonly<Record<string, Answer>>;
  readonly 'x-error-codes': readonly (keyof typeof ERROR_KINDS)[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}
interface Contract {
  readonly info: { readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly 'x-error-codes': Operation['x-error-codes'];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { examples?: unknown[] }>>;
    readonly responses: Readonly<Record<string, Answer>>;
  };
}

/** The files of an adapter under their own names, or under the names of their roles. */
const EITHER = ['adapter_model.safetensors', 'weights', 'adapter_config.json', 'config'];

/** The verbs with which the names of operations begin; the object follows. */
const VERBS =
  /^(append|cancel|create|delete|download|drain|get|list|plan|put|resume|retry|rotate|squeeze|stream|suspend|test|update|upload)[A-Z][A-Za-z]+$/;

/** Every call, listed by hand, so that none is added or removed by mistake. */
const CALLS: Readonly<Record<string, string>> = {
  '/livez': 'get',
  '/metrics': 'get',
  '/openapi.json': 'get',
  '/openapi.yaml': 'get',
  '/readyz': 'get',
  '/v1/adapters': 'get post',
  '/v1/adapters/from-uploads': 'post',
  '/v1/adapters/{id}': 'delete get patch',
  '/v1/adapters/{id}/archive': 'get',
  '/v1/adapters/{id}/files/{name}': 'get',
  '/v1/adapters/{id}/modules': 'get',
  '/v1/batches': 'get post',
  '/v1/batches/{id}': 'delete get patch',
  '/v1/batches/ndjson': 'post',
  '/v1/batches/{id}/archive': 'get',
  '/v1/batches/{id}/cancel': 'post',
  '/v1/batches/{id}/events': 'get',
  '/v1/batches/{id}/items': 'get',
  '/v1/batches/{id}/results': 'get',
  '/v1/batches/{id}/retry': 'post',
  '/v1/caller': 'get',
  '/v1/capabilities': 'get',
  '/v1/connections': 'get post',
  '/v1/connections/{name}': 'delete get patch',
  '/v1/jobs': 'get post',
  '/v1/jobs/{id}': 'delete get patch',
  '/v1/jobs/{id}/artifacts': 'get',
  '/v1/jobs/{id}/artifacts/{path}': 'get',
  '/v1/jobs/{id}/cancel': 'post',
  '/v1/jobs/{id}/deliveries/retry': 'post',
  '/v1/jobs/{id}/events': 'get',
  '/v1/jobs/{id}/report': 'get',
  '/v1/jobs/{id}/report.html': 'get',
  '/v1/jobs/{id}/report.png': 'get',
  '/v1/jobs/{id}/report.svg': 'get',
  '/v1/jobs/{id}/retry': 'post',
  '/v1/keys': 'get post',
  '/v1/keys/{id}': 'delete',
  '/v1/runs': 'get post',
  '/v1/runs/{id}': 'delete get patch',
  '/v1/runs/{id}/checkpoints': 'post',
  '/v1/runs/{id}/checkpoints/{step}': 'get',
  '/v1/schedules': 'post',
  '/v1/squeeze': 'post',
  '/v1/tenants': 'get',
  '/v1/tenants/{id}': 'delete get put',
  '/v1/tenants/{id}/cancel': 'post',
  '/v1/tenants/{id}/resume': 'post',
  '/v1/tenants/{id}/suspend': 'post',
  '/v1/secrets/rotate': 'post',
  '/v1/workers': 'get',
  '/v1/workers/{id}/drain': 'post',
  '/v1/uploads': 'get options post',
  '/v1/uploads/{id}': 'delete get head patch put',
  '/v1/usage': 'get',
  '/v1/events': 'get',
  '/v1/webhooks': 'get post',
  '/v1/webhooks/{id}': 'delete get patch',
  '/v1/webhooks/{id}/deliveries': 'get',
  '/v1/webhooks/{id}/deliveries/{delivery}/redeliver': 'post',
  '/v1/webhooks/{id}/rotate-secret': 'post',
  '/v1/webhooks/{id}/test': 'post',
};

describe('openapi.yaml', () => {
  let server: TestServer;
  let contract: Contract;
  let operations: [string, Operation][];
  before(async () => {
    server = await startServer();
    contract = (await (await server.fetch('/docs/json')).json()) as Contract;
    operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [
        `${method} ${path}`,
        operation,
      ]),
    );
  });
  after(() => server.close());

  it('is generated from the service; if it is not, run "npm run openapi"', async () => {
    const committed = readFileSync(join(ROOT, 'openapi.yaml'), 'utf8');
    assert.ok(committed === (await openapiDocument(version)), 'openapi.yaml is stale: run "npm run openapi"');
  });

  it('is served as written, apart from the version', async () => {
    const served = await (await server.fetch('/openapi.yaml')).text();
    assert.equal(served, await openapiDocument('9.9.9'));
    assert.deepEqual(await (await server.fetch('/openapi.json')).json(), parse(served));
  });

  it('passes the linter', async () => {
    const redocly = join(ROOT, 'node_modules/.bin/redocly');
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    const { stdout, stderr } = await promisify(execFile)(redocly, ['lint', 'openapi.yaml'], {
      cwd: ROOT,
      env,
    });
    assert.match(stdout + stderr, /Your API description is valid/);
  });

  it('has every call of the service', () => {
    const wanted = Object.entries(CALLS).flatMap(([path, methods]) =>
      methods.split(' ').map((method) => `${method} ${path}`),
    );
    assert.deepEqual(operations.map(([name]) => name).sort(), wanted.sort());
  });

  it('describes every operation, and every failure as a problem document', () => {
    const ids = operations.map(([, operation]) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const [name, { operationId, summary, tags, responses }] of operations) {
      assert.ok(operationId && summary && tags?.length === 1, name);
      assert.match(operationId, VERBS, name);
      assert.ok(
        Object.keys(responses).some((status) => status.startsWith('2')),
        name,
      );
      for (const [status, { $ref }] of Object.entries(responses)) {
        if (!/^[45]/.test(status)) continue;
        assert.ok($ref?.startsWith('#/components/responses/'), `${name} ${status}`);
        const { content } = contract.components.responses[$ref!.split('/').at(-1)!]!;
        assert.deepEqual(Object.keys(content ?? {}), ['application/problem+json'], `${name} ${status}`);
        assert.equal(content!['application/problem+json']?.schema?.$ref, '#/components/schemas/Problem');
      }
    }
  });

  it('is in the order of use: upload, squeeze, download', () => {
    const names = contract.tags.map(({ name }) => name);
    assert.deepEqual(names.slice(0, 3), ['adapters', 'jobs', 'results']);
    const used = new Set(operations.flatMap(([, { tags = [] }]) => tags));
    assert.deepEqual([...names].sort(), [...used].sort(), 'every tag is described, and has operations');
    const first = names.slice(0, 3).map((tag) => operations.find(([, { tags }]) => tags![0] === tag)![0]);
    assert.deepEqual(first, ['post /v1/adapters', 'post /v1/jobs', 'get /v1/adapters/{id}/archive']);
    const calls = [...contract.info.description.matchAll(/^curl .*(?:\n .*)?/gm)].map(([call]) => call);
    assert.deepEqual(
      calls.map((call) => /127\.0\.0\.1:8080(\S+)/.exec(call)![1]),
      ['/v1/adapters', '/v1/jobs', '/v1/adapters/$result/archive'],
    );
  });

  it('has one media type for a body and one for a response', () => {
    for (const [name, { requestBody, responses }] of operations) {
      for (const content of [requestBody, ...Object.values(responses)].map((part) => part?.content ?? {}))
        assert.ok(Object.keys(content).length <= 1, `${name}: ${Object.keys(content)}`);
    }
  });

  it('describes multipart bodies by their parts', () => {
    for (const [name, parts] of [
      ['post /v1/adapters', [...EITHER, 'README.md', 'name', 'labels', 'ttl_seconds']],
      ['post /v1/squeeze', [...EITHER, 'README.md', 'request']],
      [
        'post /v1/runs/{id}/checkpoints',
        [
          'adapter_model.safetensors',
          'adapter_config.json',
          'step',
          'optimizer.safetensors',
          'rewind',
          'loss',
        ],
      ],
    ] as const) {
      const body = new Map(operations).get(name)?.requestBody?.content as Record<
        string,
        { schema: { properties: object } }
      >;
      assert.deepEqual(Object.keys(body), ['multipart/form-data']);
      assert.deepEqual(Object.keys(body['multipart/form-data']!.schema.properties), parts);
    }
  });

  it('has the components, each once, and examples of the main ones', () => {
    const { schemas } = contract.components;
    for (const name of [
      'Adapter',
      'AdapterFile',
      'Job',
      'JobRequest',
      'SqueezeRequest',
      'Report',
      'Problem',
    ]) {
      assert.ok(schemas[name], name);
    }
    for (const name of ['Adapter', 'Job', 'SqueezeRequest', 'Run', 'Checkpoint', 'Problem']) {
      assert.equal(schemas[name]?.examples?.length, 1, name);
    }
    const kinds = schemas.JobRequest?.examples?.map((example) => (example as { kind: string }).kind);
    const mayBeAsked = JOB_KINDS.filter((kind) => kind !== 'checkpoint');
    assert.deepEqual([...new Set(kinds)], mayBeAsked, 'jobs of checkpoints come about by runs');
    assert.ok(!JSON.stringify(contract).includes('"$id"'));
  });

  it('accepts its own examples', async () => {
    const { id } = await server.upload();
    const headers = { 'content-type': 'application/json' };
    for (const request of contract.components.schemas.JobRequest!.examples!) {
      const body = JSON.stringify(request).replace(/"ad_[0-9a-f]+"/g, JSON.stringify(id));
      const response = await server.fetch('/v1/jobs', { method: 'POST', headers, body });
      assert.equal(response.status, 202, await response.text());
    }
  });

  it('lists the codes that an operation may return, and their statuses are its responses', () => {
    const everywhere = contract['x-error-codes'];
    for (const [name, { responses, 'x-error-codes': own }] of operations) {
      const codes = [...everywhere, ...own];
      assert.ok(codes.includes('INTERNAL'), name);
      const statuses = new Set(codes.map((code) => String(ERROR_KINDS[code].status)));
      const failures = Object.keys(responses).filter((status) => status >= '400');
      assert.deepEqual([...statuses].sort(), failures.sort(), name);
    }
    const upload = new Map(operations).get('post /v1/adapters')!['x-error-codes'];
    for (const code of Object.keys(ERROR_KINDS).filter((one) => /^(ST|CONFIG|NO_LORA)_/.test(one)))
      assert.ok((upload as readonly string[]).includes(code), code);
  });

  it('describes once what operations have in common', () => {
    const { schemas, ...shared } = contract.components as unknown as Record<string, object>;
    for (const [kind, names] of Object.entries({
      parameters: ['JobId', 'AdapterId', 'Cursor', 'Limit', 'Prefer', 'IdempotencyKey', 'Range'],
      headers: ['Location', 'RetryAfter', 'Etag'],
      responses: ['NotFound', 'TooManyRequests', 'NotModified'],
    }))
      for (const name of names) assert.ok(name in shared[kind]!, `${kind} ${name}`);
    for (const name of ['Target', 'JobResult', 'S3Source', 'Labels']) assert.ok(name in schemas!, name);
  });

  it('needs at most 5.5 kB per operation', async () => {
    const length = (await openapiDocument(version)).length - contract.info.description.length;
    assert.ok(length <= operations.length * 5500, `${length} bytes for ${operations.length} operations`);
  });
});
