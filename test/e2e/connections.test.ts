import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { ConnectionRecord } from '../../src/contract/connection.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import type { Report } from '../../src/contract/report.ts';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';
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
const BUCKET = 'test-bucket';
const JSON_TYPE = { 'content-type': 'application/json' };

describe('jobs with connections', { skip: motoIsMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'connections-'));
  let elsewhere: FileServer;
  let hub: FakeHub;
  let s3: S3Server;
  let witness: S3Client;
  let service: Service;
  let client: Client;

  const start = async () => {
    // The configuration of the operator does not open these hosts; connections do. The service's own role has
    // the credentials of moto.
    const env = { ...s3.env, AWS_ENDPOINT_URL_S3: '', HF_ENDPOINT: hub.url, HF_TOKEN: GOOD_TOKEN };
    service = await startService({ dataDir: join(folder, 'data'), env });
    client = new Client(service.url);
  };
  before(async () => {
    [elsewhere, hub, s3] = await Promise.all([startFileServer(), startFakeHub(), startMoto()]);
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    witness = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials });
    await put('in/one', WEIGHTS, files.weights);
    await put('in/one', CONFIG, files.config);
    await start();
    const s3Host = new URL(s3.url).host;
    const store = { kind: 's3', endpoint: s3.url, allowed_hosts: [s3Host] };
    const credentialsOfUser = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
    await connect({
      ...store,
      name: 'models',
      prefixes: [`s3://${BUCKET}/in`, `s3://${BUCKET}/out`],
      credentials: credentialsOfUser,
    });
    await connect({ ...store, name: 'role', prefixes: [`s3://${BUCKET}/lent`], ambient: true });
    await connect({
      ...{ kind: 'hub', name: 'team', prefixes: ['hf://team'], ambient: true },
      allowed_hosts: [hub.host, hub.store.host],
    });
    await connect({
      ...{ kind: 'url', name: 'server', prefixes: [`${elsewhere.url}/a`], allowed_hosts: [elsewhere.host] },
      credentials: { headers: { 'Private-Token': 'hush-hush' } },
    });
  });
  after(async () => {
    witness?.destroy();
    await (service as Service | undefined)?.stop();
    await Promise.all([elsewhere?.close(), hub?.close(), s3?.stop()]);
    rmSync(folder, { recursive: true });
  });

  const put = (prefix: string, name: string, body: Uint8Array | string) =>
    witness.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/${name}`, Body: body }));
  const keysIn = async (prefix: string): Promise<string[]> => {
    const { Contents = [] } = await witness.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }),
    );
    return Contents.map(({ Key }) => Key!.slice(prefix.length));
  };
  const objectOf = async (key: string): Promise<Buffer> => {
    const { Body } = await witness.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return Buffer.from(await Body!.transformToByteArray());
  };
  const call = (method: string, path: string, body?: unknown) =>
    client.fetch(path, {
      method,
      ...(body !== undefined && { headers: JSON_TYPE, body: JSON.stringify(body) }),
    });
  async function connect(request: object): Promise<ConnectionRecord> {
    const response = await call('POST', '/v1/connections', request);
    const text = await response.text();
    assert.equal(response.status, 201, text);
    return JSON.parse(text) as ConnectionRecord;
  }

  it('fetch from a bucket and deliver to it, each target to its own folder, with their report', async () => {
    const job = await succeed(client, {
      kind: 'squeeze',
      source: `s3://${BUCKET}/in/one`,
      targets: [{ rank: 4 }, { rank: 2 }],
      deliver: { to: `s3://${BUCKET}/out/one/`, include: ['report', 'card'] },
    });
    const request = job.request as Extract<JobRecord['request'], { kind: 'squeeze' }>;
    assert.equal(request.source!.connection, 'models');
    assert.equal(job.imported!.place, `s3://${BUCKET}/in/one`);
    assert.deepEqual(
      job.deliveries.map(({ state, place }) => [state, place]),
      [
        ['succeeded', `s3://${BUCKET}/out/one/r4`],
        ['succeeded', `s3://${BUCKET}/out/one/r2`],
      ],
    );
    const names = await keysIn(`${'out/one/'}`);
    for (const name of [`r4/${WEIGHTS}`, `r4/${CONFIG}`, 'r4/report.json', `r2/${WEIGHTS}`, 'r2/report.json'])
      assert.ok(names.includes(name), `${name} in ${names}`);
    const report = JSON.parse((await objectOf('out/one/r2/report.json')).toString()) as Report;
    assert.deepEqual(report, JSON.parse(JSON.stringify(await client.json(`/v1/jobs/${job.id}/report`))));
    const { adapter_id } = succeededResults(job)[1]!;
    assert.deepEqual(
      await objectOf(`out/one/r2/${WEIGHTS}`),
      await client.bytes(`/v1/adapters/${adapter_id}/files/${WEIGHTS}`),
    );
    assert.doesNotMatch(JSON.stringify(job) + service.log(), /hush-hush|"encrypted"/);
  });

  it("use the service's own role for a bucket, and its own token for the Hub", async () => {
    const { adapter } = await client.upload(fixture!.dir);
    await succeed(client, {
      kind: 'export',
      adapter_id: adapter.id,
      to: `s3://${BUCKET}/lent/two`,
      include: [],
    });
    assert.deepEqual((await keysIn('lent/two/')).sort(), [CONFIG, WEIGHTS].sort());
    hub.commit(
      'team/adapter',
      { [`lora/${WEIGHTS}`]: Buffer.from(files.weights), [`lora/${CONFIG}`]: Buffer.from(files.config) },
      'private',
    );
    hub.commit('team/small', { 'README.md': Buffer.from('#') }, 'private');
    const job = await succeed(client, {
      kind: 'squeeze',
      source: 'hf://team/adapter@main/lora',
      targets: [{ rank: 2 }],
      deliver: 'hf://team/small/rank-2',
    });
    assert.equal(job.deliveries[0]!.place, `${hub.host}/team/small`);
    const [newest] = [...hub.repos.get('team/small')!.commits.values()].slice(-1);
    assert.ok(newest!.has(`rank-2/${WEIGHTS}`));
  });

  it('fetch from a server and deliver to it, with its headers', async () => {
    const seen: (string | undefined)[] = [];
    elsewhere.fault = ({ headers }) => {
      seen.push(headers['private-token'] as string | undefined);
      return undefined;
    };
    elsewhere.files.set(`/a/in/${WEIGHTS}`, Buffer.from(files.weights));
    elsewhere.files.set(`/a/in/${CONFIG}`, Buffer.from(files.config));
    const card = '---\nlicense: mit\n---\n# A card with large tables\n';
    elsewhere.files.set('/a/in/README.md', Buffer.from(card.padEnd(2_000_000, '|')));
    const job = await succeed(client, {
      kind: 'squeeze',
      source: `${elsewhere.url}/a/in/`,
      targets: [{ rank: 2 }],
      deliver: `${elsewhere.url}/a/out`,
    });
    assert.ok(elsewhere.files.has(`/a/out/${WEIGHTS}`) && elsewhere.files.has(`/a/out/${CONFIG}`));
    assert.deepEqual([...new Set(seen)], ['hush-hush']);
    const { adapter_id: id } = succeededResults(job)[0]!;
    assert.equal((await client.json<AdapterRecord>(`/v1/adapters/${id}`)).license, 'mit');
    const outside = await problemOf(
      await client.postJob({ kind: 'import', source: `${elsewhere.url}/b/in` }),
    );
    assert.equal(outside.code, 'OUTBOUND_FORBIDDEN');
  });

  it('are retried when they failed, because the connection has the credentials', async () => {
    const source = `s3://${BUCKET}/in/late`;
    const failed = await runJob(client, { kind: 'import', source });
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'FILE_MISSING']);
    await put('in/late', WEIGHTS, files.weights);
    await put('in/late', CONFIG, files.config);
    const retried = (await (await call('POST', `/v1/jobs/${failed.id}/retry`)).json()) as JobRecord;
    const job = await client.finished(retried.id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
  });

  it('fail permanently if the connection was narrowed or removed, and deliver again when it is restored', async () => {
    const { adapter } = await client.upload(fixture!.dir);
    const connection = {
      ...{ kind: 's3', name: 'passing', endpoint: s3.url, allowed_hosts: [new URL(s3.url).host] },
      ...{ prefixes: [`s3://${BUCKET}/passing`], ambient: true },
    };
    await connect(connection);
    const request: JobRequest = { kind: 'export', adapter_id: adapter.id, to: `s3://${BUCKET}/passing/x` };
    const narrow = { prefixes: [`s3://${BUCKET}/passing/y`] };
    const done = await succeed(client, request);
    assert.equal((await call('PATCH', '/v1/connections/passing', narrow)).status, 200);
    const again = await problemOf(await client.postJob(request));
    assert.equal(again.code, 'CONNECTION_NEEDED');
    assert.match(again.detail, /"passing"/);
    assert.equal(
      (await call('PATCH', '/v1/connections/passing', { prefixes: connection.prefixes })).status,
      200,
    );
    // Accepted while the connection allowed it, and executed when it no longer does: the only worker is busy
    // meanwhile.
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    elsewhere.fault = () => ({
      answer: (_request, response) => void held.then(() => response.writeHead(404).end()),
    });
    const busy = (await (
      await client.postJob({ kind: 'import', source: `${elsewhere.url}/a/none.gguf` })
    ).json()) as JobRecord;
    await until('the job that keeps the worker busy', async () => {
      const { state } = await client.json<JobRecord>(`/v1/jobs/${busy.id}`);
      return state === 'active' ? true : undefined;
    });
    const waiting = (await (await client.postJob(request)).json()) as JobRecord;
    assert.equal((await call('DELETE', '/v1/connections/passing')).status, 204);
    release();
    const failed = await client.finished(waiting.id);
    assert.deepEqual(
      [failed.state, failed.error?.code, failed.attempts],
      ['failed', 'CONNECTION_NOT_FOUND', 1],
    );
    elsewhere.fault = () => undefined;
    await connect(connection);
    assert.equal((await call('POST', `/v1/jobs/${waiting.id}/deliveries/retry`)).status, 202);
    const delivered = await until('the delivery', async () => {
      const job = await client.json<JobRecord>(`/v1/jobs/${waiting.id}`);
      return job.deliveries[0]!.state === 'pending' ? undefined : job;
    });
    assert.equal(delivered.deliveries[0]!.state, 'succeeded', JSON.stringify(delivered.deliveries));
    assert.equal(done.deliveries[0]!.state, 'succeeded');
  });

  it('open no host to other tenants', async () => {
    const credentials = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
    const source = { kind: 's3', bucket: BUCKET, prefix: 'in/one', endpoint: s3.url, credentials };
    const problem = await problemOf(await client.postJob({ kind: 'import', source }));
    assert.equal(problem.code, 'OUTBOUND_FORBIDDEN');
  });

  it('continue after a restart with the existing connections', async () => {
    await service.stop();
    await start();
    const { data } = await client.json<{ data: ConnectionRecord[] }>('/v1/connections');
    assert.deepEqual(data.map(({ name }) => name).sort(), ['models', 'passing', 'role', 'server', 'team']);
    await succeed(client, { kind: 'import', source: `s3://${BUCKET}/in/one` });
  });
});
