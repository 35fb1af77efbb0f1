import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fill } from '../../bench/database/fill.ts';
import { measureRows } from '../../bench/database/measure-rows.ts';
import { parseOptions, QUICK } from '../../bench/database/options.ts';
import { rowsPage } from '../../bench/database/rows-page.ts';
import { readUsage } from '../../src/resources/tenants/usage.ts';
import { onEachDialect, POOL } from '../database/dialects.ts';
import { noPostgres, testDatabase } from '../database/postgres-server.ts';

const FEW = { ...QUICK, calls: 2 };

onEachDialect('bench of the database: its rows', (database) => {
  it('are as many as requested, and are counted', async () => {
    const made = await fill(database(), FEW);
    const { reader } = database();
    const countOf = async (table: 'job' | 'adapter', tenant: string) => {
      const query = reader.selectFrom(table).select(({ fn }) => fn.countAll().as('rows'));
      return Number((await query.where('tenant', '=', tenant).executeTakeFirstOrThrow()).rows);
    };
    const all = { jobs: 0, adapters: 0 };
    for (const tenant of made.tenants) {
      const { jobs, adapters, stored_bytes } = await readUsage({ database: database(), tenant });
      assert.deepEqual(
        { jobs, adapters },
        { jobs: await countOf('job', tenant), adapters: await countOf('adapter', tenant) },
      );
      assert.ok(stored_bytes > 0);
      all.jobs += jobs;
      all.adapters += adapters;
    }
    assert.deepEqual(all, { jobs: FEW.jobs + FEW.queued, adapters: FEW.adapters });
    const waiting = await reader.selectFrom('job').select('id').where('finished_at', 'is', null).execute();
    assert.equal(waiting.length, FEW.queued);
  });
});

describe('bench of the database: its calls', () => {
  for (const dialect of ['sqlite', 'postgresql'] as const) {
    it(`do what their names say, ${dialect}`, { skip: dialect === 'postgresql' && noPostgres }, async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'bench-database-'));
      try {
        const url = dialect === 'postgresql' ? await testDatabase() : undefined;
        const measured = await measureRows({ url, dataDir, ...POOL }, FEW);
        for (const { call, milliseconds } of measured.rows)
          assert.equal(milliseconds.length, FEW.calls, call.name);
        assert.match(rowsPage(measured), /1,000 jobs that have ended, 1,000 adapters, 100 queued jobs/);
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    });
  }
});

describe('bench of the database: its page', () => {
  const slow = { call: { group: 'jobs', name: 'cancel' }, milliseconds: [1, 2, 30] } as const;
  const page = (jobs: number) =>
    rowsPage({
      ...{ dialect: 'sqlite', version: '3.53.0', fillSeconds: 9 },
      ...{ amounts: { ...FEW, jobs }, rows: [{ ...slow, milliseconds: [...slow.milliseconds] }] },
    });

  it('marks what exceeds the limit, which doubles with the number of jobs', () => {
    assert.match(page(100_000), /\| jobs: cancel \| +2\.00 \| +30\.0 \| +30\.0 \| +yes \|/);
    assert.match(page(100_000), /99th percentiles that exceed 20 ms: jobs: cancel \(30\.0 ms\)\./);
    assert.match(page(1_000_000), /No 99th percentile exceeds 40 ms\./);
  });
});

describe('bench of the database: its options', () => {
  it('are read, and unknown ones are refused by name', () => {
    const parsed = parseOptions(['--dialects', 'postgresql,sqlite', '--jobs', '5000', '--calls', '40']);
    assert.deepEqual(parsed, {
      dialects: ['sqlite', 'postgresql'],
      amounts: [{ jobs: 5_000, adapters: 100_000, queued: 10_000, calls: 40 }],
      quick: false,
    });
    assert.deepEqual(
      parseOptions([])?.amounts.map(({ jobs }) => jobs),
      [100_000, 1_000_000],
    );
    assert.equal(parseOptions(['--help']), null);
    assert.throws(() => parseOptions(['--dialects', 'mysql']), /--dialects: "mysql" is not one of/);
    assert.throws(() => parseOptions(['--jobs', '10']), /--jobs must be a whole number from 1000/);
    assert.throws(() => parseOptions(['--calls', '9000']), /--calls 9000: must be at most half of --queued/);
  });
});
