import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/errors/app-error.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { storageError } from '../../src/storage/storage-error.ts';
import { blobStoreConformance } from '../conformance/blob-store.ts';

blobStoreConformance('DiskStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disk-store-'));
  const store = await DiskStore.open(join(folder, 'deep', 'store'));
  return {
    store,
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});

const scratchOf = (root: string): string[] => readdirSync(join(root, 'tmp'), { recursive: true }) as string[];

/** A process that opens the store, leaves a file in its scratch folder and waits. */
async function neighbour(root: string): Promise<ChildProcess> {
  const script = `
    import { writeFileSync } from 'node:fs';
    import { DiskStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/storage/disk-store.ts'))};
    const store = await DiskStore.open(${JSON.stringify(root)});
    writeFileSync(await store.makeScratch() + '/half-written', 'x');
    console.log('ready');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout!, 'data');
  assert.match(String(line), /ready/);
  return child;
}

describe('DiskStore', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'disk-store-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  describe('on a file system that hangs', () => {
    /** Operations that do not hang need less, even on a busy machine. */
    const IDLE_MS = 3_000;
    /**
     * A named pipe blocks a process that opens or reads it until another one writes, like a dead network file
     * system.
     */
    const hangs = (key: string): string => {
      const path = join(root, key);
      execFileSync('mkfifo', [path]);
      return path;
    };
    const late = { code: 'STORAGE_FAILED', message: 'The storage could not read (ETIMEDOUT).' };

    it('fails when a file cannot be opened in time', async () => {
      const store = await DiskStore.open(root, IDLE_MS);
      const path = hangs('blob');
      await assert.rejects(store.get('blob'), late);
      await assert.rejects(store.read('blob'), late);
      // Releases the threads that wait for it.
      writeFileSync(path, '');
      await store.close();
    });

    it('fails in the middle of a stream, and does not hurry a slow reader', async () => {
      const store = await DiskStore.open(root, IDLE_MS);
      const path = hangs('blob');
      // Opened in both directions, it does not wait for the other end.
      const writer = openSync(path, 'r+');
      writeSync(writer, 'half');
      const stream = await store.read('blob');
      const [chunk] = await once(stream, 'data');
      assert.equal(String(chunk), 'half');
      const [error] = await once(stream, 'error');
      assert.deepEqual({ code: error.code, message: error.message }, late);
      writeSync(writer, 'x');
      closeSync(writer);

      await store.put('slow', Buffer.alloc(300_000));
      let bytes = 0;
      for await (const piece of await store.read('slow')) {
        if (bytes === 0) await sleep(IDLE_MS + 500);
        bytes += piece.byteLength;
      }
      assert.equal(bytes, 300_000);
      await store.close();
    });
  });

  it('keeps its content over a restart', async () => {
    const first = await DiskStore.open(root);
    await first.put('jobs/1.json', Buffer.from('{}'));
    await first.close();
    const second = await DiskStore.open(root);
    assert.deepEqual(await second.list(''), ['jobs/1.json']);
    await second.close();
  });

  it('leaves no scratch files behind, whether a write succeeded or not', async () => {
    const store = await DiskStore.open(root);
    await store.put('a/b', Buffer.from('x'));
    await store.check();
    await assert.rejects(store.put('a/b/c', Buffer.from('x')), { code: 'STORAGE_FAILED' });
    await assert.rejects(store.putFile('a/c', join(root, 'not-there')), { code: 'STORAGE_FAILED' });
    assert.equal(scratchOf(root).length, 1, 'only the folder of this process');
    await store.close();
    assert.deepEqual(scratchOf(root), []);
  });

  it('treats a blob in the middle of a key as missing', async () => {
    const store = await DiskStore.open(root);
    await store.put('a/b', Buffer.from('x'));
    assert.equal(await store.get('a/b/c'), undefined);
    assert.equal(await store.stat('a'), undefined);
    await store.close();
  });

  it('does not touch the scratch folder of a living process, and sweeps that of a killed one', async () => {
    const child = await neighbour(root);
    try {
      const store = await DiskStore.open(root);
      assert.equal(scratchOf(root).filter((path) => path.endsWith('half-written')).length, 1);
      await store.close();
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(scratchOf(root).filter((path) => path.endsWith('half-written')).length, 1);
      const next = await DiskStore.open(root);
      assert.deepEqual(scratchOf(root), [readdirSync(join(root, 'tmp'))[0]]);
      await next.close();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('distinguishes a process from a later one with the same id', async () => {
    const store = await DiskStore.open(root);
    const own = readdirSync(join(root, 'tmp'))[0]!;
    const [place, pid] = own.split('-');
    await mkdir(join(root, 'tmp', `${place}-${pid}-1~aaaaaaaaaaaa`));
    const next = await DiskStore.open(root);
    assert.ok(!scratchOf(root).some((path) => path.endsWith('aaaaaaaaaaaa')));
    assert.ok(scratchOf(root).includes(own));
    await store.close();
    await next.close();
  });

  it('leaves the scratch folders of other machines for the time of some heartbeats', async () => {
    const fresh = join(root, 'tmp', '0123456789ab-7-1~bbbbbbbbbbbb');
    const stale = join(root, 'tmp', '0123456789ab-7-1~cccccccccccc');
    for (const folder of [fresh, stale]) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'x'), 'x');
    }
    const twoHoursAgo = new Date(Date.now() - 2 * 3600_000);
    await utimes(stale, twoHoursAgo, twoHoursAgo);
    const store = await DiskStore.open(root);
    assert.ok(statSync(fresh).isDirectory());
    assert.throws(() => statSync(stale), { code: 'ENOENT' });
    await store.close();
  });

  it('lists the first keys of a folder with many, in order and page by page', async () => {
    const store = await DiskStore.open(root);
    const names = Array.from({ length: 3_000 }, (_, index) => `many/${((index * 7919) % 10_007) + 10_000}`);
    await mkdir(join(root, 'many'));
    for (const name of names) await writeFile(join(root, name), '');
    names.sort();
    assert.deepEqual(await store.list('many/', { limit: 50 }), names.slice(0, 50));
    assert.deepEqual(
      await store.list('many/', { after: names[1_999]!, limit: 50 }),
      names.slice(2_000, 2_050),
    );
    assert.deepEqual(
      await store.list('many/1', { limit: 5_000 }),
      names.filter((name) => name[5] === '1'),
    );
    assert.deepEqual(await store.list('many/', { limit: 0 }), []);
    await store.close();
  });

  it('keeps no empty folder, and loses no file when one is removed', async () => {
    const store = await DiskStore.open(root);
    const rounds = Array.from({ length: 60 }, (_, index) => index);
    for (const round of rounds) {
      const written = store.put(`f/${round}`, Buffer.from('x'));
      await Promise.all([written, store.remove(`f/${round - 1}`), store.remove('f/none')]);
      assert.deepEqual(await store.list('f/'), [`f/${round}`]);
    }
    await store.remove(`f/${rounds.at(-1)}`);
    assert.deepEqual(readdirSync(root), ['tmp']);
    await store.close();
  });

  it('fails its check when its folder is gone', async () => {
    const store = await DiskStore.open(root);
    await rm(root, { recursive: true });
    await assert.rejects(store.check(), { code: 'STORAGE_FAILED' });
    await store.close();
  });

  it('reports STORAGE_FULL on a file system that is really full', async (t) => {
    const mount = join(root, 'small');
    await mkdir(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mount], { stdio: 'pipe' });
    } catch (error) {
      return t.skip(`no tmpfs can be mounted here: ${String(error).split('\n')[0]}`);
    }
    try {
      const store = await DiskStore.open(mount);
      await store.put('kept', Buffer.from('kept'));
      await assert.rejects(store.put('big', Buffer.alloc(1_000_000)), (error: AppError) => {
        assert.equal(error.code, 'STORAGE_FULL');
        assert.ok(error.retryable);
        assert.ok(!error.message.includes(mount), 'names no path');
        return true;
      });
      assert.deepEqual(await store.list(''), ['kept']);
      assert.equal(scratchOf(mount).length, 1);
      await store.check();
      await store.close();
    } finally {
      execFileSync('umount', [mount]);
    }
  });
});

describe('storageError', () => {
  const failure = (code: string): Error => Object.assign(new Error(`${code}: /secret/path`), { code });

  it('distinguishes a full disk from other faults', () => {
    assert.equal(storageError('write', failure('ENOSPC')).code, 'STORAGE_FULL');
    assert.equal(storageError('write', failure('EDQUOT')).code, 'STORAGE_FULL');
    assert.equal(storageError('write', failure('EIO')).code, 'STORAGE_FAILED');
    assert.equal(storageError('write', 'odd').code, 'STORAGE_FAILED');
  });

  it('keeps the cause for the log and paths out of the message', () => {
    const cause = failure('EROFS');
    const error = storageError('write', cause);
    assert.equal(error.message, 'The storage could not write (EROFS).');
    assert.equal(error.cause, cause);
  });

  it('passes an AppError through', () => {
    const error = new AppError('ADAPTER_NOT_FOUND', 'x');
    assert.equal(storageError('write', error), error);
  });
});
