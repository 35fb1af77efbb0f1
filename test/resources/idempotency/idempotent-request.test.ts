import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ClaimStore } from '../../../src/resources/idempotency/claim-store.ts';
import { IdempotentRequest } from '../../../src/resources/idempotency/idempotent-request.ts';
import { sqliteIn } from '../../database/dialects.ts';
import { withFolder } from '../../queue/harness.ts';

it('a request keeps its key, however far the clock is set forward while it is handled', (t) =>
  withFolder(async (folder) => {
    const database = await sqliteIn(folder);
    try {
      t.mock.timers.enable({ apis: ['setInterval'] });
      const request = await IdempotentRequest.begin(new ClaimStore(database), {
        ...{ tenant: 'default', key: 'key', encryption: undefined },
        fingerprint: { route: 'r', payload: 'p' },
      });
      const rightNow = Date.now;
      t.mock.method(Date, 'now', () => rightNow() + 86_400_000);
      // Longer than the interval in which the lease is renewed.
      t.mock.timers.tick(10_000);
      assert.equal(request.isHeld, true);
      await request.release();
    } finally {
      await database.close();
    }
  }));

it('a request that lost its key to another one does not continue', (t) =>
  withFolder(async (folder) => {
    const database = await sqliteIn(folder);
    try {
      t.mock.timers.enable({ apis: ['setInterval'] });
      const begin = () =>
        IdempotentRequest.begin(new ClaimStore(database), {
          ...{ tenant: 'default', key: 'key', encryption: undefined },
          fingerprint: { route: 'r', payload: null },
        });
      const stalled = await begin();
      await database.write((writer) => writer.updateTable('idempotency').set({ expires_at: 0 }).execute());
      const second = await begin();
      assert.equal(second.isHeld, true);
      await assert.rejects(stalled.bodyKnown('p'), { code: 'IDEMPOTENCY_IN_FLIGHT' });
      assert.equal(stalled.isHeld, false);
      await second.release();
    } finally {
      await database.close();
    }
  }));
