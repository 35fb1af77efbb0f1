import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { Problem } from '../../src/http/problem.ts';
import { until } from '../queue/harness.ts';
import { type FaultProxy, startFaultProxy } from '../storage/fault-proxy.ts';
import { openS3, type S3UnderTest } from '../storage/s3-bench.ts';
import { motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { startServer, type TestServer } from './server.ts';
import { CONFIG, formOf } from './tiny-adapter.ts';
import { largeAdapter } from './uploads-tools.ts';

/**
 * A response may take 2 s, a small request 6 s, and a body may be silent for 3 s: enough for calls that must
 * succeed.
 */
const IDLE_MS = 12_000;
/** Only prevents hanging. */
const LIMIT_MS = 600_000;

describe('requests while the storage stalls in the middle of a body', {
  skip: motoIsMissing() ?? false,
  timeout: LIMIT_MS,
}, () => {
  let moto: S3Server;
  let proxy: FaultProxy;
  let s3: S3UnderTest;
  let server: TestServer;
  let adapter: AdapterRecord;
  before(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url);
    s3 = await openS3({ ...moto.env, AWS_ENDPOINT_URL_S3: proxy.url }, {}, IDLE_MS);
    server = await startServer({}, { store: s3.store });
    // Large enough to be kept in the storage.
    adapter = await server.upload(largeAdapter(40_000));
  });
  beforeEach(() => {
    proxy.fault = () => undefined;
  });
  after(async () => {
    proxy.fault = () => undefined;
    await server.close();
    await s3.dispose();
    await proxy.close();
    await moto.stop();
  });

  async function assertFailed(response: Response): Promise<void> {
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.equal(response.headers.get('retry-after'), '5');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    for (const name of ['etag', 'content-disposition', 'repr-digest', 'accept-ranges'])
      assert.equal(response.headers.get(name), null, `${name} describes the file, not the problem`);
    const problem = (await response.json()) as Problem;
    assert.equal(problem.code, 'STORAGE_FAILED');
    assert.match(problem.detail, /did not answer in time/);
  }
  const weightsOf = ({ files, id }: AdapterRecord) =>
    `/v1/adapters/${id}/files/${files.find(({ name }) => name.endsWith('.safetensors'))!.name}`;

  it('are answered: records and lists as usual, files with a problem document before their first byte', async () => {
    proxy.fault = () => ({ stallAfterBytes: 0 });
    assert.equal((await server.fetch('/v1/adapters')).status, 200);
    assert.equal((await server.fetch(`/v1/adapters/${adapter.id}`)).status, 200);
    assert.equal(
      (await server.fetch(`/v1/adapters/${adapter.id}/files/${CONFIG}`)).status,
      200,
      'it is small',
    );
    await server.fetch(weightsOf(adapter)).then(assertFailed);
    proxy.fault = () => undefined;
    assert.equal((await server.fetch(weightsOf(adapter))).status, 200);
  });

  it('are cut off if a file has begun, and never end as if complete', async () => {
    let gets = 0;
    proxy.fault = ({ url }) =>
      url!.includes('/content/') ? { stallAfterBytes: gets++ === 0 ? 100 : 0 } : undefined;
    const response = await server.fetch(weightsOf(adapter));
    assert.equal(response.status, 200);
    await assert.rejects(response.arrayBuffer(), /terminated/);
  });

  it('are answered if an upload cannot be stored, of which nothing is left', async () => {
    proxy.fault = ({ method, url }) =>
      method === 'PUT' && url!.includes('/content/') ? { stallAfterBytes: 0 } : undefined;
    const other = largeAdapter(50_000);
    await server.fetch('/v1/adapters', { method: 'POST', body: formOf(other) }).then(assertFailed);
    proxy.fault = () => undefined;
    const { data: adapters } = (await (await server.fetch('/v1/adapters')).json()) as {
      data: AdapterRecord[];
    };
    assert.deepEqual(
      adapters.map(({ id }) => id),
      [adapter.id],
    );
    const scratch = (): string[] => readdirSync(join(s3.folder, 'tmp'), { recursive: true }) as string[];
    await until(
      'nothing half written',
      () => !scratch().some((path) => /(file|work)-/.test(path)) || undefined,
    );
    assert.equal((await server.upload(other)).id.startsWith('ad_'), true, 'it can be sent again');
  });
});
