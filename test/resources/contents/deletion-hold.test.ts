import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeletionHeld, withDeletionHold } from '../../../src/resources/contents/deletion-hold.ts';
import { SweepCounts } from '../../../src/resources/contents/sweep.ts';
import { sweepContents } from '../../../src/resources/contents/sweep-contents.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { onEachDialect } from '../../database/dialects.ts';

const LONG_AGO = 1;

onEachDialect('a hold', (database, folder) => {
  async function content(id: string): Promise<void> {
    const row = { id, sha256: id, bytes: 1, state: 'stored' as const, inline: null, released_at: LONG_AGO };
    await database().write((writer) => writer.insertInto('content').values(row).execute());
  }
  const contents = async () =>
    (await database().reader.selectFrom('content').select('id').orderBy('id').execute()).map(({ id }) => id);
  async function sweep(): Promise<void> {
    const store = await DiskStore.open(join(folder(), 'storage'));
    const sweep = { startMs: Date.now(), cutoffMs: Date.now(), swept: new SweepCounts() };
    await sweepContents(database(), store, sweep);
    await store.close();
  }

  it('keeps content for as long as work continues, even if it is one of several', async () => {
    await content('a');
    await withDeletionHold(database(), async () => {
      await withDeletionHold(database(), sweep);
      await sweep();
      assert.deepEqual(await contents(), ['a']);
    });
    await sweep();
    assert.deepEqual(await contents(), []);
  });

  it('begins when a transaction that marks content has ended', async () => {
    const order: string[] = [];
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const marking = database().write(async (writer) => {
      assert.equal(await isDeletionHeld(database(), writer), false);
      setTimeout(go, 200);
      order.push('marking');
      await gate;
      order.push('marked');
    });
    while (order.length === 0) await sleep(1);
    await withDeletionHold(database(), async () => void order.push('held'));
    await marking;
    assert.deepEqual(order, ['marking', 'marked', 'held']);
  });

  it('of work that fails ends with it', async () => {
    await content('a');
    await assert.rejects(
      withDeletionHold(database(), () => Promise.reject(new Error('on purpose'))),
      /on purpose/,
    );
    await sweep();
    assert.deepEqual(await contents(), []);
  });

  it('of a process that was killed ends after ten minutes', async () => {
    await content('a');
    const { now } = database();
    const killed = (leftMs: number) =>
      database().write((writer) =>
        writer
          .insertInto('hold')
          .values(({ eb }) => ({ owner: 'killed', expires_at: eb(now, '+', leftMs) }))
          .onConflict((conflict) =>
            conflict.column('owner').doUpdateSet(({ ref }) => ({ expires_at: ref('excluded.expires_at') })),
          )
          .execute(),
      );
    const wholeMs = await withDeletionHold(database(), async () => {
      const hold = database()
        .reader.selectFrom('hold')
        .select(['expires_at', now.as('now')]);
      const row = await hold.where('owner', '<>', '').executeTakeFirstOrThrow();
      return row.expires_at - row.now;
    });
    assert.ok(wholeMs > 590_000 && wholeMs <= 600_000, `${wholeMs}`);
    await killed(60_000);
    await sweep();
    assert.deepEqual(await contents(), ['a']);
    await killed(-1);
    await sweep();
    assert.deepEqual(await contents(), []);
    await withDeletionHold(database(), async () => undefined);
    const left = await database().reader.selectFrom('hold').select('owner').execute();
    assert.deepEqual(
      left.map(({ owner }) => owner),
      [''],
    );
  });
});
