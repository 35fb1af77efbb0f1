import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { jobFile } from '../resources/jobs/job-rows.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const CONTENT = Buffer.from('0123456789');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const NAME = 'projections.safetensors';

describe('a file of a job', () => {
  let server: TestServer;
  let job: JobRecord;
  let path: string;
  before(async () => {
    server = await startServer();
    const { id } = await server.upload();
    const target = { rank: 2, projections: true };
    job = await server.jobs.submit({ kind: 'squeeze', adapter_id: id, targets: [target] });
    path = `/v1/jobs/${job.id}/files`;
    await problemIn(await server.fetch(`${path}/${NAME}`), 404, 'FILE_NOT_FOUND');
    const training = {
      learning_rate_factor: 1,
      revived_directions: 0,
      optimizer: 'none' as const,
      files: [{ name: NAME, sha256: SHA256, bytes: CONTENT.length }],
    };
    const files = [jobFile('training', CONTENT.toString())];
    await server.worker.succeed(job.id, { results: [{ target, training }], files });
  });
  after(() => server.close());

  it('comes whole, with its digest', async () => {
    const response = await server.fetch(`${path}/${NAME}`);
    assert.equal(response.status, 200);
    assert.ok(CONTENT.equals(Buffer.from(await response.arrayBuffer())));
    const { headers } = response;
    assert.equal(headers.get('etag'), `"${SHA256}"`);
    assert.equal(headers.get('repr-digest'), `sha-256=:${Buffer.from(SHA256, 'hex').toString('base64')}:`);
    assert.equal(headers.get('content-disposition'), `attachment; filename="${NAME}"`);
    assert.match(headers.get('cache-control')!, /immutable/);
  });

  it('comes in parts, or not at all where the client has it', async () => {
    const part = await server.fetch(`${path}/${NAME}`, { headers: { range: 'bytes=2-4' } });
    assert.deepEqual(
      [part.status, part.headers.get('content-range'), await part.text()],
      [206, 'bytes 2-4/10', '234'],
    );
    const known = await server.fetch(`${path}/${NAME}`, { headers: { 'if-none-match': `"${SHA256}"` } });
    assert.equal(known.status, 304);
    const outside = await server.fetch(`${path}/${NAME}`, { headers: { range: 'bytes=10-' } });
    await problemIn(outside, 416, 'RANGE_NOT_SATISFIABLE');
    const head = await server.fetch(`${path}/${NAME}`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '10', '']);
  });

  it('is known by its name only', async () => {
    for (const name of ['optimizer.safetensors', '..%2f..%2fjobs', SHA256]) {
      const problem = await problemIn(await server.fetch(`${path}/${name}`), 404, 'FILE_NOT_FOUND');
      assert.match(problem.detail, /it has projections\.safetensors/);
    }
    for (const id of [`job_${'0'.repeat(32)}`, 'x']) {
      await problemIn(await server.fetch(`/v1/jobs/${id}/files/${NAME}`), 404, 'JOB_NOT_FOUND');
    }
  });

  it('is not there where a job wrote none', async () => {
    const other = await server.jobs.submit({
      kind: 'analyze',
      adapter_id: job.request.kind === 'squeeze' ? job.request.adapter_id! : '',
    });
    await server.worker.succeed(other.id);
    const response = await server.fetch(`/v1/jobs/${other.id}/files/${NAME}`);
    const problem = await problemIn(response, 404, 'FILE_NOT_FOUND');
    assert.match(problem.detail, /it has none\.$/);
  });
});
