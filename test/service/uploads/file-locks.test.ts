import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileLocks } from '../../../src/service/uploads/file-locks.ts';
import { thisProcess } from '../../../src/storage/process-identity.ts';
import { programEntry } from '../../entry.ts';

const HOLDER = join(import.meta.dirname, 'lock-holder.program.ts');
const NOW = { waitMs: 0 };

describe('locks between processes', () => {
  let root: string;
  let folder: string;
  let locks: FileLocks;
  const children: ChildProcess[] = [];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'locks-test-'));
  });
  beforeEach(() => {
    folder = join(root, String(Math.random()).slice(2), 'locks');
    locks = new FileLocks(folder);
  });
  afterEach(async () => {
    await locks.close();
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });
  after(() => rm(root, { recursive: true }));

  /** Another process that asks for the lock, and what it says. */
  async function holder(name: string, waitMs = 0) {
    const child = spawn(process.execPath, [...programEntry(HOLDER), folder, name, String(waitMs)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const said = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const next = async (): Promise<string> => (await said.next()).value;
    return { child, next };
  }

  it('are held by one at a time, in this process', async () => {
    const others = new FileLocks(folder);
    const unlock = await locks.lock('a', NOW);
    assert.ok(unlock);
    assert.equal(await locks.lock('a', NOW), undefined);
    assert.equal(await others.lock('a', NOW), undefined);
    const b = await others.lock('b', NOW);
    assert.ok(b, 'another name is another lock');
    await unlock();
    const again = await others.lock('a', NOW);
    assert.ok(again);
    await again();
    await b();
    await others.close();
    await locks.close();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('are had by one of many that come at the same time, one after the other', async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const unlock = await locks.lock('a', { waitMs: 20_000 });
        assert.ok(unlock);
        most = Math.max(most, ++inside);
        await sleep(2);
        inside--;
        await unlock();
      }),
    );
    assert.equal(most, 1);
  });

  it('of another process are respected, and the holder hears that somebody waits', async () => {
    const { child, next } = await holder('a');
    assert.equal(await next(), 'held');
    assert.equal(await locks.lock('a', NOW), undefined);
    const waiting = locks.lock('a', { waitMs: 20_000, urge: true });
    assert.equal(await next(), 'urged');
    child.stdin!.write('now\n');
    assert.equal(await next(), 'given back');
    const unlock = await waiting;
    assert.ok(unlock);
    await unlock();
    assert.deepEqual(
      readdirSync(folder).filter((name) => !name.startsWith('process~')),
      [],
    );
  });

  it('of a process that was killed are broken at once, by one of many', async () => {
    const { child, next } = await holder('a');
    assert.equal(await next(), 'held');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const others = Array.from({ length: 5 }, () => new FileLocks(folder));
    const all = await Promise.all([locks, ...others].map((each) => each.lock('a', { waitMs: 300 })));
    assert.equal(all.filter((unlock) => unlock).length, 1);
    await all.find((unlock) => unlock)!();
    for (const each of others) await each.close();
  });

  it('of another machine are broken when it has been silent for long, and not before', async () => {
    await mkdir(folder, { recursive: true });
    const path = join(folder, 'a.lock');
    await writeFile(path, 'elsewhere000-17-4711~abc');
    assert.equal(await locks.lock('a', NOW), undefined);
    await locks.sweep();
    assert.ok(existsSync(path));
    const longAgo = new Date(Date.now() - 10 * 60_000);
    await utimes(path, longAgo, longAgo);
    const unlock = await locks.lock('a', NOW);
    assert.ok(unlock);
    await unlock();
  });

  it('stop being waited for when the request is over', async () => {
    const unlock = await locks.lock('a', NOW);
    const controller = new AbortController();
    const waiting = locks.lock('a', { waitMs: 60_000, signal: controller.signal });
    controller.abort();
    assert.equal(await waiting, undefined);
    await unlock!();
  });

  it('do not urge the next holder for who gave up', async () => {
    const unlock = await locks.lock('a', NOW);
    assert.equal(await locks.lock('a', { ...NOW, urge: true }), undefined);
    const waiting = locks.lock('a', { waitMs: 20_000, urge: true });
    const gaveUp = await locks.lock('a', { waitMs: 100, urge: true });
    assert.equal(gaveUp, undefined);
    await unlock!();
    const second = await waiting;
    assert.ok(second);
    assert.equal(await locks.lock('a', { waitMs: 100, urge: true }), undefined);
    await second();
    assert.deepEqual(
      readdirSync(folder).filter((name) => !name.startsWith('process~')),
      [],
    );
  });

  it('leave nothing of dead processes behind a sweep', async () => {
    const [place, pid] = (await thisProcess()).split('-');
    const dead = `${place}-${pid}-1`;
    await mkdir(folder, { recursive: true });
    for (const name of [`process~${dead}~aa`, 'x.lock', 'y.lock', 'w.lock.break', 'process~upload-1.lock'])
      writeFileSync(join(folder, name), `${dead}~aa`);
    writeFileSync(join(folder, 'x.lock.wanted'), '');
    const held = await locks.lock('z', NOW);
    await locks.sweep();
    assert.deepEqual(
      readdirSync(folder).filter((name) => !name.startsWith('process~')),
      ['z.lock'],
    );
    assert.equal(readdirSync(folder).filter((name) => name.startsWith('process~')).length, 1, 'our own');
    await held!();
  });

  it('that were broken by somebody else are not given back', async () => {
    const unlock = await locks.lock('a', NOW);
    await rm(join(folder, 'a.lock'));
    const others = new FileLocks(folder);
    const theirs = await others.lock('a', NOW);
    assert.ok(theirs);
    await unlock!();
    assert.ok(existsSync(join(folder, 'a.lock')));
    await theirs();
    await others.close();
  });
});
