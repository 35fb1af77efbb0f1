import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, problemOf, readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { until } from '../queue/harness.ts';
import { SmallDisk } from '../start/mounts.ts';
import { Fleet } from './fleet.ts';
import { halfWritten, openUploads, scratchAfterNextStart } from './leftovers.ts';
import type { Entry } from './member.ts';
import { PatientClient } from './patient-client.ts';
import { distinctRequests, resultDigests, uploadAdapters } from './requests.ts';
import { submit } from './submitter.ts';

const JOBS = 4;
const LIMIT_MS = 600_000;

export interface DiskFullOptions {
  /** A folder for this run alone, which is removed. */
  readonly folder: string;
  readonly entry: Entry;
}

/**
 * Fills the disk of the storage while jobs are submitted, makes it read-only for a while, and checks the
 * promises of the service.
 * @returns why it could not be run, if no file system can be mounted
 * @throws AssertionError naming the promise that was broken
 */
export async function tryFullDisk({ folder, entry }: DiskFullOptions): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  const disk = SmallDisk.mount(join(folder, 'storage'), '64m');
  if (typeof disk === 'string') {
    await rm(folder, { recursive: true });
    return disk;
  }
  const fleet = await Fleet.start({ folder, entry, workers: 1, storageDir: disk.folder });
  try {
    const client = new Client(fleet.api.url);
    const requests = distinctRequests(await uploadAdapters(client), JOBS);
    const first = await new PatientClient(fleet.api.url).squeeze(
      requests[0]!.adapter_id,
      requests[0]!.targets,
    );
    const digests = await resultDigests(client, first);

    disk.fill();
    const other = readAdapterFiles(fixtureAdapters().at(-1)!.dir);
    assert.equal((await problemOf(await client.postAdapter(other))).code, 'STORAGE_FULL');
    assert.match((await fleet.api.readiness())!.body, /"degraded".*STORAGE_FULL/);
    assert.deepEqual(await resultDigests(client, first), digests, 'what is there can be read');
    // Jobs are accepted, because their records are in the database, and wait until there is room.
    const deadline = Date.now() + LIMIT_MS;
    const accepted = await Promise.all(
      requests.map((request, i) => submit(fleet.api.url, `disk-${i}`, request, deadline)),
    );
    const patient = new PatientClient(fleet.api.url);
    await until('a worker that takes no jobs', () =>
      fleet.workers[0]!.log().includes('this worker takes no jobs until it is back'),
    );
    await disk.free();
    const ended = accepted.map(({ jobId }) => patient.finished(jobId));
    // Then the disk is read-only for a moment.
    await Promise.race(ended);
    await until('a moment when nothing is open', () => attempt(() => disk.remount('ro')));
    assert.equal((await problemOf(await client.postAdapter(other))).code, 'STORAGE_FAILED');
    assert.match((await fleet.api.readiness())!.body, /"degraded".*STORAGE_FAILED/);
    // Long enough for running jobs to notice; nothing reports that they have.
    await sleep(300);
    disk.remount('rw');

    for (const job of await Promise.all(ended)) {
      assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    }
    // Files that could not be removed meanwhile are left to the next start, below.
    assert.deepEqual([halfWritten(disk.folder), openUploads(disk.folder)], [[], []]);
  } finally {
    assert.deepEqual(await fleet.end(), [0, 0]);
    // A compute process that is just ending still has its folder.
    const left = await until('no scratch', async () =>
      (await scratchAfterNextStart(disk.folder)).length === 0 ? [] : undefined,
    ).catch(() => scratchAfterNextStart(disk.folder));
    disk.unmount();
    await rm(folder, { recursive: true });
    assert.deepEqual(left, []);
  }
  return undefined;
}

function attempt(deed: () => void): true | undefined {
  try {
    deed();
    return true;
  } catch {
    return undefined;
  }
}
