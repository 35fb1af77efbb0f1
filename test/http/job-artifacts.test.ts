import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { JobArtifactList } from '../../src/contract/artifact.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { jobFile, reportFile } from '../resources/jobs/job-rows.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const CONTENT = Buffer.from('0123456789');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const NAME = 'projections.safetensors';

describe('the artifacts of a job', () => {
  let server: TestServer;
  let job: JobRecord;
  let path: string;
  before(async () => {
    server = await startServer();
    const { id } = await server.upload();
    const target = { rank: 2, projections: true };
    job = await server.jobs.submit({ kind: 'squeeze', adapter_id: id, targets: [target] });
    path = `/v1/jobs/${job.id}/artifacts`;
    await problemIn(await server.fetch(`${path}/${NAME}`), 404, 'FILE_NOT_FOUND');
    const training = {
      learning_rate_factor: 1,
      revived_directions: 0,
      optimizer: 'none' as const,
      files: [{ name: NAME, sha256: SHA256, bytes: CONTENT.length }],
    };
    const files = [
      jobFile('training', CONTENT.toString()),
      reportFile({ modules: [], notes: ['of the test'] }),
    ];
    await server.worker.succeed(job.id, { results: [{ target, training }], files });
  });
  after(() => server.close());

  const listed = async (id: string): Promise<JobArtifactList['data']> =>
    ((await (await server.fetch(`/v1/jobs/${id}/artifacts`)).json()) as JobArtifactList).data;

  it('are one tree, in which every file exists as listed', async () => {
    const artifacts = await listed(job.id);
    assert.deepEqual(
      artifacts.map((artifact) => [artifact.path, artifact.media_type]),
      [
        ['report.json', 'application/json'],
        ['report.html', 'text/html; charset=utf-8'],
        ['results/0/adapter_model.safetensors', 'application/octet-stream'],
        ['results/0/adapter_config.json', 'application/json'],
        [NAME, 'application/octet-stream'],
      ],
    );
    for (const { path: name, href, bytes, sha256, media_type } of artifacts.filter(
      (one) => one.bytes !== null,
    )) {
      const response = await server.fetch(href);
      assert.equal(response.status, 200, name);
      assert.equal(response.headers.get('content-type'), media_type);
      const content = Buffer.from(await response.arrayBuffer());
      assert.equal(content.length, bytes, name);
      assert.equal(createHash('sha256').update(content).digest('hex'), sha256, name);
    }
    const report = await server.fetch(`/v1/jobs/${job.id}/report`);
    assert.deepEqual(await report.json(), await (await server.fetch(artifacts[0]!.href)).json());
  });

  it('are found with their slashes written in either way', async () => {
    const whole = await server.fetch(`${path}/results/0/adapter_config.json`);
    const escaped = await server.fetch(`${path}/results%2F0%2Fadapter_config.json`);
    assert.deepEqual([whole.status, escaped.status], [200, 200]);
    assert.equal(await whole.text(), await escaped.text());
    const head = await server.fetch(`${path}/report.json`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    const part = await server.fetch(`${path}/report.json`, { headers: { range: 'bytes=0-0' } });
    assert.deepEqual([part.status, await part.text()], [206, '{']);
  });

  it('do not include those of an adapter that was removed', async () => {
    const other = await server.jobs.submit({ ...(job.request as object), reuse: false } as never);
    await server.worker.succeed(other.id, { results: [{}] });
    assert.equal((await listed(other.id)).length, 2);
    const ended = await server.jobs.get(other.id);
    const [result] = ended.results;
    assert.ok(result?.state === 'succeeded');
    const removed = await server.fetch(`/v1/adapters/${result.adapter_id}`, { method: 'DELETE' });
    assert.equal(removed.status, 204);
    assert.deepEqual(await listed(other.id), []);
    await problemIn(await server.fetch('/v1/jobs/job_none/artifacts'), 404, 'JOB_NOT_FOUND');
  });

  it('are sent completely, with their digest', async () => {
    const response = await server.fetch(`${path}/${NAME}`);
    assert.equal(response.status, 200);
    assert.ok(CONTENT.equals(Buffer.from(await response.arrayBuffer())));
    const { headers } = response;
    assert.equal(headers.get('etag'), `"${SHA256}"`);
    assert.equal(headers.get('repr-digest'), `sha-256=:${Buffer.from(SHA256, 'hex').toString('base64')}:`);
    assert.equal(headers.get('content-disposition'), `attachment; filename="${NAME}"`);
    assert.match(headers.get('cache-control')!, /immutable/);
  });

  it('are sent in ranges, or not at all if the client has them', async () => {
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

  it('are sent without reading the report', async () => {
    const lost = { name: 'report', role: 'report' as const, sha256: 'lost', bytes: 50_000 };
    const { id: adapter_id } = await server.upload();
    const { id } = await server.jobs.submit({ kind: 'squeeze', adapter_id, targets: [{ rank: 1 }] });
    const { writeId } = await server.worker.begin(id);
    await server.worker.succeed(id, { files: [{ ...lost, writtenAs: `${writeId}-0` }] });
    const of = (name: string) => server.fetch(`/v1/jobs/${id}/artifacts/${name}`);
    await problemIn(await of('report.json'), 503, 'STORAGE_FAILED');
    assert.equal((await of('results/0/adapter_model.safetensors')).status, 200);
  });

  it('are found by their name only', async () => {
    for (const name of ['optimizer.safetensors', '..%2f..%2fjobs', SHA256]) {
      const problem = await problemIn(await server.fetch(`${path}/${name}`), 404, 'FILE_NOT_FOUND');
      assert.match(problem.detail, /it has report\.json, .*projections\.safetensors/);
    }
    for (const id of [`job_${'0'.repeat(32)}`, 'x']) {
      await problemIn(await server.fetch(`/v1/jobs/${id}/artifacts/${NAME}`), 404, 'JOB_NOT_FOUND');
    }
  });

  it('are absent if a job wrote none', async () => {
    const other = await server.jobs.submit({
      kind: 'analyze',
      adapter_id: job.request.kind === 'squeeze' ? job.request.adapter_id! : '',
    });
    await server.worker.succeed(other.id);
    const response = await server.fetch(`/v1/jobs/${other.id}/artifacts/${NAME}`);
    const problem = await problemIn(response, 404, 'FILE_NOT_FOUND');
    assert.match(problem.detail, /it has results\/0\/adapter_model/);
  });
});
