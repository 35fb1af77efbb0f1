import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { KeyRecord } from '../../../src/contract/key.ts';
import { isKeyId, keyDigest, newKey, parseKeyId } from '../../../src/resources/keys/key-text.ts';
import { KeyService } from '../../../src/resources/keys/service.ts';
import { onEachDialect } from '../../database/dialects.ts';
import fc from '../../fast-check.ts';
import { until } from '../../queue/harness.ts';

const PLAIN = {
  tenant: 'team',
  makesTenant: true,
  name: 'ci',
  scopes: ['read', 'write'],
  expiresAt: null,
} as const;

describe('the text of a key', () => {
  it('has its id, an unguessable secret, and a checksum', () => {
    const made = Array.from({ length: 200 }, newKey);
    assert.equal(new Set(made.map(({ key }) => key)).size, 200);
    for (const { id, key } of made) {
      assert.match(key, /^lsq_[0-9a-f]{12}_[0-9a-f]{56}$/);
      assert.equal(parseKeyId(key), id);
      assert.ok(isKeyId(id));
      assert.equal(keyDigest(key).length, 32);
    }
  });

  it('is refused after any typing error, without a query to the storage', () => {
    const { key } = newKey();
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.constantFrom(...'0123456789abcdefghxyz_A '), (at, letter) => {
        const slip = key.slice(0, at) + letter + key.slice(at + 1);
        assert.equal(parseKeyId(slip), slip === key ? parseKeyId(key) : undefined);
      }),
      { numRuns: 500 },
    );
    for (const text of ['', 'lsq_', key.slice(0, -1), `${key}0`, key.toUpperCase(), ` ${key}`])
      assert.equal(parseKeyId(text), undefined, text);
  });
});

