import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults, succeededTargets } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { Report } from '../../src/contract/report.ts';
import { readContent } from '../../src/resources/contents/content-files.ts';
import { withPlaceholders } from '../../src/resources/jobs/executions/report-ids.ts';
import { decodePng } from '../report/decode-png.ts';
import { assertSelfContained } from '../report/markup.ts';
import { buildReportInput } from '../report/report-inputs.ts';
import { reportFile } from '../resources/jobs/job-rows.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, type TinyAdapter, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { writtenOf } from './written-adapter.ts';

/** The forms of a report: what follows the path of its job, and the media type. */
const FORMS = {
  '/report': 'application/json; charset=utf-8',
  '/report.html': 'text/html; charset=utf-8',
  '/report.svg': 'image/svg+xml; charset=utf-8',
  '/report.png': 'image/png',
} as const;
const ENDINGS = Object.keys(FORMS) as (keyof typeof FORMS)[];

/** A report that cannot be drawn. */
const DAMAGED = { modules: 3 };

/**
 * A job that has ended, with a report.
 * @param result its other outcome
 */
async function reported(
  server: TestServer,
  { report, result }: { report?: object; result?: TinyAdapter } = {},
): Promise<{ id: string; path: string; adapterId: string }> {
  const { id: source } = await server.upload();
  const job = await server.jobs.submit({ kind: 'analyze', adapter_id: source, reuse: false });
  const made = buildReportInput({ modules: 20, targets: [{ rank: 4, profile: 'vllm' }] });
  const ended = await server.worker.succeed(job.id, {
    results: succeededResults(made.job),
    adapters: result ? [await writtenOf(server, result)] : [],
    files: [reportFile(report ?? withPlaceholders(made.report))],
  });
  return { id: job.id, path: `/v1/jobs/${job.id}`, adapterId: succeededResults(ended)[0]!.adapter_id };
}

