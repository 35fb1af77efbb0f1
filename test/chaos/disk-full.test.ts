import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tryFullDisk } from './disk-full.ts';

describe('a storage whose disk is full, and then becomes read-only', () => {
  it('refuses what it cannot keep, loses nothing that was accepted, and leaves no incomplete file', async (t) => {
    const whyNot = await tryFullDisk({
      folder: mkdtempSync(join(tmpdir(), 'squeeze-disk-')),
      entry: 'source',
    });
    if (whyNot !== undefined) t.skip(whyNot);
  });
});
