import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { SecretsCheck } from '../../../src/resources/secrets/secrets-check.ts';
import { TenantService } from '../../../src/resources/tenants/service.ts';
import { WebhookService } from '../../../src/resources/webhooks/service.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { MemoryDeliveryQueue } from '../../http/memory-delivery-queue.ts';
import { addDelivery, webhooksOf } from './webhook-rows.ts';

const URL_OF_TEST = 'https://hooks.example.com/in';

onEachDialect('a webhook', (database) => {
  const box = new SecretBox(randomBytes(32));
  const outbound = { checkUrl: (url: string) => new URL(url) };
  const service = (tenant?: string) =>
    new WebhookService(webhooksOf(database(), tenant), { outbound, box, queue: new MemoryDeliveryQueue() });

  it('that is changed by several callers at once has all changes', async () => {
    const { id, secret: _shown, ...made } = await service().create({ url: URL_OF_TEST });
    const changes = [
      { url: 'https://hooks.example.com/other' },
      { events: ['job.failed' as const] },
      { labels: { team: 'a' } },
      { description: 'new' },
      { enabled: false },
    ];
    await Promise.all(changes.map((change) => service().change(id, change)));
    assert.deepEqual(await service().get(id), { id, ...made, ...Object.assign({}, ...changes) });
  });

  it('that is changed while it is removed does not come back', async () => {
    const other = await service().create({ url: URL_OF_TEST });
    for (let i = 0; i < 10; i++) {
      const { id } = await service().create({ url: URL_OF_TEST });
      const change = service()
        .change(id, { description: 'new' })
        .catch(({ code }) => assert.equal(code, 'WEBHOOK_NOT_FOUND'));
      await Promise.all([change, service().remove(id)]);
      await assert.rejects(service().get(id), { code: 'WEBHOOK_NOT_FOUND' });
    }
    assert.deepEqual(
      (await service().list()).map(({ id }) => id),
      [other.id],
    );
  });

  it('is removed together with its deliveries', async () => {
    const { id } = await service().create({ url: URL_OF_TEST });
    for (let i = 0; i < 3; i++) await addDelivery(database(), id);
    await service().remove(id);
    assert.deepEqual(await database().reader.selectFrom('delivery').select('id').execute(), []);
  });

  it('is one of at most 50, even if several are created at once', async () => {
    for (let i = 0; i < 48; i++) await service().create({ url: URL_OF_TEST });
    const made = await Promise.allSettled(
      Array.from({ length: 6 }, () => service().create({ url: URL_OF_TEST })),
    );
    const refused = made.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    assert.deepEqual(refused, Array(4).fill('QUOTA_WEBHOOKS'));
    assert.equal((await service().list()).length, 50);
    await new TenantService(database()).put('other', {});
    await service('other').create({ url: URL_OF_TEST });
  });

  it('returns every text unchanged', async () => {
    const description = 'a\u0000b\ud800\n';
    const { id } = await service().create({ url: `${URL_OF_TEST}?\u0000`, description });
    const record = await service().get(id);
    assert.deepEqual([record.url, record.description], [`${URL_OF_TEST}?\u0000`, description]);
  });

  it('has a secret that this process can open, whichever tenant it belongs to', async () => {
    await new TenantService(database()).put('other', {});
    const checkOf = (key: SecretBox | undefined) => new SecretsCheck({ database: database(), box: key });
    await checkOf(undefined).check();
    const { id } = await service('other').create({ url: URL_OF_TEST });
    await checkOf(box).check();
    const others = new SecretBox(randomBytes(32));
    for (const key of [undefined, others])
      await assert.rejects(checkOf(key).check(), { code: 'SECRETS_UNAVAILABLE' });
    // A secret that no longer signs does not matter.
    await webhooksOf(database(), 'other').rotate(id, others.encrypt('x'), Date.now() + 60_000);
    await assert.rejects(checkOf(others).check(), { code: 'SECRETS_UNAVAILABLE' });
    await webhooksOf(database(), 'other').rotate(id, others.encrypt('y'), 0);
    await checkOf(others).check();
  });
});
