import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { LogSync } from '../../src/database/log-sync.ts';

it('waits for what was committed, and does not wait if nothing was', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'log-sync-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'a.db');
  const sync = new LogSync(path);
  // There is no log yet, and nothing that it should contain.
  await sync.durable();
  sync.note();
  await assert.rejects(sync.durable(), { code: 'DATABASE_UNAVAILABLE' });
  await writeFile(`${path}-wal`, 'a');
  await Promise.all(Array.from({ length: 10 }, () => sync.durable()));
  // What is already durable needs no log.
  await rename(`${path}-wal`, `${path}-gone`);
  await sync.durable();
  await sync.close();
});
