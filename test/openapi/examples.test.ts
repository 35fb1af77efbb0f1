import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startServer, type TestServer } from '../http/server.ts';
import { formOf, tinyAdapter } from '../http/tiny-adapter.ts';
import { partExamples } from './part-examples.ts';

interface Schema {
  readonly $ref?: string;
  readonly examples?: readonly unknown[];
}
interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Contract {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const JSON_TYPE = 'application/json';
const ADMIN_KEY = 'administrator-of-this-test-46';
/** Keys and tenants are among the examples. */
const ADMIN = { authorization: `Bearer ${ADMIN_KEY}` };

/** Operations with a JSON body, with every example that the contract shows. */
interface Shown {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly body: unknown;
}

const SCHEDULE = { source_rank: 8, target_rank: 2, total_steps: 1000 };

/** Ids in examples, and the ids that replace them here. An id that occurs twice is one record. */
class Stand {
  private readonly known = new Map<string, string>();
  private readonly server: TestServer;

  constructor(server: TestServer) {
    this.server = server;
  }

  /** The example with ids of existing records. */
  async in(example: unknown): Promise<unknown> {
    let text = JSON.stringify(example);
    for (const [id] of text.matchAll(/\bad_[0-9a-f]{32}\b/g))
      text = text.replaceAll(id, await this.adapter(id));
    if (text.includes('my-weights')) text = text.replaceAll('my-weights', await this.upload());
    return JSON.parse(text);
  }

  async adapter(id: string): Promise<string> {
    if (!this.known.has(id))
      this.known.set(id, (await this.server.upload(tinyAdapter(this.known.size + 1), ADMIN)).id);
    return this.known.get(id)!;
  }

  async upload(): Promise<string> {
    const id = `example-${this.known.size}`;
    this.known.set(id, id);
    const response = await this.server.fetch(`/v1/uploads/${id}?filename=adapter_model.safetensors`, {
      method: 'PUT',
      headers: { ...ADMIN, 'content-type': 'application/octet-stream' },
      body: Buffer.from(tinyAdapter(this.known.size + 100, { rank: 4 }).weights),
    });
    assert.ok(response.ok, await response.text());
    return id;
  }

  /** A record of each kind that a path may name. */
  async pathOf(path: string): Promise<string> {
    if (!path.includes('{')) return path;
    const kind = path.split('/')[2]!;
    const adapter_id = await this.adapter(`ad_${'0'.repeat(32)}`);
    const create: Record<string, () => Promise<string>> = {
      adapters: async () => adapter_id,
      jobs: async () => (await this.post('/v1/jobs', { kind: 'analyze', adapter_id, reuse: false })).id,
      batches: async () =>
        (await this.post('/v1/batches', { kind: 'analyze', adapter_ids: [adapter_id] })).id,
      webhooks: async () => (await this.post('/v1/webhooks', { url: 'https://receiver.test/hook' })).id,
      tenants: async () => 'team-a',
      runs: async () => (await this.post('/v1/runs', { schedule: SCHEDULE })).id,
      connections: () => this.connection(),
    };
    assert.ok(create[kind], `nothing to put into ${path}: add it here`);
    return path.replace(/\{\w+\}/, await create[kind]());
  }

  async connection(): Promise<string> {
    const name = `connection-${this.known.size}`;
    this.known.set(name, name);
    const credentials = { access_key_id: 'id', secret_access_key: 'key' };
    await this.post('/v1/connections', { kind: 's3', name, prefixes: ['s3://bucket'], credentials });
    return name;
  }

  private async post(path: string, body: unknown): Promise<{ id: string }> {
    const response = await this.server.fetch(path, {
      method: 'POST',
      headers: { ...ADMIN, 'content-type': JSON_TYPE },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, await response.clone().text());
    return (await response.json()) as { id: string };
  }
}

describe('the examples of the contract', () => {
  let server: TestServer;
  let contract: Contract;
  let shown: Shown[];
  let stand: Stand;
  before(async () => {
    server = await startServer({}, { auth: { mode: 'keys', adminKey: () => ADMIN_KEY } });
    // The id in the example of a key.
    await server.workspaces.tenants.put('team-a', {});
    stand = new Stand(server);
    contract = (await (await server.fetch('/docs/json')).json()) as Contract;
    const componentOf = ({ $ref }: Schema): Schema =>
      contract.components.schemas[$ref?.split('/').at(-1) ?? ''] ?? {};
    shown = Object.entries(contract.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, operation]) => {
        const schema = operation.requestBody?.content[JSON_TYPE]?.schema;
        if (!schema) return [];
        const examples = schema.examples ?? componentOf(schema).examples ?? [];
        const name = operation.operationId;
        assert.ok(examples.length > 0, `${name} takes JSON and shows no example of it`);
        return examples.map((body) => ({ name, method: method.toUpperCase(), path, operation, body }));
      }),
    );
  });
  after(() => server.close());

  it('exist for every operation that accepts JSON', () => {
    const names = new Set(shown.map(({ name }) => name));
    for (const name of [
      'createJob',
      'createBatch',
      'createWebhook',
      'createKey',
      'putTenant',
      'planSchedule',
    ])
      assert.ok(names.has(name), name);
  });

  it('are accepted, and answered as the contract says', async () => {
    for (const { name, method, path, operation, body } of shown) {
      const sent = JSON.stringify(await stand.in(body));
      const response = await server.fetch(await stand.pathOf(path), {
        method,
        headers: { ...ADMIN, 'content-type': JSON_TYPE },
        body: sent,
      });
      const text = await response.text();
      // There is no bucket here to be listed.
      const isUnlisted = sent.includes('"source_prefix"') && response.status === 424;
      assert.ok(response.ok || isUnlisted, `${name}: ${response.status} ${text} to ${sent}`);
      assert.ok(operation.responses[response.status], `${name}: ${response.status} is not in the contract`);
      assert.doesNotMatch(text, /hf_0123456789|signature=|AKIAEXAMPLE/, name);
    }
  });

  it('in JSON parts are accepted too', async () => {
    for (const { field, path, value } of partExamples(contract.components.schemas)) {
      const form = formOf(tinyAdapter(200));
      form.append(field, typeof value === 'string' ? value : JSON.stringify(value));
      const response = await server.fetch(path, { method: 'POST', headers: ADMIN, body: form });
      assert.ok(response.ok, `${path} ${field}: ${response.status} ${await response.text()}`);
    }
  });
});
