import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import fc from '../fast-check.ts';

/** An empty store to be tested, and how to remove it. */
export interface StoreUnderTest {
  readonly store: BlobStore;
  readonly dispose: () => Promise<void>;
}

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');

export async function contentOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What every BlobStore must do. Call it from a test file with a function that creates a new, empty store. */
export function blobStoreConformance(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a BlobStore`, () => {
    let store: BlobStore;
    let dispose: () => Promise<void>;
    before(async () => {
      ({ store, dispose } = await open());
    });
    after(() => dispose());

    const inScratch = async (bytes: Uint8Array): Promise<string> => {
      const path = join(await store.makeScratch(), 'file');
      await writeFile(path, bytes);
      return path;
    };

    it('contains nothing that was not written', async () => {
      assert.equal(await store.get('none/at/all'), undefined);
      assert.equal(await store.stat('none/at/all'), undefined);
      assert.deepEqual(await store.list(''), []);
      assert.deepEqual(await store.list('none/'), []);
      await store.remove('none/at/all');
    });

    it('rejects reading or fetching a missing blob with STORAGE_FAILED', async () => {
      await assert.rejects(store.read('none/at/all'), { code: 'STORAGE_FAILED' });
      await assert.rejects(store.localFile('none/at/all', 1), { code: 'STORAGE_FAILED' });
    });

    it('puts, gets, replaces and removes small blobs', async () => {
      await store.put('small/one.json', Buffer.from('first'));
      assert.equal(text(await store.get('small/one.json')), 'first');
      await store.put('small/one.json', Buffer.from('second, longer'));
      assert.equal(text(await store.get('small/one.json')), 'second, longer');
      assert.deepEqual(await store.stat('small/one.json'), { bytes: 14 });
      await store.remove('small/one.json');
      assert.equal(await store.get('small/one.json'), undefined);
    });

    it('keeps empty blobs', async () => {
      await store.put('small/empty', new Uint8Array());
      assert.deepEqual(await store.stat('small/empty'), { bytes: 0 });
      assert.equal((await store.get('small/empty'))?.byteLength, 0);
      assert.equal((await contentOf(await store.read('small/empty'))).byteLength, 0);
    });

    it('shows readers one complete version while a blob is replaced', async () => {
      await store.put('swap/x', Buffer.alloc(50_000, 1));
      const writing = (async () => {
        for (let round = 2; round < 30; round++) await store.put('swap/x', Buffer.alloc(50_000, round));
      })();
      for (let round = 0; round < 60; round++) {
        const seen = (await store.get('swap/x'))!;
        assert.equal(seen.byteLength, 50_000);
        assert.ok(seen.every((byte) => byte === seen[0]));
      }
      await writing;
    });

    it('moves a finished file into the store and removes it from the scratch folder', async () => {
      const bytes = randomBytes(300_000);
      const path = await inScratch(bytes);
      await store.putFile('blobs/ab/file', path);
      assert.equal(existsSync(path), false);
      assert.deepEqual(await store.stat('blobs/ab/file'), { bytes: 300_000 });
      assert.ok((await contentOf(await store.read('blobs/ab/file'))).equals(bytes));
      assert.ok((await readFile(await store.localFile('blobs/ab/file', bytes.length))).equals(bytes));
    });

    it('replaces a blob with a file', async () => {
      await store.put('blobs/ab/old', Buffer.from('old'));
      await store.putFile('blobs/ab/old', await inScratch(Buffer.from('new')));
      assert.equal(text(await store.get('blobs/ab/old')), 'new');
    });

    it('accepts a file from any folder', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'blob-source-'));
      try {
        await writeFile(join(folder, 'elsewhere'), 'from elsewhere');
        await store.putFile('blobs/ab/elsewhere', join(folder, 'elsewhere'));
        assert.equal(text(await store.get('blobs/ab/elsewhere')), 'from elsewhere');
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it('reads any inclusive range', async () => {
      const bytes = randomBytes(1000);
      await store.put('blobs/ranges', bytes);
      await fc.assert(
        fc.asyncProperty(fc.nat(999), fc.nat(999), async (x, y) => {
          const range = { start: Math.min(x, y), end: Math.max(x, y) };
          const read = await contentOf(await store.read('blobs/ranges', range));
          assert.ok(read.equals(bytes.subarray(range.start, range.end + 1)));
        }),
        { numRuns: 40 },
      );
    });

    it('lists keys under a prefix in code unit order', async () => {
      const keys = ['l/a/x', 'l/a-b', 'l/a.json', 'l/a0', 'l/a_', 'l/b/c/d', 'l/b/c.d', 'l/b', 'l/c'].filter(
        (key) => key !== 'l/b',
      );
      for (const key of keys) await store.put(key, Buffer.from(key));
      const sorted = [...keys].sort();
      assert.deepEqual(await store.list('l/'), sorted);
      assert.deepEqual(
        await store.list('l/a'),
        sorted.filter((key) => key.startsWith('l/a')),
      );
      assert.deepEqual(await store.list('l/b/c'), ['l/b/c.d', 'l/b/c/d']);
      for (const start of [...sorted, 'l/', 'l/a/', 'l/aa', 'l/z']) {
        assert.deepEqual(
          await store.list('l/', { after: start }),
          sorted.filter((key) => key > start),
          `after ${start}`,
        );
      }
      assert.deepEqual(await store.list('l/', { limit: 3 }), sorted.slice(0, 3));
      assert.deepEqual(await store.list('l/', { after: sorted[2]!, limit: 2 }), sorted.slice(3, 5));
    });

    it('pages through a list without gaps or repeats', async () => {
      const keys = Array.from({ length: 25 }, (_, index) => `pages/${(index * 7919) % 1000}`);
      for (const key of keys) await store.put(key, Buffer.from('x'));
      const seen: string[] = [];
      for (let last = ''; ; last = seen.at(-1)!) {
        const page = await store.list('pages/', { after: last, limit: 4 });
        if (page.length === 0) break;
        seen.push(...page);
      }
      assert.deepEqual(seen, [...keys].sort());
    });

    it('gives private scratch folders, which are not listed as blobs', async () => {
      const before = await store.list('');
      const folders = await Promise.all([store.makeScratch(), store.makeScratch()]);
      assert.notEqual(folders[0], folders[1]);
      for (const folder of folders) {
        assert.ok((await stat(folder)).isDirectory());
        assert.deepEqual(readdirSync(folder), []);
        await writeFile(join(folder, 'x'), 'y');
      }
      assert.deepEqual(await store.list(''), before);
      for (const folder of folders) await rm(folder, { recursive: true });
    });

    it('refuses keys that lead outside', async () => {
      const bad = ['', '/', '/etc/passwd', '../x', 'a/../../x', 'a//b', 'a/', './a', 'a/.hidden', 'A', 'a b'];
      for (const key of [...bad, 'a\0b', 'a\\b', 'tmp/x', 'tmp', `a/${'b'.repeat(600)}`]) {
        for (const call of [
          () => store.put(key, Buffer.from('x')),
          () => store.get(key),
          () => store.stat(key),
          () => store.read(key),
          () => store.localFile(key, 1),
          () => store.remove(key),
          () => store.putFile(key, '/nowhere'),
        ]) {
          await assert.rejects(call(), TypeError, JSON.stringify(key));
        }
      }
    });

    it('reports that it is ready', () => store.check());

    it('stores content under its digest unchanged', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          await store.put(`digests/${sha256}`, bytes);
          assert.deepEqual(Buffer.from((await store.get(`digests/${sha256}`))!), Buffer.from(bytes));
        }),
        { numRuns: 20 },
      );
    });
  });
}
