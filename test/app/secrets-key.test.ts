import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ownSecretsKey, parseSecretsKey } from '../../src/app/secrets-key.ts';

describe('the key for secrets of a service without SECRETS_KEYS', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-key-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is created once, readable by its owner only, and stays the same', async () => {
    const dataDir = join(folder, 'data');
    const key = await ownSecretsKey(dataDir);
    assert.equal(key.length, 32);
    assert.deepEqual(await ownSecretsKey(dataDir), key);
    assert.deepEqual(await readdir(dataDir), ['secrets.key']);
    assert.equal((await stat(join(dataDir, 'secrets.key'))).mode & 0o777, 0o600);
    assert.notDeepEqual(await ownSecretsKey(join(folder, 'other')), key);
  });

  it('is one key, even if several processes create it at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => ownSecretsKey(folder)));
    for (const key of keys) assert.deepEqual(key, keys[0]);
  });

  it('is not replaced if the file contains something else', async () => {
    await writeFile(join(folder, 'secrets.key'), 'not a key');
    await assert.rejects(ownSecretsKey(folder), /secrets\.key.* does not hold a key of 32 bytes/);
    assert.equal(await readFile(join(folder, 'secrets.key'), 'utf8'), 'not a key');
  });

  it('is read only in the form that openssl rand -base64 32 writes', () => {
    const text = Buffer.alloc(32, 7).toString('base64');
    assert.deepEqual(parseSecretsKey(text), Buffer.alloc(32, 7));
    for (const wrong of [
      '',
      `${text} `,
      text.slice(0, -1),
      Buffer.alloc(31).toString('base64'),
      'ü'.repeat(44),
    ])
      assert.equal(parseSecretsKey(wrong), undefined, wrong);
  });
});
