import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Value } from 'typebox/value';
import { AdapterRecord } from '../../src/contract/adapter.ts';
import { Sweeper } from '../../src/resources/sweeper.ts';
import { startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

export const JSON_TYPE = { 'content-type': 'application/json' };

/** A server for each group, and the calls that they make. */
export function withServer(): {
  server: () => TestServer;
  upload: (seed: number, fields?: Readonly<Record<string, string | Blob>>) => Promise<Response>;
  patch: (id: string, body: unknown) => Promise<Response>;
  remove: (path: string) => Promise<Response>;
} {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());
  return {
    server: () => server,
    upload: (seed, fields = {}) => {
      const form = formOf(tinyAdapter(seed));
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      return server.fetch('/v1/adapters', { method: 'POST', body: form });
    },
    patch: (id, body) =>
      server.fetch(`/v1/adapters/${id}`, {
        method: 'PATCH',
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      }),
    remove: (path) => server.fetch(path, { method: 'DELETE' }),
  };
}

/** Removes released content at once. */
export const sweeperOf = ({ workspaces }: TestServer): Sweeper =>
  new Sweeper({ workspaces, graceMs: 0, eventRetention: { keptMs: 86_400_000, maxEvents: 1_000 } });

/** The record in a response with that status. */
export async function recordIn(response: Response, status: number): Promise<AdapterRecord> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  const record = JSON.parse(text) as AdapterRecord;
  assert.ok(Value.Check(AdapterRecord, record), 'fits the contract');
  return record;
}
