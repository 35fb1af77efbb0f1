import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Outbound } from '../../src/net/outbound.ts';
import { listAdapters } from '../../src/transfer/list-adapters.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { type FakeHub, startFakeHub } from './fake-hub.ts';

/** More than one page of S3 contains. */
const MANY = 1_050;

describe('the adapters below a prefix', () => {
  let hub: FakeHub;
  before(async () => {
    hub = await startFakeHub();
  });
  after(() => hub.close());

  it('of a bucket are found page by page', { skip: motoIsMissing() ?? false }, async () => {
    const s3: S3Server = await startMoto();
    const outbound = new Outbound({ allowedHosts: [new URL(s3.url).host] });
    const own = { accessKeyId: 'a', secretAccessKey: 'b' };
    const witness = new S3Client({
      endpoint: s3.url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: own,
    });
    try {
      const names = Array.from({ length: MANY }, (_, i) => `in/${String(i).padStart(5, '0')}.safetensors`);
      for (const Key of [...names, 'in/z/adapter_config.json', 'index/x.safetensors'])
        await witness.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: '' }));
      const credentials = { access_key_id: 'a', secret_access_key: 'b' };
      const source = { kind: 's3', bucket: BUCKET, prefix: 'in/', endpoint: s3.url, credentials } as const;
      const found = await listAdapters(source, { outbound, hubEndpoint: hub.url });
      assert.equal(found.length, MANY + 1);
      assert.deepEqual(
        [found[0], found.at(-1)],
        [
          { path: '00000.safetensors', name: '00000' },
          { path: 'z', name: 'z' },
        ],
      );
      const missing = { ...source, bucket: 'none-of-these' };
      await assert.rejects(listAdapters(missing, { outbound, hubEndpoint: hub.url }), {
        code: 'OUTBOUND_REFUSED',
      });
    } finally {
      witness.destroy();
      await Promise.all([outbound.close(), s3.stop()]);
    }
  });

  it('of a repository are found at its revision, and those of URLs cannot be listed', async () => {
    const outbound = new Outbound({ allowedHosts: [hub.host] });
    const options = { outbound, hubEndpoint: hub.url };
    hub.commit('team/many', {
      'one/adapter_config.json': Buffer.from('{}'),
      'one/adapter_model.safetensors': Buffer.from('x'),
      'two.gguf': Buffer.from('y'),
      'x-00001-of-00002.safetensors': Buffer.from('x'),
      'x-00002-of-00002.safetensors': Buffer.from('y'),
      'x.safetensors.index.json': Buffer.from('{}'),
    });
    try {
      const all = await listAdapters({ kind: 'hub', repo: 'team/many' }, options);
      assert.deepEqual(
        all.map(({ path }) => path),
        ['one', 'two.gguf', 'x-00001-of-00002.safetensors'],
      );
      const one = await listAdapters({ kind: 'hub', repo: 'team/many', subfolder: 'one' }, options);
      assert.deepEqual(one, [{ path: '', name: '' }]);
      const files = { weights: { url: 'https://models.example.com/x' } };
      await assert.rejects(listAdapters({ kind: 'url', files }, options), { code: 'VALIDATION_FAILED' });
    } finally {
      await outbound.close();
    }
  });
});
