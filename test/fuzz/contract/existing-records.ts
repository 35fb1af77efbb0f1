import assert from 'node:assert/strict';
import { formOf, tinyAdapter } from '../../http/tiny-adapter.ts';

type Fetch = (path: string, init?: RequestInit) => Promise<Response>;
const JSON_TYPE = { 'content-type': 'application/json' };
const TUS = { 'tus-resumable': '1.0.0' };

/** A record of every kind that a path may name; it is created again when it is gone. */
export class ExistingRecords {
  readonly #fetch: Fetch;
  readonly #expire: (adapterId: string) => Promise<void>;
  readonly #ids = new Map<string, string>();
  #expired: string | undefined;
  #seed = 1000;

  /** @param expire makes an adapter expire */
  constructor(fetch: Fetch, expire: (adapterId: string) => Promise<void>) {
    this.#fetch = fetch;
    this.#expire = expire;
  }

  /** A path with ids of existing records as its parameters. */
  async pathOf(path: string): Promise<string> {
    const kind = path.split('/')[2] ?? '';
    if (!path.includes('{')) return path;
    const id = await this.id(kind);
    return path
      .replace('{id}', id)
      .replace('{name}', kind === 'connections' ? id : 'adapter_config.json')
      .replace('{path}', 'report.json')
      .replace('{step}', '100')
      .replace('{delivery}', `msg_${'0'.repeat(32)}`);
  }

  async id(kind: string): Promise<string> {
    const known = this.#ids.get(kind);
    if (known !== undefined) {
      const there = await this.#fetch(`/v1/${kind}/${known}`);
      await there.arrayBuffer();
      // Single keys cannot be fetched.
      if (there.ok || kind === 'keys') return known;
    }
    const id = await this.#make(kind);
    this.#ids.set(kind, id);
    return id;
  }

  /** An adapter that has expired. */
  async expired(): Promise<string> {
    if (this.#expired !== undefined) {
      const there = await this.#fetch(`/v1/adapters/${this.#expired}`);
      await there.arrayBuffer();
      if (there.status === 410) return this.#expired;
    }
    const id = await this.#make('adapters');
    await this.#expire(id);
    this.#expired = id;
    return id;
  }

  async #make(kind: string): Promise<string> {
    switch (kind) {
      case 'adapters':
        return this.#post('/v1/adapters', formOf(tinyAdapter(this.#seed++)));
      case 'jobs':
        return this.#post('/v1/jobs', {
          kind: 'analyze',
          adapter_id: await this.id('adapters'),
          reuse: false,
        });
      case 'batches':
        return this.#post('/v1/batches', {
          adapter_ids: [await this.id('adapters')],
          targets: [{ rank: 2 }],
          reuse: false,
        });
      case 'webhooks':
        return this.#post('/v1/webhooks', { url: 'https://receiver.test/hook' });
      case 'connections':
        return this.#connection();
      case 'runs':
        return this.#post('/v1/runs', { schedule: { source_rank: 8, target_rank: 4, total_steps: 4000 } });
      case 'keys':
        return this.#post('/v1/keys', { tenant: 'default' });
      case 'tenants':
        return 'fuzzed';
      case 'workers':
        // There is none, and none is needed: permission is checked first.
        return '00000000-0000-4000-8000-000000000000';
      case 'uploads': {
        const filename = Buffer.from('adapter_model.safetensors').toString('base64');
        const response = await this.#fetch('/v1/uploads', {
          method: 'POST',
          headers: { ...TUS, 'upload-length': '10', 'upload-metadata': `filename ${filename}` },
        });
        assert.equal(response.status, 201, await response.text());
        return response.headers.get('location')!.split('/').at(-1)!;
      }
      default:
        throw new Error(`nothing of the kind ${kind}: add it here`);
    }
  }

  /** They are requested by their names. */
  async #connection(): Promise<string> {
    const name = `fuzzed-${this.#seed++}`;
    const body = { kind: 'url', name, prefixes: ['https://files.test/in'] };
    await this.#post('/v1/connections', body);
    return name;
  }

  async #post(path: string, body: object): Promise<string> {
    const isForm = body instanceof FormData;
    const response = await this.#fetch(path, {
      method: 'POST',
      headers: isForm ? {} : JSON_TYPE,
      body: isForm ? body : JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${text}`);
    return (JSON.parse(text) as { id: string }).id;
  }
}
