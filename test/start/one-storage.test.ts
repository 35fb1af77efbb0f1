import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Client, problemOf, readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { refusedStart, startService } from '../main/service-process.ts';
import { until, withFolder } from '../queue/harness.ts';

const idIn = (storage: string): string => readFileSync(join(storage, 'storage-id'), 'utf8');

/** Starts the service, which becomes ready, and ends it. */
async function used(env: NodeJS.ProcessEnv): Promise<void> {
  const service = await startService(env);
  await new Client(service.url).upload(fixtureAdapters()[0]!.dir);
  assert.equal(await service.end(), 0, service.output());
}

describe('a service whose storage belongs to another database', () => {
  it('does not start: one sentence with the ids of both, and exit code 1', () =>
    withFolder(async (DATA_DIR) => {
      await used({ DATA_DIR });
      await used({ DATA_DIR });
      const own = join(DATA_DIR, 'storage');
      const other = join(DATA_DIR, 'other');
      const wrong = await refusedStart({ DATA_DIR, STORAGE_URL: 'file:other' });
      assert.equal(wrong.code, 1);
      assert.equal(
        wrong.stderr,
        `The storage ${other} cannot be used: the database belongs to the storage with the id ${idIn(own)}, but this storage has no id; ` +
          'set STORAGE_URL to the storage of this database, or start with the database of this storage.\n',
      );
      assert.deepEqual(readdirSync(other), ['tmp']);
      const lost = await refusedStart({ DATA_DIR: other, STORAGE_URL: `file:${own}` });
      assert.equal(lost.code, 1);
      assert.match(
        lost.stderr,
        /^The storage \S+ cannot be used: it belongs to another database \(the id of the storage is \w+\).*\n$/,
      );
    }));

  it('does not start on a folder from before databases existed, and leaves it unchanged', () =>
    withFolder(async (DATA_DIR) => {
      const jobs = join(DATA_DIR, 'storage/tenants/default/jobs/fe6aef');
      mkdirSync(jobs, { recursive: true });
      writeFileSync(join(jobs, 'fe6aef0000.json'), '{}');
      const { code, stderr } = await refusedStart({ DATA_DIR });
      assert.equal(code, 1);
      assert.match(
        stderr,
        new RegExp(
          `^The storage ${join(DATA_DIR, 'storage')} cannot be used: it contains records .*DATA_DIR.*\n$`,
        ),
      );
      assert.deepEqual(readdirSync(join(DATA_DIR, 'storage')).sort(), ['tenants', 'tmp']);
    }));

  it('starts while the storage cannot be read, and does not use it until it is checked', () =>
    withFolder(async (folder) => {
      const storage = join(folder, 'storage');
      const env = { DATA_DIR: join(folder, 'data'), STORAGE_URL: `file:${storage}` };
      await used(env);
      const foreign = join(folder, 'foreign');
      await used({ DATA_DIR: join(folder, 'others'), STORAGE_URL: `file:${foreign}` });
      renameSync(storage, `${storage}.away`);
      symlinkSync(storage, storage);
      const service = await startService(env);
      const reason = async () => (await fetch(`${service.url}/readyz`)).text();
      try {
        assert.match(await reason(), /STORAGE_FAILED.*ELOOP/);
        unlinkSync(storage);
        renameSync(foreign, storage);
        const ids = new RegExp(
          `belongs to the storage with the id ${idIn(`${storage}.away`)}.* the id ${idIn(storage)}`,
        );
        await until('the reason', async () => ids.test(await reason()) || undefined);
        assert.equal((await fetch(`${service.url}/readyz`)).status, 503);
        const client = new Client(service.url);
        assert.equal(
          (await client.fetch('/v1/adapters')).status,
          200,
          'what is known is no business of the storage',
        );
        const refused = await client.postAdapter(readAdapterFiles(fixtureAdapters()[0]!.dir));
        assert.equal((await problemOf(refused)).code, 'STORAGE_FAILED');
        renameSync(storage, foreign);
        renameSync(`${storage}.away`, storage);
        await until('ready', async () => /"status":"ready"/.test(await reason()) || undefined);
        assert.equal((await client.upload(fixtureAdapters()[0]!.dir)).status, 201);
      } finally {
        assert.equal(await service.end(), 0, service.output());
      }
    }));
});
