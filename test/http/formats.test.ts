import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { FormatList, type FormatRecord } from '../../src/contract/format.ts';
import { FORMAT_FACTS } from '../../src/formats/format-facts.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('formats over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('are listed, whole, as the contract has them, and may be kept for a while', async () => {
    const response = await server.fetch('/v1/formats');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('cache-control')!, /^public, max-age=\d+$/);
    const list = (await response.json()) as { data: FormatRecord[] };
    assert.ok(Value.Check(FormatList, list));
    assert.deepEqual(list, { data: FORMAT_FACTS, next_cursor: null });
    await problemIn(await server.fetch('/v1/formats', { method: 'POST' }), 405, 'METHOD_NOT_ALLOWED');
  });

  it('other than PEFT’s do not go with a profile, in jobs and in one call', async () => {
    const targets = [{ rank: 2 }, { rank: 2, profile: 'vllm', format: 'kohya' }];
    const { id } = await server.upload();
    const job = await server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'squeeze', adapter_id: id, targets }),
    });
    const form = formOf(tinyAdapter(78));
    form.append('request', JSON.stringify({ targets }));
    const call = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
    for (const response of [job, call]) {
      const problem = await problemIn(response, 400, 'VALIDATION_FAILED');
      assert.match(problem.detail, /^targets\[1\]: profile is "vllm", which loads adapters of PEFT/);
      assert.deepEqual(
        problem.errors!.map(({ pointer }) => pointer),
        ['/targets/1'],
      );
    }
  });
});
