import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Webhook as Verifier } from 'standardwebhooks';
import { AppError } from '../../../src/errors/app-error.ts';
import { signedHeaders } from '../../../src/resources/webhooks/signature.ts';
import { checkedSecret, newSecret, signingSecrets } from '../../../src/resources/webhooks/webhook-secrets.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { onEachDialect } from '../../database/dialects.ts';
import fc, { anyCharacter } from '../../fast-check.ts';
import { newWebhook, webhooksOf } from './webhook-rows.ts';

describe('a signature', () => {
  it('is accepted by the standard’s own library, for any text and any key', () => {
    const body = fc.string({ unit: anyCharacter, minLength: 1 }).map((text) => JSON.stringify(text));
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

  it('does not match another text, another id, another time or another key', () => {
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

onEachDialect('secrets', (database) => {
  const box = new SecretBox(randomBytes(32));
  const rotate = (id: string, secret: string, expiresAtMs: number) =>
    webhooksOf(database()).rotate(id, box.encrypt(secret), expiresAtMs);
  const signing = async (id: string, nowMs = Date.now(), opener: SecretBox | undefined = box) => {
    const row = database().reader.selectFrom('webhook').selectAll().where('id', '=', id);
    return signingSecrets(await row.executeTakeFirstOrThrow(), opener, nowMs);
  };

  it('sign one at a time, and two for a while after a rotation', async () => {
    const [one, two, three] = [newSecret(), newSecret(), newSecret()];
    const id = await newWebhook(database(), {}, { encryptedSecret: box.encrypt(one) });
    assert.deepEqual(await signing(id), [one]);
    await rotate(id, two, 60_000);
    assert.deepEqual(await signing(id, 59_999), [two, one]);
    assert.deepEqual(await signing(id, 60_000), [two]);
    await rotate(id, three, 60_000);
    assert.deepEqual(await signing(id, 2_000), [three, two], 'never three');
  });

  it('created by simultaneous rotations all sign, now or earlier', async () => {
    const id = await newWebhook(database());
    const both = [newSecret(), newSecret()];
    await Promise.all(both.map((secret) => rotate(id, secret, Date.now() + 60_000)));
    assert.deepEqual(new Set(await signing(id)), new Set(both));
  });

  it('cannot be opened with another key, or without one', async () => {
    const id = await newWebhook(database(), {}, { encryptedSecret: box.encrypt(newSecret()) });
    await assert.rejects(signing(id, 0, new SecretBox(randomBytes(32))), { code: 'SECRETS_KEY_MISMATCH' });
    const row = database().reader.selectFrom('webhook').selectAll().where('id', '=', id);
    const secrets = await row.executeTakeFirstOrThrow();
    assert.throws(() => signingSecrets(secrets, undefined, 0), { code: 'SECRETS_UNAVAILABLE' });
  });
});

describe('secrets', () => {
  it('chosen by callers have 24 to 64 bytes in canonical base64; a problem document does not repeat them', () => {
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
