import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { NewKey } from '../../src/contract/key.ts';
import type { NewWebhook } from '../../src/contract/webhook.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { SecretBox } from '../../src/transfer/secret-box.ts';
import { MemoryDeliveryQueue } from './memory-delivery-queue.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const ADMIN = 'administrator-of-this-test-43';

describe('responses that contain a secret', () => {
  let server: TestServer;
  let outbound: Outbound;
  before(async () => {
    outbound = new Outbound({ allowedHosts: ['receiver.test'] });
    server = await serverWith(new SecretBox(randomBytes(32)));
  });
  after(async () => {
    await server.close();
    await outbound.close();
  });

  const serverWith = (box: SecretBox | undefined) =>
    startServer(
      {},
      {
        auth: { mode: 'keys', adminKey: () => ADMIN },
        webhooks: { outbound, box, queue: new MemoryDeliveryQueue() },
      },
    );
  const post = (to: TestServer, path: string, body: object, key?: string) =>
    to.fetch(path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN}`,
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
    });

  /** All stored responses, as text. */
  const kept = async (): Promise<string> =>
    JSON.stringify(await server.database.reader.selectFrom('idempotency').selectAll().execute());

  it('are sent again, but cannot be read where they are stored', async () => {
    const first = await post(server, '/v1/keys', { tenant: 'default' }, 'make-key');
    const made = (await first.json()) as NewKey;
    const again = await post(server, '/v1/keys', { tenant: 'default' }, 'make-key');
    assert.deepEqual(
      [first.status, again.status, again.headers.get('idempotent-replayed')],
      [201, 201, 'true'],
    );
    assert.deepEqual(await again.json(), made);
    assert.equal((await server.keys.list('default')).length, 1);

    const hook = await post(server, '/v1/webhooks', { url: 'https://receiver.test/' }, 'make-hook');
    const { id, secret } = (await hook.json()) as NewWebhook;
    const hookAgain = (await (
      await post(server, '/v1/webhooks', { url: 'https://receiver.test/' }, 'make-hook')
    ).json()) as NewWebhook;
    assert.deepEqual([hookAgain.id, hookAgain.secret], [id, secret]);
    const rotate = async () =>
      (await (await post(server, `/v1/webhooks/${id}/rotate-secret`, {}, 'rotate')).json()) as NewWebhook;
    const rotated = await rotate();
    assert.notEqual(rotated.secret, secret);
    assert.equal((await rotate()).secret, rotated.secret);

    const text = await kept();
    assert.match(text, /v1\.[0-9a-f]{8}\./, 'the encrypted responses are there');
    for (const one of [made.key, secret, rotated.secret])
      assert.ok(!text.includes(one), 'and nothing of them can be read');
  });

  it('are not used for another request with the same key', async () => {
    const schedule = { source_rank: 8, target_rank: 4, total_steps: 4000 };
    const planned = await post(server, '/v1/schedules', schedule, 'reused');
    assert.equal(planned.status, 200, await planned.text());
    const other = await post(server, '/v1/keys', { tenant: 'default' }, 'reused');
    await problemIn(other, 422, 'IDEMPOTENCY_MISMATCH');
  });

  it('are not stored, so that a key is refused, if nothing can be encrypted', async () => {
    const other = await serverWith(undefined);
    try {
      const refused = await post(other, '/v1/keys', { tenant: 'default' }, 'decrypted');
      const problem = await problemIn(refused, 503, 'SECRETS_UNAVAILABLE');
      assert.match(problem.detail, /SECRETS_KEYS/);
      assert.deepEqual(await other.keys.list(), []);
      assert.equal((await post(other, '/v1/keys', { tenant: 'default' })).status, 201);
    } finally {
      await other.close();
    }
  });
});
