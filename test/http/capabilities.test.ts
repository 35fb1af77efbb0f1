import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { Capabilities } from '../../src/contract/capabilities.ts';
import { FORMAT_FACTS } from '../../src/formats/format-facts.ts';
import { PROFILES } from '../../src/serving/profiles.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const MAX_UPLOAD_BYTES = 1_000_000;

describe('capabilities', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ maxUploadBytes: MAX_UPLOAD_BYTES });
  });
  after(() => server.close());

  const asked = async (): Promise<Capabilities> =>
    (await (await server.fetch('/v1/capabilities')).json()) as Capabilities;

  const post = (path: string, body: unknown): Promise<Response> =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('are formats, profiles, limits and the version, as the contract has them', async () => {
    const capabilities = await asked();
    assert.ok(Value.Check(Capabilities, capabilities));
    assert.deepEqual(capabilities.formats, FORMAT_FACTS);
    assert.deepEqual(capabilities.profiles, PROFILES);
    assert.match(capabilities.version, /^\d+\.\d+\.\d+$/);
  });

  it('may be cached for a while, and are not sent again to a client that has them', async () => {
    const first = await server.fetch('/v1/capabilities');
    assert.match(first.headers.get('cache-control')!, /max-age=\d+$/);
    const etag = first.headers.get('etag')!;
    const again = await server.fetch('/v1/capabilities', {
      headers: { 'if-none-match': `"other", W/${etag}` },
    });
    assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, '']);
    const other = await server.fetch('/v1/capabilities', { headers: { 'if-none-match': '"other"' } });
    assert.equal(other.status, 200);
    await problemIn(await server.fetch('/v1/capabilities', { method: 'POST' }), 405, 'METHOD_NOT_ALLOWED');
  });

  it('name the required options of conversions, and the accepted architectures', async () => {
    const { formats, architectures } = await asked();
    const [way] = formats
      .find(({ name }) => name === 'peft')!
      .converts_to.filter(({ needs }) => needs.length);
    assert.deepEqual([way!.format, way!.needs], ['gguf', ['architecture']]);
    const { id } = await server.upload();
    const job = (options: object | undefined) =>
      post('/v1/jobs', {
        ...{ kind: 'squeeze', adapter_id: id },
        targets: [{ rank: 1, format: 'gguf', ...(options && { format_options: options }) }],
      });
    const refused = await problemIn(await job(undefined), 400, 'VALIDATION_FAILED');
    assert.match(refused.detail, /needs format_options\.architecture/);
    assert.equal((await job({ architecture: architectures[0] })).status, 202);
  });

  it('state the real limits: one more is refused', async () => {
    const { limits } = await asked();
    const { id } = await server.upload();
    const targets = (count: number) => Array.from({ length: count }, (_, index) => ({ rank: index + 1 }));
    const squeeze = { kind: 'squeeze', adapter_id: id };
    assert.equal((await post('/v1/jobs', { ...squeeze, targets: targets(limits.targets) })).status, 202);
    const merge = (count: number) => ({
      kind: 'merge',
      sources: Array.from({ length: count }, () => ({ adapter_id: id })),
      targets: targets(1),
    });
    const labels = Object.fromEntries(
      Array.from({ length: limits.labels + 1 }, (_, index) => [`l${index}`, '']),
    );
    const bodies = [
      { ...squeeze, targets: targets(limits.targets + 1) },
      merge(limits.merge_sources + 1),
      { ...squeeze, targets: targets(1), labels },
    ];
    for (const body of bodies) await problemIn(await post('/v1/jobs', body), 400, 'VALIDATION_FAILED');
    const ids = Array.from({ length: limits.batch_items + 1 }, (_, index) => `ad_${index}`);
    const batch = await post('/v1/batches', { adapter_ids: ids, targets: targets(1) });
    await problemIn(batch, 400, 'VALIDATION_FAILED');
    const page = await server.fetch(`/v1/jobs?limit=${limits.page_items + 1}`);
    await problemIn(page, 400, 'VALIDATION_FAILED');
    const large = formOf(tinyAdapter(1, { rank: 16, m: 20_000, n: 20_000 }));
    const tooLarge = await server.fetch('/v1/adapters', { method: 'POST', body: large });
    await problemIn(tooLarge, 413, 'UPLOAD_TOO_LARGE');
    assert.equal(limits.upload_bytes, MAX_UPLOAD_BYTES);
  });
});
