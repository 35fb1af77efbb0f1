import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Webhook as Verifier } from 'standardwebhooks';
import { AppError } from '../../../src/errors.ts';
import { signedHeaders } from '../../../src/service/webhooks/signature.ts';
import { newWebhookId } from '../../../src/service/webhooks/webhook-ids.ts';
import { checkedSecret, newSecret, WebhookSecrets } from '../../../src/service/webhooks/webhook-secrets.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import fc from '../../fast-check.ts';

async function withSecrets(
  work: (secrets: WebhookSecrets, blobs: DiskStore, id: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-secrets-'));
  const blobs = await DiskStore.open(folder);
  try {
    const secrets = new WebhookSecrets(blobs, new SecretBox(randomBytes(32)));
    await work(secrets, blobs, newWebhookId(Date.now()));
  } finally {
    await blobs.close();
    await rm(folder, { recursive: true });
  }
}

describe('a signature', () => {
  it('is one that the standard’s own library accepts, of any text and any key', () => {
    const body = fc.string({ unit: 'binary', minLength: 1 }).map((text) => JSON.stringify(text));
    const bytes = fc.uint8Array({ minLength: 24, maxLength: 64 });
    fc.assert(
      fc.property(body, bytes, (text, key) => {
        const secret = `whsec_${Buffer.from(key).toString('base64')}`;
        assert.equal(checkedSecret(secret), secret);
        const headers = signedHeaders('msg_1', text, [newSecret(), secret], Date.now());
        assert.equal(new Verifier(secret).verify(text, headers), JSON.parse(text));
      }),
    );
  });

  it('is not one of another text, another id, another time or another key', () => {
    const secret = newSecret();
    const headers = signedHeaders('msg_1', '{"a":1}', [secret], Date.now());
    const verify = (text: string, change: Record<string, string> = {}, key = secret) =>
      new Verifier(key).verify(text, { ...headers, ...change });
    assert.deepEqual(verify('{"a":1}'), { a: 1 });
    assert.throws(() => verify('{"a":2}'));
    assert.throws(() => verify('{"a":1}', { 'webhook-id': 'msg_2' }));
    const later = String(Number(headers['webhook-timestamp']) + 1);
    assert.throws(() => verify('{"a":1}', { 'webhook-timestamp': later }));
    assert.throws(() => verify('{"a":1}', {}, newSecret()));
  });
});

describe('secrets', () => {
  it('sign one at a time, and two for a while after a rotation', () =>
    withSecrets(async (secrets, _blobs, id) => {
      const [one, two, three] = [newSecret(), newSecret(), newSecret()];
      const begin = Date.now();
      await secrets.add(id, one, 0, begin);
      assert.deepEqual(await secrets.signing(id, begin), [one]);
      await secrets.add(id, two, 60, begin);
      assert.deepEqual(await secrets.signing(id, begin + 59_999), [two, one]);
      assert.deepEqual(await secrets.signing(id, begin + 60_000), [two]);
      await secrets.add(id, three, 60, begin + 1_000);
      assert.deepEqual(await secrets.signing(id, begin + 2_000), [three, two], 'never three');
    }));

  it('given out by rotations at the same time all sign, or did', () =>
    withSecrets(async (secrets, blobs, id) => {
      await secrets.add(id, newSecret(), 0, Date.now());
      const both = [newSecret(), newSecret()];
      await Promise.all(both.map((secret) => secrets.add(id, secret, 60, Date.now())));
      assert.deepEqual(new Set(await secrets.signing(id, Date.now())), new Set(both));
      for (let i = 0; i < 20; i++) await secrets.add(id, newSecret(), 60, Date.now());
      assert.ok((await blobs.list('webhook-secrets/')).length <= 3, 'old ones go');
      await secrets.remove(id);
      assert.deepEqual(await blobs.list('webhook-secrets/'), []);
    }));

  it('are nothing to who has another key', () =>
    withSecrets(async (secrets, blobs, id) => {
      await secrets.add(id, newSecret(), 0, Date.now());
      const others = new WebhookSecrets(blobs, new SecretBox(randomBytes(32)));
      await assert.rejects(others.signing(id, Date.now()), { code: 'SECRETS_KEY_MISMATCH' });
      const none = new WebhookSecrets(blobs, undefined);
      await assert.rejects(none.signing(id, Date.now()), { code: 'SECRETS_UNAVAILABLE' });
    }));

  it('that are brought have 24 to 64 bytes in whole base64; a problem does not repeat them', () => {
    for (const bytes of [24, 32, 64]) checkedSecret(`whsec_${randomBytes(bytes).toString('base64')}`);
    const whole = randomBytes(32).toString('base64');
    for (const wrong of [
      randomBytes(23).toString('base64'),
      randomBytes(65).toString('base64'),
      whole.slice(0, -1),
    ]) {
      assert.throws(
        () => checkedSecret(`whsec_${wrong}`),
        (error: unknown) =>
          error instanceof AppError && error.code === 'VALIDATION_FAILED' && !error.message.includes(wrong),
      );
    }
    assert.equal(Buffer.from(newSecret().slice(6), 'base64').byteLength, 32);
  });
});
