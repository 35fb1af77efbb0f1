import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const SOURCE = join(import.meta.dirname, '../../src/storage/open-store.ts');

describe('openStore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'open-store-'));
  after(() => rmSync(folder, { recursive: true }));

  /** The class of the store, and whether its process has loaded the AWS SDK. */
  function opened(options: object): [string, boolean] {
    const script = `
      import { createRequire } from 'node:module';
      import { openStore } from ${JSON.stringify(SOURCE)};
      const store = await openStore(${JSON.stringify({ storageDir: folder, ...options })});
      const loaded = Object.keys(createRequire(import.meta.url).cache);
      console.log(JSON.stringify([store.constructor.name, loaded.some((path) => path.includes('@aws-sdk'))]));
      await store.close();`;
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(output);
  }

  it('opens a folder without loading the AWS SDK', () => {
    assert.deepEqual(opened({}), ['DiskStore', false]);
  });

  it('opens a bucket, even if it cannot be reached', () => {
    const s3 = { bucket: 'bucket', prefix: '', forcePathStyle: false, cacheBytes: 0 };
    assert.deepEqual(opened({ s3 }), ['S3Store', true]);
  });
});
