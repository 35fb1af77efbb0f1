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
  /** A row in every table, with sealed values wherever there can be some. */
  async function sealedEverywhere(box: SecretBox): Promise<void> {
    await fillEveryTable(database(), await DiskStore.open(folder()));
    const work = JSON.stringify({
      // A user's text is not a sealed secret, whatever it looks like.
      labels: { note: `"sealed":"${box.seal('a text')}"` },
      source: { kind: 'url', place: 'https://host', sealed: box.seal('source') },
      deliver: [{ to: { sealed: box.seal('sink') } }],
    });
    await database().write(async (writer) => {
      const hook = { secret: box.seal('secret'), previous_secret: box.seal('previous') };
      await writer
        .updateTable('webhook')
        .set({ ...hook, sealed_url: box.seal('url') })
        .execute();
      await writer
        .updateTable('connection')
        .set({ credentials: box.seal('keys') })
        .execute();
      await writer
        .updateTable('job')
        .set({ sealed_request: work })
        .where('finished_at', 'is', null)
        .execute();
      await writer.updateTable('batch_member').set({ sealed: work }).execute();
      const answer = JSON.stringify({ status: 201, headers: {}, body: box.seal('answer') });
      await writer.updateTable('idempotency').set({ answer }).where('answer', 'is not', null).execute();
    });
  }

  /** All sealed values, opened; texts of users are not included. */
  async function opened(box: SecretBox): Promise<string[]> {
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
    const works = [job.sealed_request!, member.sealed!].map((text) => JSON.parse(text));
    const sealed = [
      ...[hook.secret, hook.previous_secret!, hook.sealed_url!, connection.credentials!],
      ...works.flatMap((work) => [work.source.sealed, work.deliver[0].to.sealed]),
      JSON.parse(answer.answer!).body,
    ];
    return sealed.map((text) => box.open(text));
  }
  const ALL = ['secret', 'previous', 'url', 'keys', 'source', 'sink', 'source', 'sink', 'answer'];

  it('seals everything again that another key sealed, once, and reports that the other key is unused', async () => {
    await sealedEverywhere(old);
    const [key, other] = ring.keyIds;
    assert.deepEqual(await rotateSecrets(database(), ring), {
      ...{ key, resealed: 5, next: null },
      ...{ droppable_keys: [other], unreadable: [] },
    });
    assert.deepEqual(await opened(fresh), ALL);
    const { sealed_request } = await database()
      .reader.selectFrom('job')
      .select('sealed_request')
      .where('finished_at', 'is', null)
      .executeTakeFirstOrThrow();
    const [, note] = /"sealed":"(.*)"$/.exec(JSON.parse(sealed_request!).labels.note)!;
    assert.equal(old.open(note!), 'a text');
    assert.equal((await rotateSecrets(database(), ring)).resealed, 0);
    assert.deepEqual(await opened(fresh), ALL);
  });

  it('continues where the previous call ended', async () => {
    await sealedEverywhere(old);
    let [calls, resealed] = [0, 0];
    for (let after: string | undefined; ; calls++) {
      const done = await rotateSecrets(database(), ring, { after, patienceMs: 0 });
      resealed += done.resealed;
      if (done.next === null) break;
      assert.deepEqual(done.droppable_keys, []);
      after = done.next;
    }
    assert.ok(calls >= 4, `${calls} calls`);
    assert.equal(resealed, 5);
    assert.deepEqual(await opened(fresh), ALL);
  });

  it('seals again what others changed between its reading and its writing', async () => {
    await sealedEverywhere(old);
    let rolls = 0;
    const { write, ...rest } = database();
    const busy: Database = {
      ...rest,
      async write(work) {
        if (rolls++ === 0) {
          const secret = fresh.seal('next');
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
    const { resealed } = await rotateSecrets(busy, ring, {
      after: Buffer.from(JSON.stringify(['webhook', ''])).toString('base64url'),
    });
    assert.equal(resealed, 4);
    const { secret, previous_secret } = await database()
      .reader.selectFrom('webhook')
      .selectAll()
      .executeTakeFirstOrThrow();
    assert.deepEqual(
      [secret, previous_secret!].map((text) => fresh.open(text)),
      ['next', 'secret'],
    );
  });

  it('leaves what no key opens, and reports which key is missing', async () => {
    await sealedEverywhere(lost);
    const { resealed, unreadable } = await rotateSecrets(database(), ring);
    assert.deepEqual([resealed, unreadable], [0, [{ key: lost.keyIds[0], secrets: ALL.length }]]);
    assert.deepEqual(await opened(lost), ALL);
  });

  it('refuses an invalid cursor, and any work without a key', async () => {
    for (const value of ['', '"', '[]', '["tenant","x"]', '["job"]', '["job",null]', '["job",{}]']) {
      const after = Buffer.from(value).toString('base64url');
      await assert.rejects(rotateSecrets(database(), ring, { after }), { code: 'VALIDATION_FAILED' }, value);
    }
    await assert.rejects(rotateSecrets(database(), undefined), { code: 'SECRETS_UNAVAILABLE' });
  });
});
