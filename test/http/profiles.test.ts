import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { ServingProfile } from '../../src/contract/serving.ts';
import { PROFILES } from '../../src/serving/profiles.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('profiles over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('are listed, whole, in their order', async () => {
    const response = await server.fetch('/v1/profiles');
    assert.equal(response.status, 200);
    const { data: profiles } = (await response.json()) as { data: ServingProfile[] };
    assert.deepEqual(profiles, PROFILES);
    for (const profile of profiles) assert.ok(Value.Check(ServingProfile, profile), profile.name);
  });

  it('are told one by one', async () => {
    for (const profile of PROFILES) {
      const response = await server.fetch(`/v1/profiles/${profile.name}`);
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), profile);
    }
  });

  it('may be kept for a while, and are not sent again to who has them', async () => {
    const tags = new Set<string>();
    for (const path of ['/v1/profiles', '/v1/profiles/vllm', '/v1/profiles/peft']) {
      const first = await server.fetch(path);
      assert.match(first.headers.get('cache-control')!, /^public, max-age=\d+$/);
      const tag = first.headers.get('etag')!;
      assert.match(tag, /^"[0-9a-f]{64}"$/);
      tags.add(tag);
      const again = await server.fetch(path, { headers: { 'if-none-match': `"other", W/${tag}` } });
      assert.equal(again.status, 304);
      assert.equal(again.headers.get('etag'), tag);
      assert.equal(await again.text(), '');
      const changed = await server.fetch(path, { headers: { 'if-none-match': '"other"' } });
      assert.equal(changed.status, 200);
    }
    assert.equal(tags.size, 3);
  });

  it('that are not there are a problem that names those that are', async () => {
    for (const name of ['ollama', 'VLLM', '__proto__', 'x'.repeat(90), '%22%0A']) {
      const problem = await problemIn(await server.fetch(`/v1/profiles/${name}`), 404, 'PROFILE_NOT_FOUND');
      for (const known of PROFILES) assert.ok(problem.detail.includes(known.name));
      assert.ok(!problem.detail.includes('\n') && problem.detail.length < 250);
    }
  });

  it('are refused methods that change them', async () => {
    const problem = await problemIn(
      await server.fetch('/v1/profiles/vllm', { method: 'PUT', body: '{}' }),
      405,
      'METHOD_NOT_ALLOWED',
    );
    assert.match(problem.detail, /GET/);
  });

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

    it('are refused before there is a job when nobody knows them', async () => {
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

    it('are refused what they cannot load', async () => {
      const problem = await problemIn(
        await submit([{ rank: 64, profile: 'vllm' }]),
        400,
        'VALIDATION_FAILED',
      );
      assert.match(problem.detail, /rank is 64, above 16.*max_rank 64 if --max-lora-rank allows it/);
      assert.deepEqual(problem.context, { profile: 'vllm', rank: 64, limit: 16 });
    });

    it('are refused in one call before the upload is kept', async () => {
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
