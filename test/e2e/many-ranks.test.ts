import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeAdapter } from '../../bench/adapter/write-adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { SucceededTargetReport } from '../../src/contract/report.ts';
import { rankPattern } from '../../web/src/preview/rank-pattern.ts';
import { Client } from './client.ts';
import { type Service, startService } from './service.ts';

const RANK = 16;

describe('ranks of thousands of modules, as the page requests them', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'many-ranks-'));
  let service: Service;
  before(async () => {
    service = await startService({ dataDir: join(scratch, 'data'), env: { EXECUTION_PROVIDER: 'cpu' } });
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('are accepted, and the result has them', async () => {
    const client = new Client(service.url);
    const names = Array.from(
      { length: 4000 },
      (_, index) => `model.layers.${index >> 2}.self_attn.${'qkvo'[index & 3]}_proj`,
    );
    const dir = join(scratch, 'adapter');
    await writeAdapter(dir, {
      name: 'many',
      rank: RANK,
      modules: names.map((name) => ({
        name: `base_model.model.${name}`,
        ...{ outFeatures: 24, inFeatures: 24 },
      })),
    });
    // Neighbours differ, so that hardly any rank can be given for a projection as a whole.
    const ranks = names.map((_, index) => 1 + ((index * 7 + (index >> 4)) % RANK));
    const pattern = rankPattern(
      names.map((name) => ({ name, rank: RANK })),
      ranks,
    );
    const body = JSON.stringify({
      kind: 'squeeze',
      adapter_id: (await client.upload(dir)).adapter.id,
      targets: [{ rank_pattern: pattern, uniform: false }],
    });
    assert.ok(body.length > 100_000, `${body.length} bytes`);
    const response = await client.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(response.status, 202, await response.clone().text());
    const { id } = (await response.json()) as JobRecord;
    const job = await client.finished(id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    const report = await client.report(id);
    const { modules } = report.targets[0] as SucceededTargetReport;
    const reached = new Map(modules.map(({ name, rank }) => [name, rank]));
    assert.deepEqual(
      names.map((name) => reached.get(name)),
      ranks,
    );
  });
});
