import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { Report } from '../../src/contract/report.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { succeed } from '../e2e/run-job.ts';
import { documents, run } from './command.ts';
import { assertSameFiles, type PrintedResult, parseResult, withoutAdapterId } from './printed-result.ts';

const folderOf = (name: string): string => fixtureAdapters().find((each) => each.name === name)!.dir;
const PLAIN = folderOf('peft-gpt2-mycguo');
const WITH_HEAD = folderOf('peft-gpt2-deepbiolab');
const OTHER_BASE = folderOf('peft-gpt2-niket');

/** A report without the fields that differ between runs. */
function lasting({ job_id, created_at, timings, provider, sources, ...rest }: Report) {
  return { ...rest, sources: sources.map(({ id: _, ...source }) => source) };
}

describe('lora-squeeze', () => {
  const at = serviceFixture('cli-analyze');

  it('analyze gives the same report as the service, locally and through a server', async () => {
    const client = new Client(at.service.url);
    const { adapter } = await client.upload(PLAIN);
    const job = await succeed(client, { kind: 'analyze', adapter_id: adapter.id });
    const expected = lasting(await client.report(job.id));
    for (const where of [[], ['--server', at.service.url]]) {
      const ended = await run(['analyze', PLAIN, ...where]);
      assert.deepEqual([ended.code, ended.stderr], [0, '']);
      const { folder, ...report } = documents<Report & { folder: string }>(ended.stdout)[0]!;
      assert.equal(folder, PLAIN);
      assert.deepEqual(lasting(report), expected);
    }
  });

  it('analyze continues after a folder that fails', async () => {
    const ended = await run(['analyze', join(at.folder, 'none'), PLAIN]);
    assert.equal(ended.code, 1);
    const [none, plain] = documents<{ error?: { code: string }; analysis?: object }>(ended.stdout);
    assert.equal(none?.error?.code, 'FILE_MISSING');
    assert.ok(plain?.analysis);
    assert.match(ended.stderr, /^lora-squeeze: .*none: FILE_MISSING: /);
  });

  it('merge writes the same sum as the service, locally and through a server', async () => {
    const client = new Client(at.service.url);
    const uploaded = [];
    for (const folder of [PLAIN, WITH_HEAD]) uploaded.push((await client.upload(folder)).adapter);
    const ids = uploaded.map(({ id }) => id);
    const digests = uploaded.map(({ sha256 }) => sha256);
    const job = await succeed(client, {
      kind: 'merge',
      sources: [
        { adapter_id: ids[0]!, weight: 0.75 },
        { adapter_id: ids[1]!, weight: -0.5 },
      ],
      targets: [{ rank: 6 }],
      options: { method: 'exact' },
    });
    const rest = await client.download(succeededResults(job)[0]!.adapter_id, join(at.folder, 'rest'));
    const args = ['merge', `${PLAIN}:.75`, `${WITH_HEAD}:-5e-1`, '--rank', '6', '--method', 'exact', '--out'];
    for (const where of [[], ['--server', at.service.url]]) {
      const made = parseResult(await run([...args, join(at.folder, `sum${where.length}`), ...where]));
      assertSameFiles(made.out, rest);
      assert.deepEqual(withoutAdapterId(made.result), withoutAdapterId(succeededResults(job)[0]!));
      assert.deepEqual(
        made.sources.map(({ sha256, weight }) => [sha256, weight]),
        [
          [digests[0], 0.75],
          [digests[1], -0.5],
        ],
      );
    }
  });

  it('merge fails and leaves nothing if the adapters do not fit, and names them', async () => {
    const out = join(at.folder, 'misfit');
    const ended = await run(['merge', PLAIN, OTHER_BASE, '--rank', '4', '--out', out]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^lora-squeeze: MERGE_BASE_MISMATCH: .*"gpt2".*"distilgpt2"/);
    assert.equal(documents<PrintedResult>(ended.stdout)[0]?.error?.code, 'MERGE_BASE_MISMATCH');
    assert.equal(existsSync(out), false);
  });

  it('merge accepts a folder with a colon in its name if its weight follows', async () => {
    const ended = await run(['merge', './no:such:1', '--rank', '4', '--out', join(at.folder, 'colon')]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /There is no folder \.\/no:such\./);
  });
});
