import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_MS, type UploadLock, UploadLocks } from '../../../src/resources/uploads/upload-locks.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { untilBlocked } from '../../database/paused-database.ts';
import { until } from '../../queue/harness.ts';

const NOW = { waitMs: 0 };
const PATIENT = { waitMs: 20_000 };
const A = { tenant: 'red', id: 'upload-a' };

onEachDialect('locks of uploads', (database) => {
  /** Each lock set behaves like a separate process. */
  const locks = () => new UploadLocks(database());
  const rows = () => database().reader.selectFrom('upload_lock').selectAll().execute();
  /** As if its holder had not renewed it for long. */
  const expire = () =>
    database().write((writer) => writer.updateTable('upload_lock').set({ expires_at: 1 }).execute());

  it('are held by one at a time, in this and other processes', async () => {
    const [ours, others] = [locks(), locks()];
    const lock = await ours.lock(A, NOW);
    assert.ok(lock);
    lock.check();
    assert.equal(await ours.lock(A, NOW), undefined);
    assert.equal(await others.lock(A, NOW), undefined);
    for (const another of [
      { ...A, id: 'upload-b' },
      { ...A, tenant: 'blue' },
    ])
      await (await others.lock(another, NOW))!.release();
    await lock.release();
    await (await others.lock(A, NOW))!.release();
    assert.deepEqual(await rows(), []);
  });

  it('are given to many simultaneous requests one after the other', async () => {
    const processes = [locks(), locks(), locks()];
    const inside = new Set<UploadLock>();
    let most = 0;
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const lock = await processes[index % 3]!.lock(A, PATIENT);
        assert.ok(lock);
        inside.add(lock);
        most = Math.max(most, inside.size);
        await sleep(2);
        inside.delete(lock);
        await lock.release();
      }),
    );
    assert.equal(most, 1);
  });

  it('are not taken over by a request that began before its holder and had to wait', async () => {
    const { now, write } = database();
    let late: Promise<UploadLock | undefined> | undefined;
    await write(async (writer) => {
      await writer
        .insertInto('upload_lock')
        .values({ ...A, owner: 'early', expires_at: 1, wanted: 0 })
        .execute();
      late = locks().lock(A, NOW);
      await untilBlocked(database());
      await writer
        .updateTable('upload_lock')
        .set(({ eb }) => ({ expires_at: eb(now, '+', LEASE_MS) }))
        .execute();
    });
    assert.equal(await late, undefined);
  });

  it('are released by a holder that learns of a waiting request, once', async () => {
    let urged = 0;
    const lock = await locks().lock(A, { ...NOW, onUrged: () => urged++ });
    const waiting = locks().lock(A, { ...PATIENT, urge: true });
    await until('the holder hears of it', () => urged > 0);
    await sleep(300);
    assert.equal(urged, 1);
    await lock!.release();
    await (await waiting)!.release();
  });

  it('do not urge the next holder because of a request that gave up or already has the lock', async () => {
    let urged = 0;
    const lock = await locks().lock(A, NOW);
    assert.equal(await locks().lock(A, { waitMs: 100, urge: true }), undefined);
    const waiting = locks().lock(A, { ...PATIENT, urge: true, onUrged: () => urged++ });
    await sleep(100);
    await lock!.release();
    const next = await waiting;
    await sleep(500);
    assert.equal(urged, 0);
    await next!.release();
  });

  it('are no longer waited for when the request is over', async () => {
    const lock = await locks().lock(A, NOW);
    const controller = new AbortController();
    const waiting = locks().lock(A, { waitMs: 60_000, signal: controller.signal });
    controller.abort();
    assert.equal(await waiting, undefined);
    await lock!.release();
  });

  it('are kept as long as their holder lives, and go to one of many when it dies', async () => {
    const holder = locks();
    const lock = await holder.lock(A, NOW);
    const [first] = await rows();
    const isRenewed = async () => (await rows())[0]!.expires_at > first!.expires_at;
    await until('it is held for longer', isRenewed);
    lock!.check();
    holder.close();
    const all = await Promise.all(
      Array.from({ length: 4 }, () => locks().lock(A, { waitMs: LEASE_MS + 3000 })),
    );
    const had = all.filter((each) => each !== undefined);
    assert.equal(had.length, 1);
    // The dead holder's lock has also expired by its own clock before others could get it.
    assert.throws(() => lock!.check(), { code: 'UPLOAD_LOCKED' });
    await had[0]!.release();
  });

  it('tell a holder that another one took over, whose lock it does not release', async () => {
    let urged = 0;
    const lock = await locks().lock(A, { ...NOW, onUrged: () => urged++ });
    await expire();
    const theirs = await locks().lock(A, NOW);
    assert.ok(theirs);
    await until('the first holder knows', () => urged > 0);
    assert.throws(() => lock!.check(), { code: 'UPLOAD_LOCKED' });
    await lock!.release();
    theirs.check();
    assert.equal((await rows()).length, 1);
    await theirs.release();
  });

  it('of dead processes are removed by a sweep', async () => {
    const dead = locks();
    await dead.lock(A, NOW);
    dead.close();
    await expire();
    const held = await locks().lock({ ...A, id: 'upload-z' }, NOW);
    await locks().sweep();
    assert.deepEqual(
      (await rows()).map(({ id }) => id),
      ['upload-z'],
    );
    await held!.release();
  });
});
