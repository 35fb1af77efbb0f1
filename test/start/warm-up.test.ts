import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Client } from '../e2e/client.ts';
import { hasMapped } from '../e2e/process-tree.ts';
import { type Service, startService } from '../e2e/service.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import { withFolder } from '../queue/harness.ts';

const computesOf = (service: Service) =>
  service.children().filter((child) => hasMapped(child, 'onnxruntime'));

async function withService(env: Readonly<Record<string, string>>, use: (service: Service) => Promise<void>) {
  await withFolder(async (dataDir) => {
    const service = await startService({ dataDir, env: { EXECUTION_PROVIDER: 'cpu', ...env } });
    try {
      await use(service);
      // Each process has its own folder there.
      const folder = join(dataDir, 'storage/tmp');
      for (const name of readdirSync(folder)) assert.deepEqual(readdirSync(join(folder, name)), []);
    } finally {
      await service.stop();
    }
  });
}

async function squeezeOne(service: Service): Promise<void> {
  const client = new Client(service.url);
  const { id } = (await (await client.postAdapter(tinyAdapter(1, { rank: 8 }))).json()) as { id: string };
  assert.equal((await client.squeeze(id, [{ rank: 4 }])).state, 'succeeded');
}

it('has started its compute processes when it is ready, and jobs run in them', () =>
  withService({ COMPUTE_WARM_UP: 'on', WORKER_CONCURRENCY: '2' }, async (service) => {
    const ahead = computesOf(service).map(({ pid }) => pid);
    assert.equal(ahead.length, 2);
    await squeezeOne(service);
    assert.deepEqual(
      computesOf(service).map(({ pid }) => pid),
      ahead,
    );
  }));

it('without a warm-up, the first job starts them and compiles the validators of requests', () =>
  withService({ COMPUTE_WARM_UP: 'off', LOG_LEVEL: 'debug' }, async (service) => {
    assert.deepEqual(computesOf(service), []);
    assert.doesNotMatch(service.log(), /validator compiled/);
    await squeezeOne(service);
    assert.equal(computesOf(service).length, 1);
  }));
