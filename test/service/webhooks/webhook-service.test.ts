import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { WebhookService } from '../../../src/service/webhooks/webhook-service.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { MemoryDeliveryQueue } from '../../http/memory-delivery-queue.ts';
import { withFolder } from '../../queue/harness.ts';

/** A store where something happens before the settings of a webhook are written. */
const interrupted = (blobs: BlobStore, before: () => Promise<void>): BlobStore =>
  new Proxy(blobs, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'put') return value.bind(target);
      return async (...args: Parameters<BlobStore['put']>) => {
        await before();
        return target.put(...args);
      };
    },
  });

describe('a webhook that is changed while it is removed', () => {
  it('does not come back', () =>
    withFolder(async (folder) => {
      const blobs = await DiskStore.open(folder);
      const queue = new MemoryDeliveryQueue();
      const parts = {
        outbound: { checkUrl: (url: string) => new URL(url) },
        box: new SecretBox(randomBytes(32)),
        queue,
      };
      const service = new WebhookService(blobs, parts);
      const { id } = await service.create({ url: 'https://hooks.example.com/in' });
      const other = await service.create({ url: 'https://hooks.example.com/other' });
      const meanwhile = new WebhookService(
        interrupted(blobs, () => service.remove(id)),
        parts,
      );
      await assert.rejects(meanwhile.change(id, { description: 'new' }), { code: 'WEBHOOK_NOT_FOUND' });
      assert.deepEqual(
        (await service.list()).map((webhook) => webhook.id),
        [other.id],
      );
      assert.equal((await service.change(other.id, { description: 'new' })).description, 'new');
    }));
});
