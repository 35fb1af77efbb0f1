import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { ERROR_KINDS, type ErrorCode } from '../../src/errors/error-kinds.ts';
import { until } from '../queue/harness.ts';
import { adapterWith, BAD_ADAPTERS, GOOD_ADAPTER, NON_FINITE_TENSOR } from './bad-adapters.ts';
import { adapterForm, Client, problemOf } from './client.ts';
import { assertNothingLeft, listKept } from './data-folder.ts';
import { type Service, startService } from './service.ts';

const UNKNOWN_ADAPTER = `ad_${'0'.repeat(32)}`;
const UNKNOWN_JOB = `job_${'0'.repeat(32)}`;

describe('bad input', () => {
  let dataDir: string;
  let service: Service;
  let client: Client;
  let good: AdapterRecord;

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'squeeze-bad-'));
    service = await startService({ dataDir, env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
    const response = await client.postAdapter(GOOD_ADAPTER);
    assert.equal(response.status, 201, await response.clone().text());
    good = (await response.json()) as AdapterRecord;
  });
  after(async () => {
    await service?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function refused(response: Response, code: ErrorCode, names = ''): Promise<void> {
    const problem = await problemOf(response);
    assert.deepEqual([problem.code, problem.status], [code, ERROR_KINDS[code].status], problem.detail);
    assert.ok(problem.detail.includes(names), `"${names}" is not in "${problem.detail}"`);
  }

  describe('in an upload', () => {
    for (const { what, files, code, names } of BAD_ADAPTERS) {
      it(`${what}: ${code}`, async () => {
        const before = listKept(dataDir);
        await refused(await client.postAdapter(files), code, names);
        await assertNothingLeft(dataDir, before);
        // Uploading everything in one call judges the same files alike.
        const form = adapterForm(files);
        form.append('request', JSON.stringify({ targets: [{ rank: 1 }] }));
        await refused(await client.fetch('/v1/squeeze', { method: 'POST', body: form }), code, names);
        await assertNothingLeft(dataDir, before);
      });
    }

    it('cut off by the client leaves nothing behind', async () => {
      const before = listKept(dataDir);
      const boundary = 'cut-here';
      const body = Buffer.concat([
        Buffer.from(
          `--${boundary}\r\ncontent-disposition: form-data; name="adapter_model.safetensors"; ` +
            'filename="adapter_model.safetensors"\r\ncontent-type: application/octet-stream\r\n\r\n',
        ),
        Buffer.from(GOOD_ADAPTER.weights).subarray(0, 300),
      ]);
      const { hostname, port } = new URL(service.url);
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(
        `POST /v1/adapters HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 100000\r\n` +
          `content-type: multipart/form-data; boundary=${boundary}\r\n\r\n`,
      );
      socket.write(body);
      await until('a file on its way', () => listKept(dataDir).some((path) => !before.includes(path)));
      socket.destroy();
      await assertNothingLeft(dataDir, before);
    });

    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      it(`${value}: NON_FINITE_WEIGHTS, at the latest in the job`, async () => {
        const before = listKept(dataDir);
        const response = await client.postAdapter(adapterWith(value));
        if (!response.ok) {
          await refused(response, 'NON_FINITE_WEIGHTS', NON_FINITE_TENSOR);
          return assertNothingLeft(dataDir, before);
        }
        const { id } = (await response.json()) as AdapterRecord;
        const job = await client.squeeze(id, [{ rank: 2 }]);
        assert.deepEqual([job.state, job.error?.code], ['failed', 'NON_FINITE_WEIGHTS']);
        assert.ok(job.error!.detail.includes(NON_FINITE_TENSOR), job.error!.detail);
        assert.deepEqual([job.results, job.attempts, job.error!.retryable], [[], 1, false]);
        await refused(await client.fetch(`/v1/jobs/${job.id}/report`), 'REPORT_NOT_READY');
      });
    }

    it('that is not multipart: UNSUPPORTED_MEDIA_TYPE', async () => {
      const response = await client.fetch('/v1/adapters', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      });
      await refused(response, 'UNSUPPORTED_MEDIA_TYPE');
    });
  });

  describe('in a job', () => {
    const job = (extra: object) => ({
      kind: 'squeeze',
      adapter_id: good.id,
      targets: [{ rank: 2 }],
      ...extra,
    });
    const cases: readonly (readonly [string, () => object, ErrorCode, string?])[] = [
      [
        'an adapter nobody knows',
        () => job({ adapter_id: UNKNOWN_ADAPTER }),
        'ADAPTER_NOT_FOUND',
        UNKNOWN_ADAPTER,
      ],
      ['a path for an adapter', () => job({ adapter_id: '../../etc/passwd' }), 'ADAPTER_NOT_FOUND'],
      ['rank 0', () => job({ targets: [{ rank: 0 }] }), 'VALIDATION_FAILED', 'rank'],
      ['a rank in words', () => job({ targets: [{ rank: '2' }] }), 'VALIDATION_FAILED', 'rank'],
      ['energy above 1', () => job({ targets: [{ energy: 1.5 }] }), 'VALIDATION_FAILED', 'energy'],
      ['no target', () => job({ targets: [] }), 'VALIDATION_FAILED', 'targets'],
      [
        'two policies in a target',
        () => job({ targets: [{ rank: 2, energy: 0.9 }] }),
        'VALIDATION_FAILED',
        'energy',
      ],
      ['an unknown option', () => job({ options: { iterations: 3 } }), 'UNKNOWN_OPTION', 'iterations'],
      ['an unknown field', () => job({ urgency: 1 }), 'UNKNOWN_OPTION', 'urgency'],
      ['an unknown method', () => job({ options: { method: 'magic' } }), 'VALIDATION_FAILED', 'method'],
      ['an unknown kind', () => job({ kind: 'inflate' }), 'VALIDATION_FAILED', 'kind'],
    ];
    for (const [what, body, code, names] of cases) {
      it(`${what}: ${code}`, async () => {
        const before = listKept(dataDir);
        await refused(await client.postJob(body()), code, names);
        await assertNothingLeft(dataDir, before);
      });
    }

    it('a body that is not JSON: REQUEST_JSON', async () => {
      const response = await client.fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"kind":',
      });
      await refused(response, 'REQUEST_JSON');
    });
  });

  describe('in an address', () => {
    const cases: readonly (readonly [string, () => string, ErrorCode])[] = [
      ['an unknown adapter', () => `/v1/adapters/${UNKNOWN_ADAPTER}`, 'ADAPTER_NOT_FOUND'],
      ['files of an unknown adapter', () => `/v1/adapters/${UNKNOWN_ADAPTER}/archive`, 'ADAPTER_NOT_FOUND'],
      ['an unknown file', () => `/v1/adapters/${good.id}/files/passwd`, 'FILE_NOT_FOUND'],
      ['a file above', () => `/v1/adapters/${good.id}/files/..%2F..%2Fpasswd`, 'FILE_NOT_FOUND'],
      ['an unknown job', () => `/v1/jobs/${UNKNOWN_JOB}`, 'JOB_NOT_FOUND'],
      ['the report of an unknown job', () => `/v1/jobs/${UNKNOWN_JOB}/report`, 'JOB_NOT_FOUND'],
      ['nothing', () => '/v1/nothing', 'NOT_FOUND'],
    ];
    for (const [what, path, code] of cases) {
      it(`${what}: ${code}`, async () => refused(await client.fetch(path()), code));
    }
  });

  it('has not harmed the service: valid requests still succeed', async () => {
    const again = await client.postAdapter(GOOD_ADAPTER);
    assert.equal(again.status, 201);
    const job = await client.squeeze(good.id, [{ rank: 2 }]);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
  });
});
