import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import type { BackupManifest } from '../../src/backup/backup-folder.ts';
import { makeBackup } from '../../src/backup/make-backup.ts';
import { restoreBackup } from '../../src/backup/restore-backup.ts';
import type { Dialect } from '../../src/database/database.ts';
import type { Migration } from '../../src/database/migration.ts';
import { MIGRATIONS } from '../../src/database/migration.ts';
import { noPostgres } from '../database/postgres-server.ts';
import { everyRow, fillEveryTable } from './fill-tables.ts';
import { findings, openPlaces, type Places } from './places.ts';

const DIALECTS = ['sqlite', 'postgresql'] as const;
const skipOf = (...dialects: Dialect[]) => dialects.includes('postgresql') && noPostgres;

/** Adds to the tables what a later version might add. */
const LATER: Migration = {
  name: '9999-later',
  up: (writer, { text }) => writer.schema.alterTable('tenant').addColumn('motto', sql.raw(text)).execute(),
};

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();

const restore = (backup: string, places: Places, migrations = MIGRATIONS) =>
  restoreBackup(backup, places, migrations);

for (const from of DIALECTS)
  for (const to of DIALECTS)
    it(`a backup of ${from} is restored into ${to}`, { skip: skipOf(from, to) }, async (t) => {
      const source = await openPlaces(t, from);
      await fillEveryTable(source.database, source.store);
      const backup = join(source.folder, 'backup');
      const manifest = await makeBackup(backup, source);
      assert.equal(manifest.content.files, 3);
      assert.deepEqual(readdirSync(backup).sort(), ['content', 'database', 'manifest.json']);

      const target = await openPlaces(t, to, { isMigrated: from === to });
      await restore(backup, target);
      const rows = await everyRow(source.database);
      assert.deepEqual(await everyRow(target.database), rows);
      for (const [table, all] of Object.entries(rows)) assert.ok(all.length > 0, `${table} has no rows`);
      const { problems, unknown, sums } = await findings(target);
      assert.deepEqual([problems, unknown], [[], []]);
      assert.equal(sums.contents, rows.content!.length);
      // State of a process that was interrupted means nothing to another process.
      const left = ['upload', 'upload_lock', 'content_write'] as const;
      for (const table of left)
        assert.deepEqual(await target.database.reader.selectFrom(table).selectAll().execute(), []);
      assert.deepEqual(
        rows.idempotency!.map(({ key }) => key),
        ['done'],
      );
    });

describe('a backup', () => {
  async function saved(t: Parameters<typeof openPlaces>[0]): Promise<{ source: Places; backup: string }> {
    const source = await openPlaces(t, 'sqlite');
    await fillEveryTable(source.database, source.store);
    const backup = join(source.folder, 'backup');
    await makeBackup(backup, source);
    return { source, backup };
  }

  it('needs a folder of its own', async (t) => {
    const { source, backup } = await saved(t);
    await assert.rejects(makeBackup(backup, source), { code: 'OUTPUT_EXISTS' });
    assert.ok(existsSync(join(backup, 'manifest.json')));
  });

  it('that is damaged is refused, and the message names the damage', async (t) => {
    const { backup } = await saved(t);
    const whole = new Map(files(backup).map((name) => [name, readFileSync(join(backup, name))]));
    const content = [...whole.keys()].find((name) => name.startsWith('content/'))!;
    const change = (name: string): void => {
      const bytes = Buffer.from(whole.get(name)!);
      bytes[bytes.length - 5]! ^= 1;
      writeFileSync(join(backup, name), bytes);
    };
    const damages: [name: string, damage: (name: string) => void, code: string, words: RegExp][] = [];
    for (const name of [content, 'database/job.jsonl'])
      damages.push(
        [name, (path) => rmSync(join(backup, path)), 'BACKUP_DAMAGED', /is missing\.$/],
        [
          name,
          (path) => truncateSync(join(backup, path), 9),
          'BACKUP_DAMAGED',
          /has 9 bytes instead of \d+\.$/,
        ],
        [name, change, 'BACKUP_DAMAGED', /its digest differs\.$/],
      );
    damages.push(
      ['manifest.json', (path) => rmSync(join(backup, path)), 'BACKUP_INCOMPLETE', /no manifest\.json/],
      ['manifest.json', (path) => truncateSync(join(backup, path), 30), 'BACKUP_DAMAGED', /manifest\.json/],
    );
    const target = await openPlaces(t, 'sqlite');
    for (const [name, damage, code, words] of damages) {
      damage(name);
      await assert.rejects(restore(backup, target), (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, words);
        if (code === 'BACKUP_DAMAGED') assert.ok(error.message.includes(`damaged: ${name} `), error.message);
        return true;
      });
      writeFileSync(join(backup, name), whole.get(name)!);
      assert.deepEqual(await target.store.list('content/'), [], `${name} left content`);
    }
    await restore(backup, target);
  });

  it('is restored only into a new database and a storage without content', async (t) => {
    const { source, backup } = await saved(t);
    await assert.rejects(restore(backup, source), { code: 'DATABASE_NOT_EMPTY' });
    const other = await openPlaces(t, 'sqlite');
    await other.store.put('content/0000000/0001-0', Buffer.from('x'));
    await assert.rejects(restore(backup, other), { code: 'STORAGE_NOT_EMPTY' });
    assert.deepEqual((await everyRow(other.database)).adapter, []);
  });

  it('is restored after an earlier attempt that ended before it wrote the rows', async (t) => {
    const { source, backup } = await saved(t);
    const target = await openPlaces(t, 'sqlite', { isMigrated: false });
    const [key] = await source.store.list('content/', { after: 'content/0000000/~' });
    await target.store.put(key!, Buffer.from('a part'));
    await restore(backup, target);
    assert.deepEqual((await findings(target)).problems, []);
  });

  it('of an older version is upgraded, and one of a newer version is refused', async (t) => {
    const { backup } = await saved(t);
    const target = await openPlaces(t, 'sqlite', { isMigrated: false });
    await restore(backup, target, [...MIGRATIONS, LATER]);
    const { tenant } = await everyRow(target.database);
    assert.deepEqual(
      tenant!.map(({ motto }) => motto),
      [null, null],
    );

    const path = join(backup, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as BackupManifest;
    writeFileSync(path, JSON.stringify({ ...manifest, migrations: [...manifest.migrations, LATER.name] }));
    const other = await openPlaces(t, 'sqlite');
    await assert.rejects(restore(backup, other), { code: 'BACKUP_VERSION' });
  });

  it('fails and leaves nothing if content is missing or damaged', async (t) => {
    const source = await openPlaces(t, 'sqlite');
    await fillEveryTable(source.database, source.store);
    const [first, second] = await source.store.list('content/', { after: 'content/0000000/~' });
    rmSync(source.pathOf(first!));
    appendFileSync(source.pathOf(second!), 'more');
    const backup = join(source.folder, 'backup');
    await assert.rejects(makeBackup(backup, source), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CONTENT_DAMAGED');
      for (const key of [first!, second!]) assert.ok(error.message.includes(key.split('/').at(-1)!));
      return true;
    });
    assert.deepEqual(readdirSync(backup), []);
  });
});