describe('the report of a job', () => {
  let server: TestServer;
  let id: string;
  /** Named after its source and result. */
  const called = 'model-adapter-rank-4';
  let path: string;
  const as = (ending: string, headers: Record<string, string> = {}): Promise<Response> =>
    server.fetch(path + ending, { headers });
  before(async () => {
    server = await startServer();
    ({ id, path } = await reported(server));
  });
  after(() => server.close());

  it('is JSON as it was stored, with the ids of the job', async () => {
    const stored = JSON.parse(
      Buffer.from(await readContent(server.store, (await server.jobStore.file(id, 'report'))!)).toString(),
    ) as Report;
    const job = await server.jobs.get(id);
    const [adapter_id] = succeededResults(job).map((result) => result.adapter_id);
    const report: Report = {
      ...stored,
      job_id: id,
      timings: { ...stored.timings, queue_wait: job.timings!.queue_wait },
      sources: [{ ...stored.sources[0]!, id: 'adapter_id' in job.request ? job.request.adapter_id! : '' }],
      targets: [{ ...succeededTargets(stored)[0]!, adapter_id: adapter_id! }],
    };
    assert.equal(await (await as('/report')).text(), JSON.stringify(report));
  });

  it('has a media type for each form, whatever is accepted', async () => {
    for (const ending of ENDINGS) {
      for (const accept of ['*/*', 'audio/ogg', 'text/html;q=0']) {
        const response = await as(ending, { accept });
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-type'), FORMS[ending]);
        assert.equal(response.headers.get('vary'), null);
        await response.arrayBuffer();
      }
    }
  });

  it('is a self-contained page, with a content security policy of its own', async () => {
    const response = await as('/report.html');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('content-disposition'), `inline; filename="${called}-report.html"`);
    const page = await response.text();
    assertSelfContained(page);
    const policy = response.headers.get('content-security-policy')!;
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+';.* frame-ancestors 'none'$/);
    assert.ok(page.includes(policy.replace(/; frame-ancestors.*/, '')));
    assert.ok(page.includes(id));
  });

  it('is named like its job, if that has a name', async () => {
    const { headers } = await as('/report');
    assert.equal(headers.get('content-disposition'), `inline; filename="${called}-report.json"`);
    const rename = (name: string | null) =>
      server.fetch(path, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
    assert.equal((await rename('Nightly, größer/kleiner')).status, 200);
    for (const [ending, name] of [
      ['/report.html', 'Nightly-gro-er-kleiner-report.html'],
      ['/report.svg', 'Nightly-gro-er-kleiner-error-by-rank.svg'],
    ] as const)
      assert.equal((await as(ending)).headers.get('content-disposition'), `inline; filename="${name}"`);
    await rename(null);
  });

  it('is a picture of each figure', async () => {
    const pictures = new Set<string>();
    for (const figure of ['error-by-rank', 'heatmap', 'sizes']) {
      const svg = await as(`/report.svg?figure=${figure}`);
      assert.match(await svg.text(), /^<svg [^>]*width="1200"/);
      const png = await as(`/report.png?figure=${figure}`);
      assert.equal(png.headers.get('content-disposition'), `inline; filename="${called}-${figure}.png"`);
      const bytes = Buffer.from(await png.arrayBuffer());
      assert.equal(decodePng(bytes).width, 1200);
      pictures.add(bytes.toString('base64'));
    }
    assert.equal(pictures.size, 3);
    const first = await (await as('/report.png')).arrayBuffer();
    assert.ok(pictures.has(Buffer.from(first).toString('base64')), 'the first one by default');
  });

  it('is refused as a difference, because there is only one result', async () => {
    const { detail } = await problemIn(await as('/report.svg?figure=difference'), 400, 'VALIDATION_FAILED');
    assert.equal(detail, `The figure "difference" needs two results; job ${id} has 1.`);
  });

  it('is not sent to clients that have it', async () => {
    const tags = new Set<string>();
    for (const ending of ENDINGS) {
      const response = await as(ending);
      await response.arrayBuffer();
      const etag = response.headers.get('etag')!;
      assert.match(etag, /^"[\w-]{43}"$/);
      assert.equal(response.headers.get('cache-control'), 'private, no-cache');
      tags.add(etag);
      const known = await as(ending, { 'if-none-match': `"x", ${etag}` });
      assert.deepEqual([known.status, await known.text()], [304, '']);
      assert.equal(known.headers.get('etag'), etag);
    }
    assert.equal(tags.size, ENDINGS.length);
  });

  it('has the digest of the form that is sent', async () => {
    for (const ending of ENDINGS) {
      const response = await as(ending);
      const digest = createHash('sha256').update(Buffer.from(await response.arrayBuffer()));
      assert.equal(response.headers.get('repr-digest'), `sha-256=:${digest.digest('base64')}:`, ending);
    }
  });

  it('answers HEAD as GET, without the body', async () => {
    for (const ending of ENDINGS) {
      const [head, get] = [await server.fetch(path + ending, { method: 'HEAD' }), await as(ending)];
      const { length } = Buffer.from(await get.arrayBuffer());
      assert.equal(head.headers.get('content-length'), String(length));
      for (const name of ['etag', 'repr-digest']) assert.equal(head.headers.get(name), get.headers.get(name));
      assert.equal(await head.text(), '');
    }
  });

  it('is refused for a figure that does not exist', async () => {
    for (const query of ['figure=spectrum', 'figure=', 'figure=heatmap&figure=sizes'])
      await problemIn(await as(`/report.svg?${query}`), 400, 'VALIDATION_FAILED');
    await problemIn(await as('/report.png?format=svg'), 400, 'UNKNOWN_OPTION');
  });

  it('is the same for all simultaneous readers', async () => {
    const fresh = await reported(server);
    const pages = await Promise.all(
      Array.from({ length: 8 }, async () => (await server.fetch(`${fresh.path}/report.html`)).text()),
    );
    assert.equal(new Set(pages).size, 1);
    assert.ok(pages[0]!.includes(fresh.id));
  });

  it('does not exist before the job has ended, or after it was deleted', async () => {
    const { id: source } = await server.upload(tinyAdapter(3));
    const running = await server.jobs.submit({ kind: 'analyze', adapter_id: source });
    const fresh = await reported(server);
    for (const ending of ENDINGS) {
      await problemIn(await server.fetch(`/v1/jobs/${running.id}${ending}`), 409, 'REPORT_NOT_READY');
      await problemIn(await server.fetch(`/v1/jobs/x${ending}`), 404, 'JOB_NOT_FOUND');
      assert.equal((await server.fetch(fresh.path + ending)).status, 200);
    }
    assert.equal((await server.fetch(fresh.path, { method: 'DELETE' })).status, 204);
    for (const ending of ENDINGS)
      await problemIn(await server.fetch(fresh.path + ending), 404, 'JOB_NOT_FOUND');
  });

  it('cannot be drawn if it is damaged, which is reported and does not affect others', async () => {
    const broken = await reported(server, { report: DAMAGED });
    await problemIn(await server.fetch(`${broken.path}/report.html`), 500, 'INTERNAL');
    assert.equal((await as('/report.html')).status, 200);
  });
});

