import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Writer } from '../../src/database/database.ts';
import { onEachDialect } from './dialects.ts';

const tenant = (id: string, created_at = 0) => ({ id, created_at });
const key = (id: string, of: string) => ({
  ...{ id, tenant: of, name: '', scopes: '[]', sha256: '', created_at: 0 },
});

onEachDialect('a database', (database) => {
  const insert = (id: string, value?: number) =>
    database().write((writer) => writer.insertInto('tenant').values(tenant(id, value)).execute());
  const countOf = async (id: string) => {
    const row = await database()
      .reader.selectFrom('tenant')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    return row?.created_at;
  };
  const inParallel = (work: (writer: Writer) => Promise<unknown>) =>
    Promise.all(Array.from({ length: 40 }, () => database().write(work)));

  it('shows a committed transaction to every later reader', async () => {
    await insert('shown', 7);
    assert.equal(await countOf('shown'), 7);
  });

  it('shows a snapshot nothing that is written after its first read, and blocks no writer', async () => {
    await insert('counted', 1);
    await database().snapshot(async (reader) => {
      const count = async () =>
        (await reader.selectFrom('tenant').select('id').where('created_at', '=', 1).execute()).length;
      assert.equal(await count(), 1);
      await insert('later', 1);
      assert.equal(await countOf('later'), 1);
      assert.equal(await count(), 1);
    });
  });

  it('keeps nothing of a transaction that fails, and continues to work', async () => {
    const failed = database().write(async (writer) => {
      await writer.insertInto('tenant').values(tenant('failed')).execute();
      throw new Error('on purpose');
    });
    await assert.rejects(failed, /on purpose/);
    assert.equal(await countOf('failed'), undefined);
    await insert('after');
    assert.equal(await countOf('after'), 0);
  });

  it('keeps nothing of a transaction that breaks a constraint', async () => {
    await insert('taken');
    const broken = database().write(async (writer) => {
      await writer.insertInto('tenant').values(tenant('with it')).execute();
      await writer.insertInto('tenant').values(tenant('taken')).execute();
    });
    await assert.rejects(broken, /unique/i);
    assert.equal(await countOf('with it'), undefined);
  });

  it('reports without an error that a row already existed', async () => {
    const create = () =>
      database().write((writer) =>
        writer
          .insertInto('tenant')
          .values(tenant('once'))
          .onConflict((conflict) => conflict.doNothing())
          .returning('id')
          .executeTakeFirst(),
      );
    assert.deepEqual((await create())?.id, 'once');
    assert.equal(await create(), undefined);
  });

  it('refuses a row that refers to a missing row', async () => {
    const orphan = database().write((writer) =>
      writer
        .insertInto('api_key')
        .values({ ...key('key_1', 'nobody'), ...NEVER })
        .execute(),
    );
    await assert.rejects(orphan, /foreign key/i);
  });

  it('loses none of many simultaneous changes', async () => {
    await insert('counter');
    await inParallel((writer) =>
      writer
        .updateTable('tenant')
        .set((row) => ({ created_at: row('created_at', '+', 1) }))
        .where('id', '=', 'counter')
        .execute(),
    );
    assert.equal(await countOf('counter'), 40);
  });

  it('loses none of many simultaneous changes that depend on what was read', async () => {
    await insert('read');
    await inParallel(async (writer) => {
      const { created_at } = await database()
        .locked(writer.selectFrom('tenant').selectAll().where('id', '=', 'read'))
        .executeTakeFirstOrThrow();
      await writer
        .updateTable('tenant')
        .set({ created_at: created_at + 1 })
        .where('id', '=', 'read')
        .execute();
    });
    assert.equal(await countOf('read'), 40);
  });

  it('resolves transactions that wait for each other', async () => {
    await insert('left');
    await insert('right');
    const add = (writer: Writer, id: string) =>
      writer
        .updateTable('tenant')
        .set((row) => ({ created_at: row('created_at', '+', 1) }))
        .where('id', '=', id)
        .execute();
    const orders = [
      ['left', 'right'],
      ['right', 'left'],
    ];
    const work = Array.from({ length: 20 }, (_, i) =>
      database().write(async (writer) => {
        for (const id of orders[i % 2]!) await add(writer, id);
      }),
    );
    await Promise.all(work);
    assert.deepEqual([await countOf('left'), await countOf('right')], [20, 20]);
  });

  it('returns whole numbers unchanged, up to the largest', async () => {
    await insert('large', Number.MAX_SAFE_INTEGER);
    assert.equal(await countOf('large'), Number.MAX_SAFE_INTEGER);
  });

  it('returns texts unchanged, whatever they contain', async () => {
    const texts = ['', "'", '\u0001\n', 'ü€😀', '%_\\', '{"a":[1]}'];
    for (const [i, name] of texts.entries())
      await database().write(async (writer) => {
        await writer
          .insertInto('tenant')
          .values(tenant(`text ${i}`))
          .execute();
        await writer
          .insertInto('api_key')
          .values({ ...key(`key ${i}`, `text ${i}`), ...NEVER, name })
          .execute();
      });
    const rows = await database()
      .reader.selectFrom('api_key')
      .select('name')
      .where('tenant', 'like', 'text %')
      .orderBy('id')
      .execute();
    assert.deepEqual(
      rows.map(({ name }) => name),
      texts,
    );
  });

  it('orders and compares texts by their bytes', async () => {
    const ids = ['o-B', 'o-_', 'o-a', 'o-ä', 'o-€'];
    for (const id of [...ids].reverse()) await insert(id);
    const rows = await database()
      .reader.selectFrom('tenant')
      .select('id')
      .where('id', '>=', 'o-')
      .where('id', '<', 'o.')
      .orderBy('id')
      .execute();
    assert.deepEqual(
      rows.map(({ id }) => id),
      ids,
    );
  });

  it('returns the time in whole milliseconds', async () => {
    const { now } = database();
    const beginMs = Date.now();
    const row = await database()
      .reader.selectFrom('tenant')
      .select(({ eb }) => [now.as('now'), eb(now, '+', 250).as('later')])
      .executeTakeFirstOrThrow();
    assert.ok(Number.isInteger(row.now) && Math.abs(row.now - beginMs) < 5_000, String(row.now));
    assert.equal(row.later, row.now + 250);
  });

  it('answers a check', () => database().check());
});

const NEVER = { expires_at: null, revoked_at: null, last_used_at: null };
