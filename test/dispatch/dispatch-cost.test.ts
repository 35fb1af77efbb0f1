import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { sqliteIn } from '../database/dialects.ts';
import { planOf, sqlOf, watched } from '../database/query-plans.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { addTenants, addWaiting, addWorker } from './fleet.ts';

const TENANTS = Array.from({ length: 100 }, (_, index) => `tenant-${index}`);
const EACH = 200;

describe('the cost of a dispatch with a long backlog', () => {
  let folder: string;
  let database: Database;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'squeeze-cost-'));
    database = await sqliteIn(folder);
    await addTenants(database, TENANTS);
    for (const tenant of TENANTS) await addWaiting(database, EACH, { tenant, mib: 60 });
    await addWorker(database, 2);
    await new Dispatcher({ database, queue: new MemoryQueue() }).round();
  });
  after(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Lets one execution end, and dispatches the next one. */
  async function queriesOfOneEnd() {
    const { database: seen, queries } = watched(database);
    const row = await database.reader
      .selectFrom('execution')
      .select(['id', 'tenant', 'estimate_ms', 'charged_ms'])
      .where('state', '=', 'dispatched')
      .executeTakeFirstOrThrow();
    await database.write((writer) =>
      writer.updateTable('execution').set({ state: 'succeeded' }).where('id', '=', row.id).execute(),
    );
    const dispatcher = new Dispatcher({ database: seen, queue: new MemoryQueue() });
    const ended = { tenant: row.tenant, estimateMs: row.estimate_ms!, chargedMs: row.charged_ms!, tookMs: 1 };
    const next = await seen.write((writer) => dispatcher.fill(writer, [ended]));
    return { next, queries };
  }

  it('is a few statements, however many tenants wait', async () => {
    const { next, queries } = await queriesOfOneEnd();
    assert.equal(next.length, 1);
    // One of the tenants is examined for executions that may be dispatched ahead.
    const texts = queries.map((node) => sqlOf(database, node));
    assert.ok(texts.length <= 11, texts.join('\n'));
  });

  it('reads what is next through indexes, and no rows beyond it', async () => {
    const { queries } = await queriesOfOneEnd();
    for (const node of queries) {
      const text = sqlOf(database, node);
      if (!/\bexecution\b/.test(text) || /^update/.test(text)) continue;
      const steps = (await planOf(database, node)).filter((step) => /\bexecution\b/.test(step));
      assert.ok(steps.length > 0, text);
      for (const step of steps)
        assert.match(
          step,
          /execution_dispatched|SEARCH execution USING .*execution_waiting \(tenant|SCAN execution USING COVERING INDEX execution_waiting/,
          text,
        );
      if (/with recursive/.test(text))
        assert.ok(
          steps.some((step) => /execution_waiting \(tenant>\?\)/.test(step)),
          steps.join('\n'),
        );
    }
  });
});
