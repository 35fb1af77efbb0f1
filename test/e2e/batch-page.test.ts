import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { BatchItemList } from '../../src/contract/batch-item.ts';
import type { WebhookEvent } from '../../src/contract/event.ts';
import type { Report } from '../../src/contract/report.ts';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';
import { until } from '../queue/harness.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { Client, readAdapterFiles } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { type Service, startService } from './service.ts';

const ROOT = join(import.meta.dirname, '../..');
const [fixture] = fixtureAdapters();
const files = readAdapterFiles(fixture!.dir);
/** The adapters are single files. */
const KOHYA = join(ROOT, 'test/fixtures/adapters/derived-kohya-skinlesion/skinlesion_kohya.safetensors');
/** The page has a thousand adapters; a few give the same output. */
const ADAPTERS = 12;

/** Everything in docs/batches.md from its first call to the one that lists failures. */
const calls = [
  ...readFileSync(join(ROOT, 'docs/batches.md'), 'utf8')
    .split('## From bucket to bucket')[1]!
    .split('\n## ')[0]!
    .matchAll(/^```sh\n([\s\S]*?)^```/gm),
].map(([, code]) => code!);

describe('docs/batches.md: from bucket to bucket', { skip: motoIsMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch-page-'));
  const received: { readonly headers: object; readonly event: WebhookEvent }[] = [];
  const receiver = createServer(async (request, response) => {
    const event = JSON.parse((await buffer(request)).toString()) as WebhookEvent;
    received.push({ headers: request.headers, event });
    response.end();
  });
  let s3: S3Server;
  let witness: S3Client;
  let service: Service;
  let client: Client;
  let hookUrl: string;

  before(async () => {
    s3 = await startMoto();
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    witness = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(receiver.address() as { port: number }).port}`;
    hookUrl = `http://${host}/hooks/squeezed`;
    const env = { OUTBOUND_ALLOWED_HOSTS: host };
    service = await startService({ dataDir: join(folder, 'data'), env });
    client = new Client(service.url);
    for (let index = 0; index < ADAPTERS; index++) {
      const prefix = `in/team-${index % 3}/adapter-${index}`;
      await put(`${prefix}/${WEIGHTS}`, files.weights);
      await put(`${prefix}/${CONFIG}`, files.config);
    }
    await put('in/flat/single.safetensors', readFileSync(KOHYA));
    await put('in/team-0/broken/adapter_config.json', '{}');
    await put('index/no-part-of-it.safetensors', 'x');
  });
  after(async () => {
    witness?.destroy();
    await (service as Service | undefined)?.stop();
    receiver.close();
    receiver.closeAllConnections();
    await s3?.stop();
    rmSync(folder, { recursive: true });
  });

  const put = (Key: string, Body: Uint8Array | string) =>
    witness.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
  const keysIn = async (prefix: string): Promise<string[]> => {
    const { Contents = [] } = await witness.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }),
    );
    return Contents.map(({ Key }) => Key!);
  };
  /** With the store and the receiver of this test instead of those that the page names. */
  async function run(code: string): Promise<string> {
    const here = code
      .replaceAll('s3://models', `s3://${BUCKET}`)
      .replace(
        '"region": "eu-west-1"',
        `"endpoint": "${s3.url}", "allowed_hosts": ["${new URL(s3.url).host}"]`,
      )
      .replace('https://platform.example.com/hooks/squeezed', hookUrl);
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-euc', `curl() { command curl --fail-with-body "$@"; }\n${here}`],
      { cwd: folder, env: { ...process.env, URL: service.url, KEY: 'lsq_none' } },
    );
    return stdout;
  }

  it('works as described', async () => {
    const [connection, dryRun, create, failed] = calls as [string, string, string, string];
    assert.match(await run(connection), /"id":"conn_/);
    const asked = JSON.parse(await run(dryRun)) as BatchRecord;
    assert.deepEqual(
      [asked.id, asked.progress.total, asked.forecast!.unknown],
      ['dry_run', ADAPTERS + 2, ADAPTERS + 2],
    );
    const batch = JSON.parse(await run(create)) as BatchRecord;
    const again = JSON.parse(await run(create)) as BatchRecord;
    assert.equal(again.id, batch.id, 'one Idempotency-Key');
    assert.deepEqual([batch.progress.total, batch.labels], [ADAPTERS + 2, { release: '2026-12' }]);

    const { event, headers } = await until('the webhook', () => received[0]);
    assert.equal(event.type, 'batch.ended');
    assert.ok('webhook-signature' in headers);
    const ended = event.data.batch as BatchRecord;
    assert.deepEqual(
      [ended.id, ended.state, ended.counts.succeeded, ended.counts.failed],
      [batch.id, 'partial', ADAPTERS + 1, 1],
    );
    assert.equal(received.length, 1);

    const keys = await keysIn('out/');
    for (let index = 0; index < ADAPTERS; index++)
      for (const name of [WEIGHTS, CONFIG, 'report.json'])
        assert.ok(
          keys.includes(`out/team-${index % 3}/adapter-${index}/${name}`),
          `${name} of ${index} in ${keys}`,
        );
    assert.ok(
      keys.some((key) => key.startsWith('out/flat/single/')),
      keys.join(),
    );
    const { Body } = await witness.send(
      new GetObjectCommand({ Bucket: BUCKET, Key: 'out/team-1/adapter-1/report.json' }),
    );
    const report = JSON.parse(await Body!.transformToString()) as Report;
    assert.ok(report.job_id.startsWith('job_'));

    const { data } = JSON.parse(await run(failed)) as BatchItemList;
    assert.deepEqual(
      data.map(({ name, source, error }) => [name, source, error?.code]),
      [['team-0/broken', `s3://${BUCKET}/in/team-0/broken`, 'FILE_MISSING']],
    );
    await put(`in/team-0/broken/${WEIGHTS}`, files.weights);
    await put(`in/team-0/broken/${CONFIG}`, files.config);
    const response = await client.fetch(`/v1/batches/${batch.id}/retry`, {
      method: 'POST',
      headers: { prefer: 'wait=55' },
    });
    const retried = (await response.json()) as BatchRecord;
    const last = await until('the retry', async () => {
      const now = await client.json<BatchRecord>(`/v1/batches/${retried.id}`);
      return now.finished_at === null ? undefined : now;
    });
    assert.deepEqual([last.state, last.progress.total], ['succeeded', 1]);
    assert.ok((await keysIn('out/team-0/broken/')).includes(`out/team-0/broken/${WEIGHTS}`));
    await until('its webhook', () => received[1]);
    assert.doesNotMatch(service.log() + JSON.stringify(received), /not-a-real-one/);
  });
});