describe('the archive of a result', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  /** Its files by name; undefined if no program can unpack it. */
  function unpacked(zip: Buffer): Map<string, Buffer> | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'archive-'));
    try {
      writeFileSync(join(folder, 'a.zip'), zip);
      const list =
        'import zipfile,sys; z=zipfile.ZipFile("a.zip"); z.testzip(); z.extractall("out"); print("\\n".join(z.namelist()))';
      const names = execFileSync('python3', ['-c', list], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
      return new Map(
        names
          .trim()
          .split('\n')
          .map((name) => [name, readFileSync(join(folder, 'out', name))]),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('has the report as long as the job exists', async (t) => {
    const adapter = tinyAdapter(5);
    const job = await reported(server, { result: adapter });
    const record = (await (await server.fetch(`/v1/adapters/${job.adapterId}`)).json()) as AdapterRecord;
    assert.equal(record.job_id, job.id);
    const path = `/v1/adapters/${job.adapterId}/archive`;

    const response = await server.fetch(path);
    assert.equal(response.headers.get('cache-control'), 'private, no-cache');
    const zip = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get('content-length'), String(zip.length));
    const etag = response.headers.get('etag')!;
    assert.equal((await server.fetch(path, { headers: { 'if-none-match': etag } })).status, 304);
    assert.ok(Buffer.from(await (await server.fetch(path)).arrayBuffer()).equals(zip), 'the same every time');
    const head = await server.fetch(path, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(zip.length));

    const deleted = await server.fetch(`/v1/jobs/${job.id}`, { method: 'DELETE' });
    assert.equal(deleted.status, 204);
    const after = await server.fetch(path, { headers: { 'if-none-match': etag } });
    assert.equal(after.status, 200, 'it is another one now');
    const rest = unpacked(Buffer.from(await after.arrayBuffer()));
    const files = unpacked(zip);
    if (!files || !rest) return t.skip('python3 is not installed');
    assert.deepEqual([...files.keys()].sort(), [CONFIG, WEIGHTS, 'report.html'].sort());
    assert.deepEqual([...rest.keys()].sort(), [CONFIG, WEIGHTS].sort());
    assert.ok(files.get(WEIGHTS)!.equals(adapter.weights));
    const page = files.get('report.html')!.toString();
    assertSelfContained(page);
    assert.ok(page.includes(job.id) && !page.includes('<a '));
  });

  it('has no report if it cannot be drawn', async () => {
    const { adapterId } = await reported(server, { report: DAMAGED, result: tinyAdapter(7) });
    const response = await server.fetch(`/v1/adapters/${adapterId}/archive`);
    assert.equal(response.status, 200);
    const zip = Buffer.from(await response.arrayBuffer());
    assert.ok(zip.includes(WEIGHTS) && !zip.includes('report.html'));
  });

  it('of an upload has no report', async () => {
    const { id } = await server.upload(tinyAdapter(6));
    const response = await server.fetch(`/v1/adapters/${id}/archive`);
    assert.equal(response.headers.get('cache-control'), 'private, no-cache');
    assert.ok(!Buffer.from(await response.arrayBuffer()).includes('report.html'));
  });
});
