import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('formats in targets', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('other than those of PEFT cannot be combined with a profile, in jobs and in one call', async () => {
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
      assert.match(problem.detail, /^targets\[1\]: profile is "vllm", and vLLM loads peft, but /);
      assert.deepEqual(
        problem.errors!.map(({ pointer }) => pointer),
        ['/targets/1'],
      );
    }
  });
});
