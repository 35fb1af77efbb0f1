import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LocalCache } from '../../src/storage/s3/local-cache.ts';
import { Scratch } from '../../src/storage/scratch.ts';

const HOUR_MS = 3_600_000;

describe('LocalCache', () => {
  let root: string;
  let nowMs: number;
  const closers: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-cache-'));
    nowMs = 1_000_000;
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    await rm(root, { recursive: true, force: true });
  });

  /** The state of one process: its scratch folder, and the cache that it shares with the others. */
  async function open(maxBytes: number) {
    const scratch = await Scratch.open(join(root, 'tmp'));
    const cache = await LocalCache.open(join(root, 'cache'), maxBytes, scratch, { nowMs: () => nowMs });
    const downloads: string[] = [];
    const close = async () => {
      cache.close();
      await scratch.close();
    };
    closers.push(close);
    return {
      cache,
      downloads,
      close,
      /** A file of 100 bytes. */
      file: (name: string) =>
        cache.file(name, 100, async (path) => {
          downloads.push(name);
          await writeFile(path, name.padEnd(100, '.'));
        }),
      job: async () => {
        const folder = await scratch.makeFolder();
        cache.watch(folder);
        return { end: () => rm(folder, { recursive: true }) };
      },
    };
  }

  const kept = (): string[] => readdirSync(join(root, 'cache')).sort();
  /** Sets the time at which a copy was last used to long ago. */
  const age = async (name: string, hours: number): Promise<void> => {
    const then = new Date(Date.now() - hours * HOUR_MS);
    await utimes(join(root, 'cache', name), then, then);
  };

  it('downloads once and returns the same file again', async () => {
    const { file, downloads } = await open(1_000);
    const path = await file('a');
    assert.equal(readFileSync(path, 'utf8'), 'a'.padEnd(100, '.'));
    assert.equal(await file('a'), path);
    assert.deepEqual(downloads, ['a']);
    assert.deepEqual(kept(), ['a']);
  });

  it('removes the copies that were not used for longest, and no more than necessary', async () => {
    const { file } = await open(300);
    for (const name of ['a', 'b', 'c']) await file(name);
    nowMs += HOUR_MS;
    await age('a', 2);
    await age('b', 3);
    await age('c', 1);
    await file('d');
    assert.deepEqual(kept(), ['a', 'c', 'd']);
    await age('d', 0);
    await file('a');
    nowMs += HOUR_MS;
    await file('e');
    assert.deepEqual(kept(), ['a', 'd', 'e'], 'using "a" made it young');
  });

  it('keeps the files of a running job, however old, and releases them when the job is over', async () => {
    const { file, job } = await open(200);
    await file('b');
    const long = await job();
    const path = await file('a');
    nowMs += 100 * HOUR_MS;
    await age('a', 100);
    await file('c');
    assert.deepEqual(kept(), ['a', 'c']);
    assert.equal(readFileSync(path, 'utf8'), 'a'.padEnd(100, '.'));
    await long.end();
    nowMs += HOUR_MS;
    await age('a', 100);
    await age('c', 1);
    await file('d');
    assert.deepEqual(kept(), ['c', 'd']);
    assert.ok(!existsSync(path));
  });

  it('exceeds its limit rather than remove a file of a job', async () => {
    const { file, job } = await open(150);
    await job();
    const paths = [await file('a'), await file('b'), await file('c')];
    nowMs += HOUR_MS;
    await file('d');
    assert.ok(paths.every((path) => existsSync(path)));
    assert.deepEqual(kept(), ['a', 'b', 'c', 'd']);
  });

  it('keeps files for two minutes for users without a scratch folder', async () => {
    const { file } = await open(100);
    const path = await file('a');
    nowMs += 119_000;
    await file('b');
    assert.ok(existsSync(path));
    nowMs += 2_000;
    await file('c');
    assert.ok(!existsSync(path));
  });

  it('does not remove a file of another process until that is gone', async () => {
    const ours = await open(100);
    const theirs = await open(100);
    await theirs.job();
    const path = await theirs.file('a');
    nowMs += HOUR_MS;
    await ours.file('b');
    nowMs += HOUR_MS;
    assert.ok(existsSync(path));
    assert.deepEqual(kept(), ['a', 'b']);
    await theirs.close();
    await ours.file('c');
    assert.deepEqual(kept(), ['c']);
  });

  it('loses no bytes when another process removes the copy meanwhile', async () => {
    const { file } = await open(1_000);
    const path = await file('a');
    await rm(join(root, 'cache', 'a'));
    assert.equal(readFileSync(path, 'utf8'), 'a'.padEnd(100, '.'));
    assert.equal(await file('a'), path);
  });

  it('keeps nothing of a download that failed', async () => {
    const { cache, file } = await open(1_000);
    const failure = new Error('cut off');
    await assert.rejects(
      cache.file('a', 100, async (path) => {
        await writeFile(path, 'half');
        throw failure;
      }),
      failure,
    );
    assert.deepEqual(kept(), []);
    assert.equal(readFileSync(await file('a'), 'utf8'), 'a'.padEnd(100, '.'));
  });

  it('empties itself when the disk is full, and tries again', async () => {
    const { cache, file } = await open(1_000);
    await file('old');
    nowMs += HOUR_MS;
    let attempts = 0;
    await cache.file('new', 100, async (path) => {
      if (++attempts === 1) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      await writeFile(path, 'new');
    });
    assert.deepEqual(kept(), ['new']);
  });

  it('accepts a file that was just stored, unless it exceeds the limit', async () => {
    const { cache, file, downloads } = await open(100);
    await mkdir(join(root, 'elsewhere'));
    for (const [name, bytes] of [
      ['a', 100],
      ['b', 101],
    ] as const) {
      const path = join(root, 'elsewhere', name);
      await writeFile(path, name.padEnd(bytes, '.'));
      await cache.adopt(name, bytes, path);
      assert.ok(!existsSync(path));
    }
    assert.deepEqual(kept(), ['a']);
    await file('a');
    assert.deepEqual(downloads, []);
  });
});
