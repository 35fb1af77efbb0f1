import assert from 'node:assert/strict';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Quotas } from '../../src/contract/tenant.ts';
import { type AdapterFiles, adapterForm, Client } from '../e2e/client.ts';

/** The service as seen by a caller with a key. */
export class Tenant {
  readonly key: string;
  readonly #url: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.key = key;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, ...(init.headers as Record<string, string>) };
    return fetch(this.#url + path, { ...init, headers });
  }

  post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  }

  async upload(files: AdapterFiles): Promise<AdapterRecord> {
    const response = await this.fetch('/v1/adapters', { method: 'POST', body: adapterForm(files) });
    assert.ok(response.ok, await response.clone().text());
    return (await response.json()) as AdapterRecord;
  }

  async finished(jobId: string): Promise<JobRecord> {
    const client = new Client(this.#url);
    client.fetch = (path, init) => this.fetch(path, init);
    return client.finished(jobId);
  }

  /** For administrators: creates a tenant with a key that may read and write. */
  async newTenant(tenant: string, quotas: Quotas = {}): Promise<Tenant> {
    const made = await this.fetch(`/v1/tenants/${tenant}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ quotas }),
    });
    assert.ok(made.ok, await made.text());
    const response = await this.post('/v1/keys', JSON.stringify({ tenant, scopes: ['read', 'write'] }));
    assert.equal(response.status, 201, await response.clone().text());
    return new Tenant(this.#url, ((await response.json()) as { key: string }).key);
  }
}
