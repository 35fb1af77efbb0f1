import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import type { NewKey } from '../../src/contract/key.ts';
import type { NewWebhook } from '../../src/contract/webhook.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { SecretBox } from '../../src/transfer/secret-box.ts';
import { MemoryDeliveryQueue } from './memory-delivery-queue.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { openSharedState, type SharedStateFixture } from './shared-state.ts';

const ADMIN = 'administrator-of-this-test-43';

describe('answers with a secret in them', () => {
  let state: SharedStateFixture;
  let server: TestServer;
  let outbound: Outbound;
  before(async () => {
    state = await openSharedState();
    outbound = new Outbound({ allowedHosts: ['receiver.test'], allowHttp: false });
    server = await serverWith(new SecretBox(randomBytes(32)));
  });
  after(async () => {
    await server.close();
    await outbound.close();
    await state.close();
  });

  const serverWith = (box: SecretBox | undefined) =>
    startServer(
      {},
      {
        shared: state.shared,
        auth: { mode: 'keys', adminKey: ADMIN },
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

  /** Everything that is in Redis, as text. */
  async function inRedis(): Promise<string> {
    const redis = new Redis({ path: state.broker.socketPath });
    const names = await redis.keys('*');
    const values = await Promise.all(
      names.map(async (name) =>
        (await redis.type(name)) === 'hash' ? JSON.stringify(await redis.hgetall(name)) : redis.get(name),
      ),
    );
    redis.disconnect();
    return names.concat(values.map(String)).join('\n');
  }

  it('are given again, and cannot be read in Redis', async () => {
    const first = await post(server, '/v1/keys', { tenant: 'team' }, 'make-key');
    const made = (await first.json()) as NewKey;
    const again = await post(server, '/v1/keys', { tenant: 'team' }, 'make-key');
    assert.deepEqual(
      [first.status, again.status, again.headers.get('idempotent-replayed')],
      [201, 201, 'true'],
    );
    assert.deepEqual(await again.json(), made);
    assert.equal((await server.keys.list('team')).length, 1);

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

    const kept = await inRedis();
    assert.match(kept, /v1\.[0-9a-f]{8}\./, 'the sealed answers are there');
    for (const text of [made.key, secret, rotated.secret])
      assert.ok(!kept.includes(text), 'and nothing of them can be read');
  });

  it('are not kept, and so refused for a key, where nothing can be sealed', async () => {
    const other = await serverWith(undefined);
    try {
      const refused = await post(other, '/v1/keys', { tenant: 'team' }, 'unsealed');
      const problem = await problemIn(refused, 503, 'SECRETS_UNAVAILABLE');
      assert.match(problem.detail, /SECRETS_KEY/);
      assert.deepEqual(await other.keys.list(), []);
      assert.equal((await post(other, '/v1/keys', { tenant: 'team' })).status, 201);
    } finally {
      await other.close();
    }
  });
});
