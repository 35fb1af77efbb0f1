import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PROFILES } from '../../src/serving/profiles.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('profiles in targets', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  describe('in a target', () => {
    const submit = async (targets: unknown[]): Promise<Response> => {
      const { id } = await server.upload();
      return server.fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'squeeze', adapter_id: id, targets }),
      });
    };

    it('are accepted alone and with a policy', async () => {
      const targets = [{ profile: 'vllm' }, { profile: 'vllm', max_rank: 64 }, { rank: 2, profile: 'peft' }];
      const response = await submit(targets);
      assert.equal(response.status, 202, await response.clone().text());
      const { request } = (await response.json()) as { request: { targets: unknown[] } };
      assert.deepEqual(request.targets, targets);
    });

    it('are refused before a job is created if they are unknown', async () => {
      const response = await submit([{ rank: 2 }, { rank: 2, profile: 'ollama' }]);
      const problem = await problemIn(response, 400, 'UNKNOWN_PROFILE');
      assert.match(problem.detail, /^targets\[1\]: There is no profile "ollama".*vllm/);
      assert.deepEqual(
        problem.errors!.map(({ pointer }) => pointer),
        ['/targets/1'],
      );
      assert.deepEqual(
        problem.context!.known,
        PROFILES.map(({ name }) => name),
      );
    });

    it('are refused with options that the server cannot load', async () => {
      const problem = await problemIn(
        await submit([{ rank: 64, profile: 'vllm' }]),
        400,
        'VALIDATION_FAILED',
      );
      assert.match(
        problem.detail,
        /rank is 64, but vllm accepts at most 16 here; set max_rank to 64 if --max-lora-rank allows it/,
      );
      assert.deepEqual(problem.context, { profile: 'vllm', rank: 64, limit: 16 });
    });

    it('are refused in one call before the upload is stored', async () => {
      const tiny = tinyAdapter(77);
      const form = new FormData();
      form.append('request', JSON.stringify({ targets: [{ profile: 'ollama' }] }));
      for (const [name, part] of formOf(tiny)) form.append(name, part);
      const response = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
      await problemIn(response, 400, 'UNKNOWN_PROFILE');
      await server.assertNoLeftovers();
      const { status } = await server.fetch('/v1/adapters', { method: 'POST', body: formOf(tiny) });
      assert.equal(status, 201, 'the refused call had not stored it');
    });
  });
});
