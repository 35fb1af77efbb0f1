import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serverWithAdapter } from './server-with-adapter.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

/** A process that dies after it has created a record and before it has saved the response. */
describe('a request whose process died after completing it', () => {
  const at = serverWithAdapter();
  const json = (path: string, key: string, body: object) => at().post(path, body, { 'idempotency-key': key });
  const upload = (path: string, key: string, request?: object) => {
    const form = formOf(tinyAdapter(7));
    if (request) form.append('request', JSON.stringify(request));
    return at().server.fetch(path, { method: 'POST', headers: { 'idempotency-key': key }, body: form });
  };
  const idOf = async (response: Response): Promise<string> => {
    assert.ok(response.ok, await response.clone().text());
    assert.equal(response.headers.get('idempotent-replayed'), null);
    return ((await response.json()) as { id: string }).id;
  };
  /** Its lease has expired by then. */
  const die = () =>
    at().server.database.write((writer) =>
      writer.updateTable('idempotency').set({ answer: null, expires_at: 0, owner: 'dead' }).execute(),
    );
  const counts = async () => {
    const count = async (table: 'job' | 'batch' | 'adapter' | 'run') =>
      (await at().server.database.reader.selectFrom(table).select('id').execute()).length;
    return Promise.all((['job', 'batch', 'adapter', 'run'] as const).map(count));
  };

  const schedule = {
    source_rank: 8,
    target_rank: 2,
    total_steps: 1000,
    recipe: 'equal' as const,
    min_stage_steps: 100,
  };
  const requests: Readonly<Record<string, (key: string) => Promise<Response>>> = {
    'POST /v1/jobs': (key) => json('/v1/jobs', key, at().squeeze()),
    'POST /v1/batches': (key) => json('/v1/batches', key, { jobs: [at().squeeze(), at().squeeze()] }),
    'POST /v1/adapters': (key) => upload('/v1/adapters', key),
    'POST /v1/squeeze': (key) => upload('/v1/squeeze', key, { targets: [{ rank: 2 }] }),
    'POST /v1/runs': (key) => json('/v1/runs', key, { schedule }),
  };
  for (const [name, send] of Object.entries(requests)) {
    it(`is answered with its record: ${name}`, async () => {
      const id = await idOf(await send(name));
      const made = await counts();
      for (let i = 0; i < 2; i++) {
        await die();
        assert.equal(await idOf(await send(name)), id);
        assert.deepEqual(await counts(), made);
      }
    });
  }

  it('is a new request with another body, and after its response has expired', async () => {
    const first = await idOf(await json('/v1/jobs', 'mine', at().squeeze()));
    await die();
    const other = await idOf(await json('/v1/jobs', 'mine', { ...at().squeeze(), priority: 'low' }));
    assert.notEqual(other, first);
    await at().server.database.write((writer) =>
      writer.updateTable('idempotency').set({ expires_at: 0 }).execute(),
    );
    assert.notEqual(
      await idOf(await json('/v1/jobs', 'mine', { ...at().squeeze(), priority: 'low' })),
      other,
    );
  });
});
