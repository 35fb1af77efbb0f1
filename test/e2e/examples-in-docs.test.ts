import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobArtifactList } from '../../src/contract/artifact.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { Client } from './client.ts';
import { type Service, startService } from './service.ts';

const ROOT = join(import.meta.dirname, '../..');
const GPT2 = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const OTHER = join(ROOT, 'test/fixtures/adapters/peft-gpt2-deepbiolab');
/** A service without records until an example creates some. */
const UNTOUCHED = join(ROOT, 'test/fixtures/adapters/peft-gpt2-niket');
const ADDRESS = 'http://127.0.0.1:8080';

/** Code blocks of a page in one of these languages, in order; of a console only the commands. */
const examples = (page: string, languages: string): string[] =>
  examplesIn(readFileSync(join(ROOT, page), 'utf8'), languages);

const examplesIn = (text: string, languages: string): string[] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter(([, language]) => languages.split(' ').includes(language!))
    .map(([, language, code]) => (language === 'console' ? typed(code!) : code!));

function typed(code: string): string {
  const [command] = /^\$ [\s\S]*?(?=^(?:HTTP|\{|\s*\n))/m.exec(code)!;
  return command.slice(2);
}

/**
 * Examples that other tests cover: the pages about keys, idempotency, uploads, watching, formats, the
 * command, annealing.
 */
describe('examples in the documents', () => {
  let folder: string;
  let service: Service;
  let client: Client;
  let adapter: string;
  let other: string;
  let job: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'docs-examples-'));
    service = await startService({ dataDir: join(folder, 'data') });
    client = new Client(service.url);
    cpSync(GPT2, join(folder, 'files'), { recursive: true });
    adapter = (await client.upload(GPT2)).adapter.id;
    other = (await client.upload(OTHER)).adapter.id;
    job = (await submitted({ kind: 'squeeze', adapter_id: adapter, targets: [{ rank: 3 }] })).id;
    await client.finished(job);
  });
  after(async () => {
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  async function submitted(body: object | string): Promise<JobRecord> {
    const response = await client.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.status === 202 || response.status === 200, text);
    return JSON.parse(text) as JobRecord;
  }

  /** With values of this test instead of those that a page cannot know. */
  const here = (code: string): string => {
    let count = 0;
    return code
      .replaceAll(ADDRESS, service.url)
      .replaceAll('https://squeeze.example.com', service.url)
      .replaceAll(/ad_…/g, () => (count++ % 2 === 0 ? adapter : other))
      .replaceAll('job_…', job)
      .replaceAll('hf_…', 'hf_example')
      .replaceAll('ad_01a22e688d3eac375be510b9a9938247', adapter)
      .replaceAll('ad_01a22e68c41f7be0946cc25d93f1a0e8', other);
  };

  async function run(code: string): Promise<string> {
    // A refused request must not pass as an example that works.
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-euc', `curl() { command curl --fail-with-body "$@"; }\n${here(code)}`],
      {
        cwd: join(folder, 'files'),
        env: { ...process.env, URL: service.url, KEY: 'lsq_none' },
        maxBuffer: 16 * 1024 * 1024,
      },
    );
    return stdout;
  }

  /** Ends a job that could only wait for stores and a Hub that do not exist, and delay others. */
  async function cancelled({ id }: { id: string }): Promise<void> {
    const response = await client.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    assert.ok(response.status === 200 || response.status === 409, await response.text());
  }

  it('README.md: one call, and its result', async () => {
    const calls = examples('README.md', 'sh').filter((code) => /^\s*curl/m.test(code));
    assert.equal(calls.length, 1);
    const whole = JSON.parse(await run(calls[0]!.replace(/^cd .*\n/, ''))) as JobRecord;
    const [shown] = examples('README.md', 'json');
    const { state, results } = JSON.parse(shown!) as Pick<JobRecord, 'state' | 'results'>;
    assert.equal(whole.state, state);
    const [printed, result] = [results[0], whole.results[0]] as Record<string, unknown>[];
    const rounded = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value), (_, each) =>
        typeof each === 'number' ? Math.round(1e4 * each) / 1e4 : each,
      );
    for (const [name, value] of Object.entries(printed!))
      if (name !== 'adapter_id') assert.deepEqual(rounded(result![name]), value, name);
  });

  it('docs/api.md: step by step, from a platform', async () => {
    const [steps, platform] = examples('docs/api.md', 'sh').filter((code) => /^\s*curl/m.test(code));
    const output = await run(steps!.replaceAll('ad_…', adapter));
    assert.match(output, /"id":"ad_[\s\S]*"id":"job_[\s\S]*"singular_values"/);
    assert.ok(readFileSync(join(folder, 'files/squeezed.zip')).subarray(0, 2).equals(Buffer.from('PK')));
    const accepted = JSON.parse(await run(platform!)) as JobRecord;
    assert.deepEqual([accepted.labels, accepted.priority], [{ team: 'search' }, 'high']);
    assert.doesNotMatch(JSON.stringify(accepted), /hf_example/);
    await cancelled(accepted);
  });

  it('/docs: upload, squeeze, download', async () => {
    const { info } = await client.json<{ info: { description: string } }>('/docs/json');
    const [upload, squeeze, download] = examplesIn(info.description, 'sh');
    const { id } = JSON.parse(await run(upload!)) as AdapterRecord;
    const ended = JSON.parse(await run(squeeze!.replace(/ad_\w+/, id))) as JobRecord;
    const [result] = succeededResults(ended);
    await run(download!.replace(/ad_\w+/, result!.adapter_id));
    assert.ok(readFileSync(join(folder, 'files/squeezed.zip')).subarray(0, 2).equals(Buffer.from('PK')));
  });

  it('docs/transfers.md: a call from a repository to a repository', async () => {
    const [code] = examples('docs/transfers.md', 'sh');
    const accepted = JSON.parse(await run(code!)) as JobRecord;
    assert.match(accepted.id, /^job_/);
    await cancelled(accepted);
  });

  it('docs/connections.md: connections are created, used, changed and removed', async () => {
    const [bucket, job, hub, server, role, rotated, list] = examples('docs/connections.md', 'sh');
    for (const code of [bucket, hub, server, role]) assert.match(await run(code!), /"id":"conn_/);
    const accepted = JSON.parse(await run(job!)) as JobRecord;
    assert.doesNotMatch(JSON.stringify(accepted), /not-a-real-one|encrypted/);
    assert.deepEqual(
      accepted.deliveries.map(({ place }) => place),
      ['s3://models/out/support-chat/r16', 's3://models/out/support-chat/r8'],
    );
    await cancelled(accepted);
    assert.match(await run(rotated!), /"has_credentials":true/);
    assert.match(await run(list!), /"name":"registry"/);
    assert.equal((await client.fetch('/v1/connections/registry')).status, 404);
  });

  it('docs/transfers.md: every source and every sink is accepted', async () => {
    const places = examples('docs/transfers.md', 'json').map(
      (code) =>
        JSON.parse(
          here(code)
            .replaceAll('https://…presigned for PUT…', 'https://store.example.com/presigned')
            .replaceAll('"sha256": "…"', `"sha256": "${'0'.repeat(64)}"`)
            .replaceAll('{"…": "…"}', '{"access_key_id": "id", "secret_access_key": "key"}')
            .replaceAll('"…"', '"what-it-is"'),
        ) as { kind: string },
    );
    assert.deepEqual(
      places.map(({ kind }) => kind),
      ['url', 's3', 'hub', 'url', 's3', 'hub'],
    );
    for (const source of places.slice(0, 3)) await cancelled(await submitted({ kind: 'import', source }));
    for (const to of places.slice(3))
      await cancelled(await submitted({ kind: 'export', adapter_id: adapter, to }));
  });

  it('docs/annealing.md, schedules.md, runs.md: a schedule, a run, and an adaptive one', async () => {
    const [begin] = examples('docs/annealing.md', 'sh').map((code) => code.split('\n\n')[0]!);
    const [schedule] = examples('docs/schedules.md', 'sh');
    assert.match(await run(schedule!), /"stages":\[/);
    assert.match(await run(begin!), /"next_checkpoint_step":750/);
    const [dry, adaptive] = examples('docs/runs.md', 'json');
    const planned = await client.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: dry!,
    });
    assert.equal(planned.status, 200);
    assert.match(await planned.text(), /"id":"dry_run"[\s\S]*"next_checkpoint_step":750/);
    const response = await client.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: adaptive!,
    });
    assert.equal(response.status, 201, await response.text());
  });

  it('docs/serving.md: a squeeze for a profile', async () => {
    const [code] = examples('docs/serving.md', 'sh');
    const job = JSON.parse(await run(code!.replace(/^cd .*\n/, ''))) as JobRecord;
    assert.equal(succeededResults(job)[0]!.serving?.loads, true);
  });

  it('docs/batch-requests.md: a batch of adapters and targets, and one of jobs', async () => {
    const [call] = examples('docs/batch-requests.md', 'console');
    assert.match(await run(call!), /^HTTP\/1.1 202[\s\S]*"id":"batch_/);
    const [jobs] = examples('docs/batch-requests.md', 'json');
    // Two terms of a sum with the same base model.
    const body = here(jobs!.replaceAll('ad_…', adapter));
    const response = await client.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(response.status, 202, await response.text());
  });

  it('docs/dry-run.md: a dry run, whose estimate is right', async () => {
    const [code] = examples('docs/dry-run.md', 'console');
    const { id } = (await client.upload(UNTOUCHED)).adapter;
    const ask = async () => JSON.parse(await run(code!.replaceAll('ad_…', id))) as JobRecord;
    const [byRank, byEnergy] = (await ask()).forecast!.targets;
    assert.deepEqual([byRank!.rank, byRank!.basis], [{ min: 4, max: 4 }, 'shapes']);
    assert.deepEqual([byEnergy!.rank, byEnergy!.basis], [null, null]);
    await client.finished((await submitted({ kind: 'analyze', adapter_id: id })).id);
    const { request, forecast } = await ask();
    assert.deepEqual(new Set(forecast!.targets.map(({ basis }) => basis)), new Set(['spectra']));
    const real = await client.finished((await submitted(request)).id);
    const numbers = ({ rank, parameters, bytes }: (typeof forecast & object)['targets'][number]) => [
      rank,
      parameters,
      bytes,
    ];
    assert.deepEqual(forecast!.targets.map(numbers), succeededResults(real).map(numbers as never));
    const again = (await ask()).forecast!;
    assert.deepEqual([again.reused, again.starts_in_seconds, again.seconds], [true, 0, 0]);
  });

  it('docs/jobs.md, equal-requests.md: a request with all options, a cancellation, a retry, an equal request', async () => {
    const [request] = examples('docs/jobs.md', 'json');
    assert.deepEqual((await submitted(request!.replaceAll('ad_…', other))).labels, { team: 'search' });

    const [cancel, artifacts, retry] = examples('docs/jobs.md', 'console');
    const [equal] = examples('docs/equal-requests.md', 'console');
    const { data } = JSON.parse(await run(artifacts!)) as JobArtifactList;
    const paths = data.map((artifact) => artifact.path);
    const ofResult = ['adapter_model.safetensors', 'adapter_config.json', 'README.md'];
    assert.deepEqual(paths, ['report.json', 'report.html', ...ofResult.map((name) => `results/0/${name}`)]);
    for (const { href } of data) assert.equal((await client.fetch(href)).status, 200, href);
    const reused = await run(equal!);
    assert.match(reused, /^HTTP\/1.1 200 OK[\s\S]*"reused":true/);
    assert.ok(!reused.includes(job), 'a job of its own');

    // The last of several, so that it has not ended before it is cancelled.
    const ids: string[] = [];
    for (let count = 0; count < 5; count++)
      ids.push((await submitted({ kind: 'analyze', adapter_id: adapter, reuse: false })).id);
    const last = (code: string) => code.replace(/job_[0-9a-f]+/, ids.at(-1)!);
    assert.equal((JSON.parse(await run(last(cancel!))) as JobRecord).state, 'cancelled');
    assert.equal((JSON.parse(await run(last(retry!))) as JobRecord).retry_of, ids.at(-1));
  });

  it('docs/lifecycle.md: lists, labels, a time to live', async () => {
    const [lists, labels] = examples('docs/lifecycle.md', 'sh');
    const { next_cursor } = await client.json<{ next_cursor: string }>('/v1/jobs?limit=1');
    const pages = await run(lists!.replace(/cursor=[^']+/, `cursor=${next_cursor}`));
    assert.equal(pages.match(/"next_cursor"/g)?.length, 2);
    const [, changed] = (await run(labels!)).match(/\{"id".*?\}(?=\{"id"|\s*$)/gs)!;
    const record = JSON.parse(changed!) as AdapterRecord;
    assert.deepEqual([record.labels, record.expires_at], [{ team: 'search', stage: 'prod' }, null]);
  });

  it('docs/merge-and-analyze.md: both requests, until they end', async () => {
    for (const request of examples('docs/merge-and-analyze.md', 'json')) {
      const { id } = await submitted(here(request));
      const ended = await client.finished(id);
      assert.equal(ended.state, 'succeeded', JSON.stringify(ended.error));
    }
  });

  it('docs/report.md: a page and a picture', async () => {
    const [code] = examples('docs/report.md', 'sh');
    await run(code!);
    assert.match(readFileSync(join(folder, 'files/report.html'), 'utf8'), /^<!doctype html>/i);
    assert.equal(readFileSync(join(folder, 'files/heatmap.png')).toString('latin1', 1, 4), 'PNG');
  });
});
