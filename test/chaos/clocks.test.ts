import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import { noPostgres } from '../database/postgres-server.ts';
import { until } from '../queue/harness.ts';
import { Fleet } from './fleet.ts';
import { Member } from './member.ts';
import { PatientClient } from './patient-client.ts';
import { distinctRequests, uploadAdapters } from './requests.ts';
import { submit } from './submitter.ts';

const LIBRARY = readdirSync('/usr/lib', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => join('/usr/lib', name, 'faketime/libfaketime.so.1'))
  .find((path) => existsSync(path));
const skip = LIBRARY === undefined && 'there is no libfaketime (Debian: libfaketime)';

const JOBS = 12;
const LIMIT_MS = 180_000;

/** A clock that a test puts on and back, for processes of the service alone. */
class Clock {
  readonly env: Readonly<Record<string, string>>;
  private readonly file: string;

  constructor(folder: string, name: string) {
    this.file = join(folder, `clock-${name}`);
    this.set('+0');
    this.env = {
      LD_PRELOAD: LIBRARY!,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** @param offset such as `+1d`, from the right time */
  set(offset: string): void {
    writeFileSync(this.file, offset);
  }
}

/** Submits jobs while the clocks jump, and looks that each is done once and nothing waits for ever. */
async function holdsPromises(url: string, jump: (jobs: number) => void): Promise<void> {
  const client = new PatientClient(url);
  const requests = distinctRequests(await uploadAdapters(client), JOBS);
  const ids: string[] = [];
  for (const [i, request] of requests.entries()) {
    ids.push((await submit(url, `clock-${i}`, request, Date.now() + LIMIT_MS)).jobId);
    jump(i + 1);
    await sleep(200);
  }
  for (const id of ids) {
    const job = await until(
      `the end of ${id}`,
      async () => {
        const now = await client.json<JobRecord>(`/v1/jobs/${id}`);
        return now.finished_at === null ? undefined : now;
      },
      LIMIT_MS,
    );
    assert.deepEqual([job.state, job.results.length > 0], ['succeeded', true]);
  }
  const page = await client.json<{ data: JobRecord[] }>('/v1/jobs?limit=200');
  assert.deepEqual(page.data.map(({ id }) => id).sort(), ids.sort());
}

describe('clocks that jump by a day, on and back', { skip }, () => {
  it('of an API and its workers', { skip: noPostgres }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clocks-'));
    const clock = new Clock(folder, 'all');
    try {
      const fleet = await Fleet.start({
        ...{ folder, entry: 'source', workers: 2 },
        env: { LOG_LEVEL: 'warn', ...clock.env },
      });
      try {
        await holdsPromises(fleet.api.url, (jobs) => clock.set(['+1d', '-1d', '+0'][jobs % 3]!));
      } finally {
        await fleet.end();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('of a single process, whose database goes by the same clock', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clocks-'));
    const clock = new Clock(folder, 'one');
    const service = await Member.start({
      ...{ role: 'all', entry: 'source' },
      env: { DATA_DIR: join(folder, 'data'), AUTH: 'open', LOG_LEVEL: 'warn', ...clock.env },
    });
    try {
      await service.ready();
      await holdsPromises(service.url, (jobs) => clock.set(['+1d', '-1d', '+0'][jobs % 3]!));
    } finally {
      await service.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
