import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeDataFolderPrivate } from '../../src/app/data-folder.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { COMMAND_ENTRY } from '../entry.ts';
import { until, withFolder } from '../queue/harness.ts';
import { squeezeOnce } from '../tracing/upload.ts';
import { startService } from './service-process.ts';

// As permissive as possible, so that the effect of the service is visible; the processes that are started
// inherit it.
process.umask(0);

const WEIGHTS = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8/adapter_model.safetensors');

/** Everything below a folder by its path in it; what disappears meanwhile is left out. */
async function below(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const inside = entry.isDirectory() ? await below(join(folder, entry.name)) : [];
      return [entry.name, ...inside.map((name) => join(entry.name, name))];
    }),
  );
  return found.flat();
}

/** The permissions of users other than the owner for a folder and everything below it. */
async function openTo(folder: string): Promise<string[]> {
  const names = ['', ...(await below(folder))];
  const found = await Promise.all(
    names.map(async (name) => {
      // A file may disappear meanwhile.
      const mode = (await lstat(join(folder, name)).catch(() => undefined))?.mode ?? 0;
      return (mode & 0o077) === 0 ? [] : [`${(mode & 0o7777).toString(8)} ${name}`];
    }),
  );
  return found.flat();
}

describe('the data folder', () => {
  it('is private to its owner: every folder and file, while jobs run and when the service has ended', () =>
    withFolder(async (parent) => {
      const folder = join(parent, 'data');
      const service = await startService({ DATA_DIR: folder, AUDIT_LOG: join(folder, 'audit.log') });
      try {
        assert.deepEqual(await openTo(folder), []);
        const weights = await readFile(WEIGHTS);
        const upload = await fetch(`${service.url}/v1/uploads`, {
          method: 'POST',
          headers: {
            'tus-resumable': '1.0.0',
            'upload-length': String(weights.length),
            'upload-metadata': `filename ${Buffer.from('adapter_model.safetensors').toString('base64')}`,
          },
        });
        assert.equal(upload.status, 201, await upload.text());
        const patch = await fetch(new URL(upload.headers.get('location')!, service.url), {
          method: 'PATCH',
          headers: {
            'tus-resumable': '1.0.0',
            'upload-offset': '0',
            'content-type': 'application/offset+octet-stream',
          },
          body: weights.subarray(0, 5_000),
        });
        assert.equal(patch.status, 204, await patch.text());
        const { id } = await squeezeOnce(service.url, {});
        const seen = new Set<string>();
        const job = await until('the end of the job', async () => {
          for (const name of await openTo(folder)) seen.add(name);
          const record = (await (await fetch(`${service.url}/v1/jobs/${id}`)).json()) as JobRecord;
          return record.finished_at === null ? undefined : record;
        });
        assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
        assert.deepEqual([...seen, ...(await openTo(folder))], []);
        const names = (await readdir(folder, { recursive: true })).join('\n');
        for (const name of [
          'lora-squeeze.db',
          'lora-squeeze.db-wal',
          'secrets.key',
          'broker',
          'storage/uploads/',
        ])
          assert.ok(names.includes(name), `${name} in\n${names}`);
      } finally {
        await service.end();
      }
      assert.deepEqual(await openTo(folder), []);
      const made = spawnSync(
        process.execPath,
        [...COMMAND_ENTRY, 'keys', 'create', '--tenant', 'team', '--make-tenant'],
        {
          env: { ...process.env, DATA_DIR: folder },
          encoding: 'utf8',
        },
      );
      assert.equal(made.status, 0, made.stderr);
      assert.deepEqual(await openTo(folder), []);
    }));

  it('that was open to others is closed, including its files', () =>
    withFolder(async (folder) => {
      await chmod(folder, 0o755);
      await writeFile(join(folder, 'lora-squeeze.db'), '', { mode: 0o644 });
      await mkdir(join(folder, 'storage'), { mode: 0o755 });
      assert.equal(await makeDataFolderPrivate(folder), undefined);
      // No other user can pass through the folder itself.
      assert.deepEqual(await openTo(folder), ['755 storage']);
      await chmod(folder, 0o2770);
      assert.equal(await makeDataFolderPrivate(folder), undefined);
      assert.deepEqual(await openTo(folder), ['755 storage']);
    }));

  it('that is shared, like /tmp, is left unchanged, which is reported', () =>
    withFolder(async (folder) => {
      await chmod(folder, 0o1777);
      assert.equal((await makeDataFolderPrivate(folder))?.mode, '01777');
      assert.equal((await lstat(folder)).mode & 0o7777, 0o1777);
    }));
});