onEachDialect('keys', (database, folder) => {
  it('are accepted until they are revoked, several of a tenant at once', async () => {
    const keys = new KeyService(database());
    assert.equal(await keys.isAny(), false);
    const [one, two] = [await keys.create(PLAIN), await keys.create({ ...PLAIN, scopes: ['read'] })];
    assert.equal(await keys.isAny(), true);
    for (const { key, record } of [one, two])
      assert.deepEqual(withoutUse(await keys.verify(key)), withoutUse(record));
    const revoked = await keys.revoke(one.record.id);
    assert.ok(revoked.revoked_at);
    assert.equal(await keys.verify(one.key), undefined);
    assert.equal((await keys.verify(two.key))?.id, two.record.id);
    assert.deepEqual(withoutUse(await keys.revoke(one.record.id)), withoutUse(revoked), 'again, as it was');
    assert.equal(await keys.isAny(), true);
    await keys.revoke(two.record.id);
    assert.equal(await keys.isAny(), false);
    await assert.rejects(keys.revoke(newKey().id), { code: 'KEY_NOT_FOUND' });
    for (const odd of ['', '../x', 'key_../../x', one.key])
      await assert.rejects(keys.revoke(odd), { code: 'KEY_NOT_FOUND' });
  });

  it('are refused for a tenant that does not exist, unless it is to be created', async () => {
    const keys = new KeyService(database());
    const refused = keys.create({ ...PLAIN, makesTenant: false, tenant: 'nobody' });
    await assert.rejects(refused, { code: 'TENANT_NOT_FOUND' });
    assert.deepEqual(await keys.list(), []);
    const { record } = await keys.create({
      ...PLAIN,
      makesTenant: false,
      tenant: 'default',
      maxPriority: 'low',
    });
    assert.equal(record.max_priority, 'low');
    await assert.rejects(keys.revoke(record.id, 'team'), { code: 'KEY_NOT_FOUND' });
    assert.equal((await keys.list())[0]!.revoked_at, null);
    assert.ok((await keys.revoke(record.id, 'default')).revoked_at);
  });

  it('are listed oldest first, for one tenant or all', async () => {
    const keys = new KeyService(database());
    const made: KeyRecord[] = [];
    for (const tenant of ['b', 'a', 'b']) made.push((await keys.create({ ...PLAIN, tenant })).record);
    const order = (records: readonly KeyRecord[]) =>
      [...records].sort((x, y) => (x.created_at + x.id < y.created_at + y.id ? -1 : 1)).map(({ id }) => id);
    assert.deepEqual(
      (await keys.list()).map(({ id }) => id),
      order(made),
    );
    assert.deepEqual(
      (await keys.list('b')).map(({ id }) => id),
      order([made[0]!, made[2]!]),
    );
    assert.deepEqual(await keys.list('none'), []);
  });

  it('expire at their time, even if they were accepted before', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const keys = new KeyService(database(), 60_000);
    const { key } = await keys.create({ ...PLAIN, expiresAt: new Date(Date.now() + 400) });
    t.mock.timers.tick(399);
    assert.ok(await keys.verify(key));
    assert.equal(await keys.isAny(), true);
    t.mock.timers.tick(1);
    assert.equal(await keys.verify(key), undefined);
    assert.equal(await keys.isAny(), false);
  });

  it('are stored as digests only', async () => {
    const keys = new KeyService(database());
    const { key, record } = await keys.create(PLAIN);
    await keys.verify(key);
    await until('a note of its use', async () => (await keys.list())[0]?.last_used_at ?? undefined);
    const secret = key.split('_')[2]!;
    const { reader } = database();
    const rows = await reader.selectFrom('api_key').selectAll().execute();
    assert.deepEqual(
      rows.map(({ id, sha256 }) => [id, sha256]),
      [[record.id, keyDigest(key).toString('hex')]],
    );
    assert.ok(!JSON.stringify(rows).includes(secret.slice(0, 16)));
    for (const name of await readdir(folder())) {
      const text = await readFile(join(folder(), name), 'latin1');
      assert.ok(!text.includes(secret.slice(0, 16)), name);
    }
  });

  it('with the id of one key and the secret of another are refused', async () => {
    const keys = new KeyService(database());
    const { record } = await keys.create(PLAIN);
    // A well-formed key with a correct checksum and the secret of another key.
    const { id, key: forged } = newKey();
    await database().write((writer) =>
      writer.updateTable('api_key').set({ id }).where('id', '=', record.id).execute(),
    );
    assert.equal(await keys.verify(forged), undefined);
    assert.equal(await keys.verify(newKey().key), undefined);
  });

  it('are cached, without further queries', async () => {
    const keys = new KeyService(database());
    const { key } = await keys.create(PLAIN);
    assert.equal(keys.verifyRemembered(key), undefined, 'not looked at yet');
    assert.equal(keys.verifyRemembered('nonsense'), null);
    await keys.verify(key);
    assert.equal(keys.verifyRemembered(key)?.tenant, 'team');
    const unknown = newKey().key;
    await keys.verify(unknown);
    assert.equal(keys.verifyRemembered(unknown), null);
  });

  it('have their last use recorded, to the hour', async () => {
    const keys = new KeyService(database());
    const { key, record } = await keys.create(PLAIN);
    assert.equal((await keys.list())[0]?.last_used_at, null);
    await keys.verify(key);
    const first = await until('a note', async () => (await keys.list())[0]?.last_used_at ?? undefined);
    assert.ok(Math.abs(Date.parse(first) - Date.now()) < 60_000);
    for (let times = 0; times < 5; times++) await keys.verify(key);
    assert.equal((await keys.list())[0]?.last_used_at, first);
    assert.equal((await keys.revoke(record.id)).last_used_at, first);
  });

  it('that are revoked elsewhere are refused as soon as they are looked up again', async () => {
    const [here, elsewhere] = [new KeyService(database(), 300), new KeyService(database())];
    const { key, record } = await here.create(PLAIN);
    assert.ok(await here.verify(key));
    await elsewhere.revoke(record.id);
    assert.equal(await elsewhere.verify(key), undefined);
    await until('the news', async () => ((await here.verify(key)) ? undefined : true));
  });
});

const withoutUse = (record: KeyRecord | undefined): object | undefined =>
  record && { ...record, last_used_at: null };
