import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { RecordedJobRequest } from '../../src/contract/job-request.ts';
import { AdapterListPage, JobListPage, RunListPage, type RunSummary } from '../../src/contract/list.ts';
import { newJobId, newRunId } from '../../src/database/ids.ts';
import { acceptedJob } from '../../src/resources/jobs/accepted-job.ts';
import { insertSampleAdapter } from '../resources/adapters/sample-adapter.ts';
import { withoutReuse } from '../resources/jobs/job-rows.ts';
import { entry, KEPT, MODULES, runManifest } from '../resources/runs/run-entries.ts';
import { expire, problemIn, readRecord, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

interface JobPage {
  data: JobRecord[];
  next_cursor: string | null;
}

/** 2026-01-01, and one second more for each item. */
const BEGIN_MS = Date.UTC(2026, 0, 1);
/** The adapter that the jobs read. */
const ADAPTERS = [1, 2, 3].map((last) => `ad_${'0'.repeat(31)}${last}`);
const atSecond = (second: number): string => new Date(BEGIN_MS + second * 1000).toISOString();

describe('GET /v1/jobs', () => {
  let server: TestServer;
  const ids: string[] = [];
  before(async () => {
    server = await startServer();
    for (let second = 0; second < 12; second++) {
      const id = newJobId(BEGIN_MS + second * 1000);
      ids.unshift(id);
      const adapter_id = await insertSampleAdapter(server.database, { id: ADAPTERS[second % 3]! });
      const work: RecordedJobRequest =
        second % 2 === 0
          ? { kind: 'analyze', adapter_id }
          : { kind: 'squeeze', adapter_id, targets: [{ rank: 1 }] };
      const accepted = acceptedJob(id, work);
      const job: JobRecord = {
        ...accepted,
        labels: { parity: String(second % 2), 'Example.com/runId': 'x:y' },
        batch_id: second < 4 ? 'batch_1' : null,
      };
      await server.jobStore.accept(withoutReuse(job));
      if (second < 10) await server.worker[second % 5 === 0 ? 'fail' : 'succeed'](id);
    }
    await server.worker.begin(ids[1]!);
  });
  after(() => server.close());

  async function page(query = ''): Promise<JobPage & { link: string | null }> {
    const response = await server.fetch(`/v1/jobs${query}`);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const body = JSON.parse(text) as JobPage;
    assert.ok(Value.Check(JobListPage, body), 'fits the contract');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    return { ...body, link: response.headers.get('link') };
  }
  const idsOf = async (query: string): Promise<string[]> => (await page(query)).data.map(({ id }) => id);
  const seconds = (...wanted: number[]): string[] => wanted.map((second) => ids[11 - second]!);

  it('lists all jobs, the newest first, unfinished ones in their current state', async () => {
    const { data: jobs, next_cursor, link } = await page();
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ids,
    );
    assert.deepEqual([next_cursor, link], [null, null]);
    assert.deepEqual([jobs[0]!.state, jobs[1]!.state, jobs[2]!.state], ['queued', 'active', 'succeeded']);
  });

  it('continues from page to page by a cursor and by a link, to the end', async () => {
    for (const limit of [1, 5, 6, 11, 12, 13]) {
      const seen: string[] = [];
      let next: string | null = `/v1/jobs?limit=${limit}`;
      while (next) {
        const response = await server.fetch(next);
        const body = (await response.json()) as JobPage;
        assert.ok(body.data.length <= limit && body.data.length > 0);
        seen.push(...body.data.map(({ id }) => id));
        const link = /^<(\/v1\/jobs\?[^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
        assert.equal(link !== undefined, body.next_cursor !== null);
        if (link) assert.equal(new URL(link, server.url).searchParams.get('cursor'), body.next_cursor);
        next = link ?? null;
      }
      assert.deepEqual(seen, ids, `in pages of ${limit}`);
    }
  });

  it('continues at the same place when jobs were added and removed', async () => {
    const first = await page('?limit=4');
    const late = acceptedJob(newJobId(BEGIN_MS + 60_000), { kind: 'analyze', adapter_id: ADAPTERS[0]! });
    await server.jobStore.accept(withoutReuse(late));
    const { data: jobs } = await page(`?cursor=${first.next_cursor}`);
    await server.jobStore.remove(late.id);
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ids.slice(4),
    );
  });

  it('filters by properties of the jobs', async () => {
    assert.deepEqual(await idsOf('?kind=squeeze'), seconds(11, 9, 7, 5, 3, 1));
    assert.deepEqual(await idsOf(`?adapter_id=${ADAPTERS[2]}`), seconds(11, 8, 5, 2));
    assert.deepEqual(await idsOf('?batch_id=batch_1'), seconds(3, 2, 1, 0));
    assert.deepEqual(await idsOf('?state=failed'), seconds(5, 0));
    assert.deepEqual(await idsOf('?state=active'), seconds(10));
    assert.deepEqual(await idsOf('?state=queued'), seconds(11));
    for (const several of ['state=queued&state=failed&state=active', 'state=queued,failed&state=active'])
      assert.deepEqual(await idsOf(`?${several}`), seconds(11, 10, 5, 0));
    assert.deepEqual(await idsOf('?label=parity:0&kind=analyze&state=failed'), seconds(0));
    assert.deepEqual(await idsOf('?label=Example.com/runId:x:y&label=parity:1'), seconds(11, 9, 7, 5, 3, 1));
    assert.deepEqual(await idsOf('?label=parity:2'), []);
  });

  it('finds labels that were added later', async () => {
    const [id] = seconds(4);
    await server.workspaces.of('default').jobControl.change(id!, { labels: { late: 'yes' } });
    assert.deepEqual(await idsOf('?label=late:yes'), [id]);
    assert.deepEqual(await idsOf(`?label=parity:0&adapter_id=${ADAPTERS[1]}`), seconds(10));
  });

  it('jumps to times, which are exclusive', async () => {
    const range = (from: number, to: number) =>
      `?created_after=${atSecond(from)}&created_before=${atSecond(to)}`;
    assert.deepEqual(await idsOf(range(3, 6)), seconds(5, 4));
    assert.deepEqual(await idsOf(range(3, 4)), []);
    assert.deepEqual(await idsOf(`?created_before=${atSecond(2)}`), seconds(1, 0));
    assert.deepEqual(await idsOf(`?created_after=${atSecond(9)}`), seconds(11, 10));
    assert.deepEqual(await idsOf('?created_before=1969-01-01T00:00:00Z'), []);
    assert.deepEqual(await idsOf('?created_after=1969-01-01T00:00:00Z&limit=200'), ids);
    assert.deepEqual(await idsOf('?created_after=9999-01-01T00:00:00Z'), []);
    assert.deepEqual(await idsOf('?created_after=2026-01-01'), seconds(11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1));
    assert.deepEqual(await idsOf('?created_before=2026-01-01'), []);
    assert.deepEqual(await idsOf('?created_before=2026-01-02'), ids);
    const first = await page(`${range(1, 9)}&limit=3`);
    const rest = await page(`${range(1, 9)}&cursor=${first.next_cursor}`);
    assert.deepEqual(
      [...first.data, ...rest.data].map(({ id }) => id),
      seconds(8, 7, 6, 5, 4, 3, 2),
    );
  });

  it('returns the same states when the queue is away', async () => {
    server.queue.down = true;
    try {
      const { data: jobs } = await page('?limit=3');
      assert.deepEqual(
        jobs.map(({ state }) => state),
        ['queued', 'active', 'succeeded'],
      );
    } finally {
      server.queue.down = false;
    }
  });

  it('refuses unknown parameters', async () => {
    const refused = async (query: string, code: string, detail: RegExp) => {
      const problem = await problemIn(await server.fetch(`/v1/jobs?${query}`), 400, code);
      assert.match(problem.detail, detail);
    };
    await refused('status=failed', 'UNKNOWN_OPTION', /no option "status"; the options are state, kind/);
    await refused('state=done', 'VALIDATION_FAILED', /state\[0\] is "done" but must be "queued" or/);
    await refused('limit=0', 'VALIDATION_FAILED', /limit is 0 but must be at least 1/);
    await refused('limit=201', 'VALIDATION_FAILED', /limit is 201 but must be at most 200/);
    await refused('limit=ten', 'VALIDATION_FAILED', /limit is "ten" but must be an integer/);
    await refused('limit=1&limit=2', 'VALIDATION_FAILED', /limit is \["1","2"\] but must be an integer/);
    await refused(
      'label=nocolon',
      'VALIDATION_FAILED',
      /^label\[0\] is "nocolon" but must be the name of a label, a colon and its value/,
    );
    await refused('state=queued,', 'VALIDATION_FAILED', /state\[1\] is ""/);
    await refused(
      'created_after=yesterday',
      'VALIDATION_FAILED',
      /must be a date and time with a time zone or a date/,
    );
    await refused('created_before=2026-02-30', 'VALIDATION_FAILED', /created_before/);
    await refused('state=queued&state=done', 'VALIDATION_FAILED', /state\[1\] is "done"/);
    await refused('title=x', 'UNKNOWN_OPTION', /no option "title"/);
    await refused(
      'created_after=2016-12-31T23:59:60Z',
      'VALIDATION_FAILED',
      /created_after .* is not a valid time/,
    );
    const foreign = Buffer.from('../../x').toString('base64url');
    const runs = Buffer.from(`run_${'0'.repeat(32)}`).toString('base64url');
    for (const cursor of ['', 'x', '!!', foreign, runs, 'ZmU%3D', 'a'.repeat(300)])
      await refused(`cursor=${cursor}`, 'VALIDATION_FAILED', /^cursor /);
  });
});

describe('a list of many jobs of which few match', () => {
  it('has all matches on one page', async () => {
    const server = await startServer();
    try {
      const adapter_id = await insertSampleAdapter(server.database);
      const jobs = Array.from({ length: 2_300 }, (_, number) => ({
        ...acceptedJob(newJobId(BEGIN_MS + number * 1000), { kind: 'analyze', adapter_id }),
        labels: { rare: number === 5 || number === 2_200 ? 'yes' : 'no' },
      }));
      await server.jobStore.accept(withoutReuse(...jobs));
      const page = (await (await server.fetch('/v1/jobs?label=rare:yes')).json()) as JobPage;
      assert.deepEqual(
        page.data.map(({ id }) => id),
        [jobs[2_200]!.id, jobs[5]!.id],
      );
      assert.equal(page.next_cursor, null);
    } finally {
      await server.close();
    }
  });
});

describe('GET /v1/adapters', () => {
  let server: TestServer;
  const records: AdapterRecord[] = [];
  before(async () => {
    server = await startServer();
    for (let seed = 1; seed <= 5; seed++) {
      const form = formOf(tinyAdapter(seed));
      if (seed % 2 === 1) form.append('labels', JSON.stringify({ team: 'search', n: String(seed) }));
      const response = await server.fetch('/v1/adapters', { method: 'POST', body: form });
      records.unshift(readRecord(await response.json()));
      // Times in ids are milliseconds; within one the order is arbitrary.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  after(() => server.close());

  async function page(query = ''): Promise<{ data: AdapterRecord[]; next_cursor: string | null }> {
    const response = await server.fetch(`/v1/adapters${query}`);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const body = JSON.parse(text) as { data: AdapterRecord[]; next_cursor: string | null };
    assert.ok(Value.Check(AdapterListPage, body), 'fits the contract');
    return body;
  }

  it('lists all adapters, the newest first, page by page', async () => {
    assert.deepEqual((await page()).data, records);
    const first = await page('?limit=2');
    assert.deepEqual(first.data, records.slice(0, 2));
    const rest = await page(`?limit=3&cursor=${first.next_cursor}`);
    assert.deepEqual(rest, { data: records.slice(2), next_cursor: null });
  });

  it('filters', async () => {
    assert.deepEqual((await page('?label=team:search')).data, [records[0], records[2], records[4]]);
    assert.deepEqual((await page('?label=team:search&label=n:3')).data, [records[2]]);
    assert.deepEqual((await page('?base_model=some/model&format=peft')).data, records);
    assert.deepEqual((await page('?base_model=other/model')).data, []);
    assert.deepEqual((await page('?parent_id=ad_x')).data, []);
    assert.deepEqual((await page('?job_id=job_x')).data, []);
    assert.deepEqual((await page('?batch_id=batch_x')).data, []);
    assert.deepEqual((await page('?name=mod')).data, records);
    assert.deepEqual((await page('?name=Mod')).data, []);
    const [third] = [records[2]!];
    assert.deepEqual((await page(`?created_before=${third.created_at}`)).data, records.slice(3));
    assert.deepEqual((await page(`?created_after=${third.created_at}`)).data, records.slice(0, 2));
  });

  it('refuses unknown parameters', async () => {
    await problemIn(await server.fetch('/v1/adapters?rank=4'), 400, 'UNKNOWN_OPTION');
    await problemIn(await server.fetch('/v1/adapters?format=onnx'), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/adapters?cursor=x'), 400, 'VALIDATION_FAILED');
  });

  it('lists the same content once for each upload, but neither removed nor expired adapters', async () => {
    const [, fourth, third] = records;
    const again = await server.upload(tinyAdapter(3));
    assert.deepEqual((await page()).data, [again, ...records]);
    await server.fetch(`/v1/adapters/${third!.id}`, { method: 'DELETE' });
    await expire(server, fourth!.id);
    const left = [again, ...records.filter((record) => record !== third && record !== fourth)];
    assert.deepEqual((await page()).data, left);
    assert.deepEqual((await page('?limit=2')).data, left.slice(0, 2));
    assert.deepEqual((await page('?label=n:3')).data, []);
  });

  it('filters by properties that were changed later', async () => {
    const { id } = records[0]!;
    const body = JSON.stringify({ name: 'other', labels: { late: 'yes' } });
    const headers = { 'content-type': 'application/json' };
    const response = await server.fetch(`/v1/adapters/${id}`, { method: 'PATCH', headers, body });
    const changed = (await response.json()) as AdapterRecord;
    assert.deepEqual((await page('?label=late:yes')).data, [changed]);
    assert.deepEqual((await page('?name=oth&label=late:yes')).data, [changed]);
    assert.deepEqual((await page('?label=n:5')).data, []);
  });
});

describe('GET /v1/runs', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('lists summaries of runs, the newest first', async () => {
    const schedule = {
      source_rank: 8,
      target_rank: 2,
      total_steps: 1000,
      recipe: 'equal' as const,
      min_stage_steps: 100,
    };
    const names = ['one', 'two', 'three'];
    for (const name of names) {
      const body = JSON.stringify({ name, schedule, ...(name === 'two' && { base_model: 'some/model' }) });
      const headers = { 'content-type': 'application/json' };
      const response = await server.fetch('/v1/runs', { method: 'POST', headers, body });
      assert.equal(response.status, 201, await response.clone().text());
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const runs = async (query = ''): Promise<{ data: RunSummary[]; next_cursor: string | null }> => {
      const body = await (await server.fetch(`/v1/runs${query}`)).json();
      assert.ok(Value.Check(RunListPage, body), JSON.stringify(body));
      return body as { data: RunSummary[]; next_cursor: string | null };
    };
    const all = await runs();
    assert.deepEqual(
      all.data.map(({ name }) => name),
      ['three', 'two', 'one'],
    );
    assert.deepEqual(
      [all.data[0]!.step, all.data[0]!.checkpoints, all.data[0]!.mode],
      [null, 0, 'scheduled'],
    );
    assert.deepEqual(
      (await runs('?base_model=some/model')).data.map(({ name }) => name),
      ['two'],
    );
    assert.deepEqual((await runs('?mode=adaptive')).data, []);
    const first = await runs('?limit=2');
    const rest = await runs(`?cursor=${first.next_cursor}`);
    assert.deepEqual([...first.data, ...rest.data], all.data);
    for (const [name, found] of [
      ['t', ['three', 'two']],
      ['tw', ['two']],
      ['%22', []],
      ['x', []],
    ] as const)
      assert.deepEqual(
        (await runs(`?name=${name}`)).data.map((run) => run.name),
        found,
      );
    await problemIn(await server.fetch('/v1/runs?name='), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/runs?state=done'), 400, 'UNKNOWN_OPTION');
  });

  it('shows the progress of a run', async () => {
    const { runStore } = server.workspaces.of('default');
    const id = newRunId(Date.now() + 60_000);
    const run = { ...runManifest(), id };
    await runStore.create(run);
    for (const sequence of [1, 2])
      await runStore.append(
        run,
        entry(sequence * 100, 64, { ...KEPT, run_id: id, sequence, base_model: 'm' }),
        null,
        MODULES,
      );
    const { data: runs } = (await (await server.fetch('/v1/runs?limit=1')).json()) as { data: RunSummary[] };
    assert.deepEqual(
      [runs[0]!.id, runs[0]!.step, runs[0]!.checkpoints, runs[0]!.base_model],
      [id, 200, 2, 'm'],
    );
  });
});

describe('lists of several tenants', () => {
  it('show each tenant only its own records', async () => {
    const server = await startServer();
    try {
      await server.workspaces.tenants.put('other', {});
      const other = server.workspaces.of('other');
      const adapter_id = await insertSampleAdapter(server.database, { tenant: 'other' });
      const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id });
      await other.jobStore.accept(withoutReuse(job));
      await server.upload(tinyAdapter(1));
      const jobs = (await (await server.fetch('/v1/jobs')).json()) as JobPage;
      assert.deepEqual(jobs.data, []);
      const page = await other.adapters.page({}, { limit: 10 });
      assert.deepEqual(
        page.items.map(({ id }) => id),
        [adapter_id],
      );
      assert.equal((await other.jobs.page({}, { limit: 10 })).items.length, 1);
    } finally {
      await server.close();
    }
  });
});
