import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import type { Sink, Source } from '../../src/contract/transfer.ts';
import { DATABASE_FILE } from '../../src/database/open-database.ts';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';
import { buildSafetensors, parseSafetensors } from '../oracle/safetensors.ts';
import { until } from '../queue/harness.ts';
import { motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { type FakeHub, GOOD_TOKEN, startFakeHub } from '../transfer/fake-hub.ts';
import { type FileServer, startFileServer } from '../transfer/file-server.ts';
import { Client, problemOf, readAdapterFiles } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { runJob, succeed } from './run-job.ts';
import { type Service, startService } from './service.ts';

const [fixture] = fixtureAdapters();
const files = readAdapterFiles(fixture!.dir);
const targets = [{ rank: 2 }];
const noBucket = motoIsMissing() ?? false;
const SIGNATURE = 'signature=hush-hush';

describe('jobs that fetch adapters and deliver results', () => {
  const folder = mkdtempSync(join(tmpdir(), 'transfers-'));
  const dataDir = join(folder, 'data');
  let elsewhere: FileServer;
  let hub: FakeHub;
  let s3: S3Server | undefined;
  let service: Service;
  let client: Client;
  before(async () => {
    elsewhere = await startFileServer();
    hub = await startFakeHub();
    s3 = noBucket ? undefined : await startMoto();
    await start();
  });
  const start = async () => {
    const hosts = [elsewhere.host, hub.host, hub.store.host, ...(s3 ? [new URL(s3.url).host] : [])];
    const env = { OUTBOUND_ALLOWED_HOSTS: hosts.join(', '), HF_ENDPOINT: `${hub.url}/` };
    service = await startService({ dataDir, env });
    client = new Client(service.url);
  };
  after(async () => {
    await (service as Service | undefined)?.stop();
    await Promise.all([elsewhere.close(), hub.close(), s3?.stop()]);
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    elsewhere.fault = () => undefined;
    elsewhere.files.clear();
    elsewhere.files.set('/a/weights', Buffer.from(files.weights));
    elsewhere.files.set('/a/config', Buffer.from(files.config));
  });

  const source = (path = '/a'): Source => ({
    kind: 'url',
    files: {
      [WEIGHTS]: { url: `${elsewhere.url}${path}/weights?${SIGNATURE}` },
      [CONFIG]: { url: `${elsewhere.url}${path}/config?${SIGNATURE}` },
    } as Extract<Source, { kind: 'url' }>['files'],
  });
  const sink = (path: string): Sink => ({
    kind: 'url',
    files: {
      [WEIGHTS]: { url: `${elsewhere.url}${path}/weights?${SIGNATURE}` },
      [CONFIG]: { url: `${elsewhere.url}${path}/config?${SIGNATURE}` },
    } as Extract<Sink, { kind: 'url' }>['files'],
  });
  const fileOf = (adapterId: string, name: string) => client.bytes(`/v1/adapters/${adapterId}/files/${name}`);

  const inMidImport = (id: string): Promise<JobRecord> =>
    until('bytes that have come', async () => {
      const job = await client.json<JobRecord>(`/v1/jobs/${id}`);
      return job.progress.phase === 'import' && job.progress.done > 0 ? job : undefined;
    });

  /**
   * Once its jobs have ended, nothing that the service stores or sends contains a signature, in clear or
   * encrypted.
   */
  function assertNoSecretKept(): void {
    const kept = (word: string) => {
      try {
        return execFileSync('grep', ['-rlaF', word, dataDir], { encoding: 'utf8' });
      } catch {
        return '';
      }
    };
    assert.equal(kept('hush-hush') + kept(GOOD_TOKEN), '');
    // Until then SQLite's log contains the earlier pages.
    const database = new DatabaseSync(join(dataDir, DATABASE_FILE));
    database.exec('pragma wal_checkpoint(truncate)');
    database.close();
    assert.equal(kept('"encrypted"'), '');
    assert.doesNotMatch(service.log(), /hush-hush/);
  }

  it('import an adapter from URLs, squeeze it, and deliver the result to presigned URLs, in one call', async () => {
    const { adapter } = await client.upload(fixture!.dir);
    const plain = await client.squeeze(adapter.id, targets);
    const job = await succeed(client, {
      kind: 'squeeze',
      source: source(),
      targets,
      deliver: [{ to: sink('/out') }],
    });
    assert.deepEqual(await client.content(job.imported!.adapter_id), await client.content(adapter.id));
    assert.equal(job.imported?.kind, 'url');
    assert.deepEqual(await client.contents(job), await client.contents(plain));
    const [delivery] = job.deliveries;
    assert.equal(delivery!.adapter_id, succeededResults(job)[0]!.adapter_id);
    for (const [name, path] of [
      [WEIGHTS, '/out/weights'],
      [CONFIG, '/out/config'],
    ] as const)
      assert.deepEqual(elsewhere.files.get(path), await fileOf(delivery!.adapter_id, name));
    assert.doesNotMatch(JSON.stringify(job), /hush-hush|"encrypted"/);
    assert.match(JSON.stringify(job.request), new RegExp(`"place":"[^"]*${elsewhere.host}`));
    assertNoSecretKept();
  });

  it('name the adapters they fetch and their results as requested', async () => {
    const results = { name: 'fetched/{source} {rank}', labels: { from: 'there' }, ttl_seconds: 600 };
    const known = async (id: string) => {
      const { name, labels, expires_at } = await client.json<AdapterRecord>(`/v1/adapters/${id}`);
      return [name, labels, expires_at !== null];
    };
    const fetched = await succeed(client, { kind: 'import', source: source(), results });
    const { ranks } = await client.json<AdapterRecord>(`/v1/adapters/${fetched.imported!.adapter_id}`);
    const name = `fetched/weights ${ranks.max}`;
    assert.deepEqual(await known(fetched.imported!.adapter_id), [name, { from: 'there' }, true]);
    const squeezed = await succeed(client, { kind: 'squeeze', source: source(), targets, results });
    assert.deepEqual(await known(squeezed.imported!.adapter_id), ['weights', {}, false]);
    assert.deepEqual(await known(succeededResults(squeezed)[0]!.adapter_id), [
      'fetched/weights 2',
      { from: 'there' },
      true,
    ]);
  });

  it('show what they do while they wait and run, without secrets', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    elsewhere.fault = ({ path }) =>
      path.startsWith('/a/weights')
        ? {
            answer: (_request, response) => {
              response.writeHead(200, { 'content-length': files.weights.byteLength });
              response.write(files.weights.subarray(0, 1000));
              void held.then(() => response.end(files.weights.subarray(1000)));
            },
          }
        : undefined;
    const response = await client.postJob({ kind: 'import', source: source() });
    assert.equal(response.status, 202);
    const accepted = (await response.json()) as JobRecord;
    assert.doesNotMatch(JSON.stringify(accepted), /hush-hush|"encrypted"/);
    const seen = await inMidImport(accepted.id);
    assert.equal(seen.progress.total, files.weights.byteLength + files.config.length);
    assert.doesNotMatch(JSON.stringify(seen), /hush-hush|"encrypted"/);
    release();
    const job = await client.finished(accepted.id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    assert.deepEqual([job.results, job.timings], [[], null]);
    const adapter = await client.json<AdapterRecord>(`/v1/adapters/${job.imported!.adapter_id}`);
    assert.equal(adapter.bytes, job.imported!.bytes);
    await problemOf(await client.fetch(`/v1/jobs/${job.id}/report`)).then(({ code }) =>
      assert.equal(code, 'REPORT_NOT_READY'),
    );
    assertNoSecretKept();
  });

  it('fetch from the Hub and deliver to it', async () => {
    const commit = hub.commit(
      'team/adapter',
      {
        [`lora/${WEIGHTS}`]: Buffer.from(files.weights),
        [`lora/${CONFIG}`]: Buffer.from(files.config),
      },
      'private',
    );
    hub.commit('team/small', { 'README.md': Buffer.from('#') }, 'private');
    const job = await succeed(client, {
      kind: 'squeeze',
      source: { kind: 'hub', repo: 'team/adapter', subfolder: 'lora', token: GOOD_TOKEN },
      targets,
      deliver: [{ target: 0, to: { kind: 'hub', repo: 'team/small', token: GOOD_TOKEN } }],
    });
    assert.equal(job.imported?.commit, commit);
    assert.equal(job.deliveries[0]!.place, `${hub.host}/team/small`);
    const [newest] = [...hub.repos.get('team/small')!.commits.values()].slice(-1);
    assert.deepEqual(newest!.get(WEIGHTS), await fileOf(succeededResults(job)[0]!.adapter_id, WEIGHTS));
    assertNoSecretKept();
  });

  it('fetch split weights from the Hub, alone and below a prefix', async () => {
    const { tensors, metadata } = parseSafetensors(files.weights);
    const half = Math.ceil(tensors.size / 2);
    const parts = [[...tensors].slice(0, half), [...tensors].slice(half)].map((part) =>
      buildSafetensors(Object.fromEntries(part), metadata),
    );
    const nameOf = (number: number): string => `cut-0000${number}-of-00002.safetensors`;
    const map = parts.flatMap((bytes, at) =>
      [...parseSafetensors(bytes).tensors.keys()].map((tensor) => [tensor, nameOf(at + 1)] as const),
    );
    hub.commit('team/cut', {
      [`lora/${nameOf(1)}`]: parts[0]!,
      [`lora/${nameOf(2)}`]: parts[1]!,
      'lora/cut.safetensors.index.json': Buffer.from(JSON.stringify({ weight_map: Object.fromEntries(map) })),
      [`lora/${CONFIG}`]: Buffer.from(files.config),
      [`bare/${nameOf(1)}`]: parts[0]!,
      [`bare/${nameOf(2)}`]: parts[1]!,
    });
    const { adapter } = await client.upload(fixture!.dir);
    const plain = await client.squeeze(adapter.id, targets);
    const job = await succeed(client, { kind: 'squeeze', source: 'hf://team/cut/lora', targets });
    assert.deepEqual(
      job.imported!.files.map(({ name }) => name),
      [nameOf(1), nameOf(2), 'cut.safetensors.index.json', CONFIG],
    );
    // The metadata names the source, whose tensors are in another order; everything else is equal.
    const numbersOf = async (id: string) =>
      [...parseSafetensors(await fileOf(id, WEIGHTS)).tensors]
        .map(([name, { bytes }]) => [name, Buffer.from(bytes).toString('hex')])
        .sort();
    const [made, expected] = [job, plain].map((one) => succeededResults(one)[0]!.adapter_id) as [
      string,
      string,
    ];
    assert.deepEqual(await numbersOf(made), await numbersOf(expected));
    // What a batch requests of split weights without a configuration: their first file.
    const bare = { kind: 'hub', repo: 'team/cut', subfolder: 'bare', filename: nameOf(1) } as const;
    const failed = await runJob(client, { kind: 'import', source: bare });
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'FILE_MISSING']);
    assert.match(failed.error!.detail, /adapter_config\.json is required/, 'both files were joined and read');
  });

  it('name the license of their own source in the model cards of results', async () => {
    const adapter = { [WEIGHTS]: Buffer.from(files.weights), [CONFIG]: Buffer.from(files.config) };
    const cardOf = async (id: string) => (await fileOf(id, 'README.md')).toString();
    for (const license of ['mit', 'apache-2.0']) {
      hub.commit('team/licensed', {
        ...adapter,
        'README.md': Buffer.from(`---\nlicense: ${license}\n---\n`),
      });
      const from = { kind: 'hub', repo: 'team/licensed', token: GOOD_TOKEN } as const;
      const job = await succeed(client, { kind: 'squeeze', source: from, targets });
      const { adapter_id: id } = succeededResults(job)[0]!;
      assert.match(await cardOf(id), new RegExp(`^---\n[^#]*^license: ${license}$`, 'm'));
      assert.equal((await client.json<AdapterRecord>(`/v1/adapters/${id}`)).license, license);
      // The same holds for results of the result.
      const again = await succeed(client, { kind: 'squeeze', adapter_id: id, targets: [{ rank: 1 }] });
      assert.match(
        await cardOf(succeededResults(again)[0]!.adapter_id),
        new RegExp(`^license: ${license}$`, 'm'),
      );
    }
  });

  it('export an existing adapter', async () => {
    const { adapter } = await client.upload(fixture!.dir);
    const job = await succeed(client, { kind: 'export', adapter_id: adapter.id, to: sink('/export') });
    assert.deepEqual(
      job.deliveries.map(({ adapter_id }) => adapter_id),
      [adapter.id],
    );
    assert.deepEqual(elsewhere.files.get('/export/weights'), Buffer.from(files.weights));
  });

  it('succeed even if a delivery fails, and deliver again on request', async () => {
    let isOpen = false;
    elsewhere.fault = ({ method, path }) =>
      method === 'PUT' && path.startsWith('/no/') && !isOpen ? { status: 403 } : undefined;
    const job = await runJob(client, {
      kind: 'squeeze',
      source: source(),
      targets,
      deliver: [{ to: sink('/yes') }, { to: sink('/no') }],
    });
    assert.deepEqual([job.state, job.error, job.attempts], ['succeeded', null, 1]);
    const statesOf = ({ deliveries }: JobRecord) => deliveries.map(({ state }) => state);
    assert.deepEqual(statesOf(job), ['succeeded', 'failed']);
    const { error } = job.deliveries[1]!;
    assert.equal(error!.code, 'OUTBOUND_REFUSED');
    assert.match(error!.detail, /403/);
    await fileOf(succeededResults(job)[0]!.adapter_id, WEIGHTS);
    const path = `/v1/jobs/${job.id}`;
    const retry = () => client.fetch(`${path}/deliveries/retry`, { method: 'POST' });
    const sent = () =>
      until('the end of the delivery', async () => {
        const now = await client.json<JobRecord>(path);
        return statesOf(now).includes('pending') ? undefined : now;
      });
    assert.equal((await retry()).status, 202);
    assert.deepEqual(statesOf(await sent()), ['succeeded', 'failed']);
    isOpen = true;
    assert.equal((await retry()).status, 202);
    const done = await sent();
    assert.deepEqual([done.state, ...statesOf(done)], ['succeeded', 'succeeded', 'succeeded']);
    assert.ok(elsewhere.files.has('/no/weights'));
    assert.equal((await problemOf(await retry())).code, 'DELIVERIES_SUCCEEDED');
    assertNoSecretKept();
  });

  it('are retried if the failure may be temporary', async () => {
    let refusals = 0;
    elsewhere.fault = ({ method }) => (method === 'PUT' && refusals++ < 6 ? { status: 503 } : undefined);
    const job = await runJob(client, {
      kind: 'squeeze',
      source: source(),
      targets,
      deliver: [{ to: sink('/later') }],
    });
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    assert.ok(job.attempts > 1);
    assert.ok(elsewhere.files.has('/later/weights'));
  });

  it('fail with the error of the source before anything is computed', async () => {
    const cases: [JobRequest, string][] = [
      [{ kind: 'import', source: source('/missing') }, 'OUTBOUND_REFUSED'],
      [{ kind: 'analyze', source: { kind: 'hub', repo: 'team/none' } }, 'OUTBOUND_REFUSED'],
    ];
    elsewhere.files.set('/bad/weights', Buffer.from('this is no safetensors file at all'));
    elsewhere.files.set('/bad/config', Buffer.from(files.config));
    cases.push([{ kind: 'squeeze', source: source('/bad'), targets }, 'ST_HEADER_TOO_LARGE']);
    for (const [request, code] of cases) {
      const job = await runJob(client, request);
      assert.deepEqual(
        [job.state, job.error?.code, job.imported],
        ['failed', code, null],
        JSON.stringify(job.error),
      );
    }
  });

  it('stop when they are cancelled during a transfer', async () => {
    elsewhere.fault = ({ path }) => (path.startsWith('/a/weights') ? { stallAfterBytes: 1000 } : undefined);
    const { id } = (await (await client.postJob({ kind: 'import', source: source() })).json()) as JobRecord;
    await inMidImport(id);
    const cancelled = await client.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    assert.equal(cancelled.status, 200);
    elsewhere.fault = () => undefined;
    // The only compute process is free again; otherwise this would wait for a minute.
    await succeed(client, { kind: 'import', source: source() });
    assertNoSecretKept();
  });

  it('are refused when they are submitted, if they can never succeed', async () => {
    const inside: Source = {
      kind: 's3',
      bucket: 'bucket',
      prefix: '',
      endpoint: 'http://169.254.169.254',
      credentials: { access_key_id: 'a', secret_access_key: 'b' },
    };
    const cases: [unknown, number, string, RegExp][] = [
      [{ kind: 'import', source: inside }, 422, 'OUTBOUND_FORBIDDEN', /169\.254\.169\.254/],
      [{ kind: 'squeeze', targets }, 400, 'VALIDATION_FAILED', /neither "adapter_id" nor "source"/],
      [
        { kind: 'analyze', adapter_id: 'ad_1', source: source() },
        400,
        'VALIDATION_FAILED',
        /both "adapter_id" and "source"/,
      ],
      [
        { kind: 'squeeze', source: source(), targets, deliver: [{ target: 1, to: sink('/x') }] },
        400,
        'VALIDATION_FAILED',
        /deliver\[0\]\.target is 1/,
      ],
      [{ kind: 'import', source: { kind: 'url' } }, 400, 'VALIDATION_FAILED', /files/],
      ...[
        `${elsewhere.url}/x-00001-of-00003.safetensors`,
        { kind: 'url', files: { weights: { url: `${elsewhere.url}/x-00001-of-00003.safetensors?y` } } },
      ].map((part): [unknown, number, string, RegExp] => [
        { kind: 'import', source: part },
        400,
        'VALIDATION_FAILED',
        /x-00001-of-00003\.safetensors is only one of the 3 files.*s3:\/\/ or hf:\/\//,
      ]),
    ];
    for (const [body, status, code, words] of cases) {
      const problem = await problemOf(await client.postJob(body));
      assert.deepEqual([problem.status, problem.code], [status, code], problem.detail);
      assert.match(problem.detail, words);
    }
  });

  it('have results of their own for equal sources', async () => {
    const request: JobRequest = { kind: 'squeeze', source: source(), targets };
    const [first, second] = [await succeed(client, request), await succeed(client, request)];
    assert.notEqual(first.id, second.id);
    assert.notEqual(succeededResults(first)[0]!.adapter_id, succeededResults(second)[0]!.adapter_id);
    assert.deepEqual(await client.contents(first), await client.contents(second));
  });

  it('survive a kill of the service between acceptance and work, with their secrets', async () => {
    elsewhere.fault = ({ path }) => (path.startsWith('/a/') ? { stallAfterBytes: 10 } : undefined);
    const { id } = (await (await client.postJob({ kind: 'import', source: source() })).json()) as JobRecord;
    const port = new URL(service.url).port;
    for (const { pid } of service.children()) process.kill(pid, 'SIGKILL');
    process.kill(service.pid, 'SIGKILL');
    elsewhere.fault = () => undefined;
    await start();
    assert.notEqual(port, new URL(service.url).port);
    const job = await client.finished(id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    assertNoSecretKept();
  });

  it('export to a bucket and import again', { skip: noBucket }, async () => {
    const { adapter } = await client.upload(fixture!.dir);
    const place = {
      kind: 's3',
      bucket: 'test-bucket',
      prefix: 'some/adapter',
      endpoint: s3!.url,
      credentials: { access_key_id: 'KEYID', secret_access_key: 'hush-hush' },
    } as const;
    await succeed(client, { kind: 'export', adapter_id: adapter.id, to: place });
    const content = await client.content(adapter.id);
    const removed = await client.fetch(`/v1/adapters/${adapter.id}`, { method: 'DELETE' });
    assert.equal(removed.status, 204);
    const job = await succeed(client, { kind: 'import', source: place });
    assert.deepEqual(await client.content(job.imported!.adapter_id), content);
    assertNoSecretKept();
  });
});
