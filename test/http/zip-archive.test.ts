import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { type ZipEntry, zipArchive, zipBytes } from '../../src/http/zip-archive.ts';

/** The entries that Python's zipfile finds in it, with every checksum verified. */
const READ = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    bad = archive.testzip()
    found = archive.infolist()
print(json.dumps([bad, len(found), [[one.filename, one.file_size] for one in found[:3] + found[-1:]]]))
`;

async function readBack(entries: AsyncIterable<ZipEntry>): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'zip-'));
  try {
    const path = join(folder, 'a.zip');
    await pipeline(zipArchive(entries), createWriteStream(path));
    return JSON.parse(execFileSync('python3', ['-c', READ, path], { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const entry = (name: string, ...chunks: (string | Buffer)[]): ZipEntry => ({
  name,
  open: async () => Readable.from(chunks, { objectMode: false }),
});

describe('a zip archive that is written while it is sent', () => {
  it('has its entries unchanged, whatever they contain', async () => {
    async function* entries() {
      yield entry('a/ünï.txt', 'x', 'yz');
      yield entry('empty');
      yield entry('a/large', Buffer.alloc(100_000, 7));
      yield entry('last', 'ä');
    }
    const files = [
      ['a/ünï.txt', 3],
      ['empty', 0],
      ['a/large', 100_000],
      ['last', 2],
    ];
    assert.deepEqual(await readBack(entries()), [null, 4, files]);
    assert.deepEqual(await readBack(Readable.from([entry('only', '1')])), [
      null,
      1,
      [
        ['only', 1],
        ['only', 1],
      ],
    ]);
  });

  it('has the announced length, and is the same each time', async () => {
    const files = [
      { name: 'a/ünï.txt', bytes: 3, open: async () => Readable.from([Buffer.from('xyz')]) },
      { name: 'b', bytes: 70_000, open: async () => Readable.from([Buffer.alloc(70_000, 1)]) },
    ];
    const [first, again] = [await buffer(zipArchive(files)), await buffer(zipArchive(files))];
    assert.equal(first.length, zipBytes(files));
    assert.ok(first.equals(again));
  });

  it('may have more entries than two bytes can count', async () => {
    async function* entries() {
      for (let i = 0; i < 66_000; i++) yield entry(`f${i}`, 'x');
    }
    const [bad, count, some] = (await readBack(entries())) as [unknown, number, [string, number][]];
    assert.deepEqual([bad, count, some.at(-1)], [null, 66_000, ['f65999', 1]]);
  });

  it('opens one entry at a time, and closes it when its reader leaves', async () => {
    const opened: Readable[] = [];
    async function* entries() {
      for (const name of ['a', 'b', 'c'])
        yield {
          name,
          open: async () => {
            opened.push(Readable.from(Array(1000).fill(Buffer.alloc(1000))));
            return opened.at(-1)!;
          },
        };
    }
    const stream = zipArchive(entries());
    for await (const chunk of stream) if (chunk.length > 500) break;
    const [only] = opened;
    if (!only!.destroyed) await once(only!, 'close');
    assert.equal(opened.length, 1);
  });

  it('fails if an entry fails', async () => {
    async function* entries() {
      yield entry('a', 'x');
      yield { ...entry('b'), open: async () => Promise.reject(new Error('it is gone')) };
    }
    await assert.rejects(readBack(entries()), /it is gone/);
  });
});
