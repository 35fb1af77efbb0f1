import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import type { Database } from '../../../src/database/database.ts';
import { rotateSecrets } from '../../../src/resources/secrets/rotate-secrets.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { fillEveryTable } from '../../backup/fill-tables.ts';
import { onEachDialect } from '../../database/dialects.ts';

const [OLD, FRESH, LOST] = [0, 1, 2].map(() => randomBytes(32)) as [Buffer, Buffer, Buffer];
const old = new SecretBox(OLD);
const fresh = new SecretBox(FRESH);
const lost = new SecretBox(LOST);
const ring = new SecretBox(
  (
    (keys) => () =>
      keys
  )([FRESH, OLD]),
);

onEachDialect('the rotation of secrets', (database, folder) => {
  /** A row in every table, with encrypted values wherever there can be some. */
  async function encryptEverywhere(box: SecretBox): Promise<void> {
    await fillEveryTable(database(), await DiskStore.open(folder()));
    const work = JSON.stringify({
      // A user's text is not an encrypted secret, whatever it looks like.
      labels: { note: `"encrypted":"${box.encrypt('a text')}"` },
      source: { kind: 'url', place: 'https://host', encrypted: box.encrypt('source') },
      deliver: [{ to: { encrypted: box.encrypt('sink') } }],
    });
    await database().write(async (writer) => {
      const hook = { secret: box.encrypt('secret'), previous_secret: box.encrypt('previous') };
      await writer
        .updateTable('webhook')
        .set({ ...hook, encrypted_url: box.encrypt('url') })
        .execute();
      await writer
        .updateTable('connection')
        .set({ credentials: box.encrypt('keys') })
        .execute();
      await writer
        .updateTable('job')
        .set({ encrypted_request: work })
        .where('finished_at', 'is', null)
        .execute();
      await writer.updateTable('batch_member').set({ encrypted: work }).execute();
      const answer = JSON.stringify({ status: 201, headers: {}, body: box.encrypt('answer') });
      await writer.updateTable('idempotency').set({ answer }).where('answer', 'is not', null).execute();
    });
  }

  /** All encrypted values, decrypted; texts of users are not included. */
  async function decrypted(box: SecretBox): Promise<string[]> {
    const { reader } = database();
    const hook = await reader.selectFrom('webhook').selectAll().executeTakeFirstOrThrow();
    const connection = await reader.selectFrom('connection').selectAll().executeTakeFirstOrThrow();
    const job = await reader
      .selectFrom('job')
      .selectAll()
      .where('finished_at', 'is', null)
      .executeTakeFirstOrThrow();
    const member = await reader.selectFrom('batch_member').selectAll().executeTakeFirstOrThrow();
    const answer = await reader
      .selectFrom('idempotency')
      .selectAll()
      .where('answer', 'is not', null)
      .executeTakeFirstOrThrow();
    const works = [job.encrypted_request!, member.encrypted!].map((text) => JSON.parse(text));
    const encrypted = [
      ...[hook.secret, hook.previous_secret!, hook.encrypted_url!, connection.credentials!],
      ...works.flatMap((work) => [work.source.encrypted, work.deliver[0].to.encrypted]),
      JSON.parse(answer.answer!).body,
    ];
    return encrypted.map((text) => box.decrypt(text));
  }
  const ALL = ['secret', 'previous', 'url', 'keys', 'source', 'sink', 'source', 'sink', 'answer'];

  it('encrypts everything again that another key encrypted, once, and reports that the other key is unused', async () => {
    await encryptEverywhere(old);
    const [key, other] = ring.keyIds;
    assert.deepEqual(await rotateSecrets(database(), ring), {
      ...{ key, reencrypted: 5, next: null },
      ...{ droppable_keys: [other], unreadable: [] },
    });
    assert.deepEqual(await decrypted(fresh), ALL);
    const { encrypted_request } = await database()
      .reader.selectFrom('job')
      .select('encrypted_request')
      .where('finished_at', 'is', null)
      .executeTakeFirstOrThrow();
    const [, note] = /"encrypted":"(.*)"$/.exec(JSON.parse(encrypted_request!).labels.note)!;
    assert.equal(old.decrypt(note!), 'a text');
    assert.equal((await rotateSecrets(database(), ring)).reencrypted, 0);
    assert.deepEqual(await decrypted(fresh), ALL);
  });

  it('continues where the previous call ended', async () => {
    await encryptEverywhere(old);
    let [calls, reencrypted] = [0, 0];
    for (let after: string | undefined; ; calls++) {
      const done = await rotateSecrets(database(), ring, { after, patienceMs: 0 });
      reencrypted += done.reencrypted;
      if (done.next === null) break;
      assert.deepEqual(done.droppable_keys, []);
      after = done.next;
    }
    assert.ok(calls >= 4, `${calls} calls`);
    assert.equal(reencrypted, 5);
    assert.deepEqual(await decrypted(fresh), ALL);
  });

  it('encrypts again what others changed between its reading and its writing', async () => {
    await encryptEverywhere(old);
    let rolls = 0;
    const { write, ...rest } = database();
    const busy: Database = {
      ...rest,
      async write(work) {
        if (rolls++ === 0) {
          const secret = fresh.encrypt('next');
          await write((writer) =>
            writer
              .updateTable('webhook')
              .set(({ ref }) => ({ secret, previous_secret: ref('secret') }))
              .execute(),
          );
        }
        return write(work);
      },
    };
    const { reencrypted } = await rotateSecrets(busy, ring, {
      after: Buffer.from(JSON.stringify(['webhook', ''])).toString('base64url'),
    });
    assert.equal(reencrypted, 4);
    const { secret, previous_secret } = await database()
      .reader.selectFrom('webhook')
      .selectAll()
      .executeTakeFirstOrThrow();
    assert.deepEqual(
      [secret, previous_secret!].map((text) => fresh.decrypt(text)),
      ['next', 'secret'],
    );
  });

  it('leaves what no key decrypts, and reports which key is missing', async () => {
    await encryptEverywhere(lost);
    const { reencrypted, unreadable } = await rotateSecrets(database(), ring);
    assert.deepEqual([reencrypted, unreadable], [0, [{ key: lost.keyIds[0], secrets: ALL.length }]]);
    assert.deepEqual(await decrypted(lost), ALL);
  });

  it('refuses an invalid cursor, and any work without a key', async () => {
    for (const value of ['', '"', '[]', '["tenant","x"]', '["job"]', '["job",null]', '["job",{}]']) {
      const after = Buffer.from(value).toString('base64url');
      await assert.rejects(rotateSecrets(database(), ring, { after }), { code: 'VALIDATION_FAILED' }, value);
    }
    await assert.rejects(rotateSecrets(database(), undefined), { code: 'SECRETS_UNAVAILABLE' });
  });
});
