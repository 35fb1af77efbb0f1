import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { ArchivedResultLine } from '../../src/contract/batch-result.ts';
import { FAILED_RESULT } from '../resources/jobs/fake-worker.ts';
import { expire, problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, type TinyAdapter, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { writtenOf } from './written-adapter.ts';

const MISSING_BATCH = `batch_${'0'.repeat(32)}`;
const TWO = [{ rank: 2 }, { rank: 1, profile: 'vllm' }];

/** Unpacks it with another program, which checks the checksums; in the order of paths. */
function filesOf(zip: Buffer): Map<string, Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  try {
    writeFileSync(join(folder, 'a.zip'), zip);
    execFileSync('python3', ['-m', 'zipfile', '-e', 'a.zip', 'out'], { cwd: folder, stdio: 'pipe' });
    const out = join(folder, 'out');
    const paths = (readdirSync(out, { recursive: true }) as string[]).sort();
    const files = paths.filter((path) => statSync(join(out, path)).isFile());
    return new Map(files.map((path) => [path, readFileSync(join(out, path))]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the archive of a batch', () => {
  let server: TestServer;
  let adapter: string;
  before(async () => {
    server = await startServer();
    adapter = (await server.upload(tinyAdapter(1))).id;
  });
  after(() => server.close());

  async function submit(names: readonly (string | undefined)[], targets: object[]): Promise<BatchRecord> {
    const jobs = names.map((name) => ({
      ...{ kind: 'squeeze', adapter_id: adapter, targets },
      ...(name !== undefined && { name }),
    }));
    const response = await server.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs, reuse: false }),
    });
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as BatchRecord;
  }
  async function succeed(jobId: string, ...made: readonly (TinyAdapter | null)[]): Promise<string[]> {
    const adapters = await Promise.all(made.map((one) => one && writtenOf(server, one)));
    const results = made.map((one) => (one ? {} : FAILED_RESULT));
    const job = await server.worker.succeed(jobId, { results, adapters });
    return job.results.flatMap((one) => (one.state === 'succeeded' ? one.adapter_id : []));
  }
  async function unpacked(id: string) {
    const response = await server.fetch(`/v1/batches/${id}/archive`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/zip');
    assert.equal(response.headers.get('content-disposition'), `attachment; filename="${id}.zip"`);
    const files = filesOf(Buffer.from(await response.arrayBuffer()));
    const lines = files.get('results.ndjson')!.toString().trimEnd().split('\n');
    files.delete('results.ndjson');
    return { files, lines: lines.map((line) => JSON.parse(line) as ArchivedResultLine) };
  }

  it('has the files of every result in a separate folder, and lists them', async () => {
    const batch = await submit(['chat', '../chat', 'chat', undefined], TWO);
    const jobs = await server.jobsOf(batch);
    const made = [2, 3, 4, 5, 6].map((seed) => tinyAdapter(seed));
    await succeed(jobs[0]!, made[0]!, made[1]!);
    await succeed(jobs[1]!, null, made[2]!);
    const [gone, expired] = await succeed(jobs[2]!, made[3]!, made[4]!);
    await server.worker.fail(jobs[3]!);
    const whole = await unpacked(batch.id);
    const folders = ['chat/r2', 'chat/r1-vllm', 'chat-2/r1-vllm', 'chat-3/r2', 'chat-3/r1-vllm'];
    assert.deepEqual(
      [...whole.files.keys()],
      folders.flatMap((folder) => [`${folder}/${CONFIG}`, `${folder}/${WEIGHTS}`]).sort(),
    );
    for (const [at, folder] of folders.entries()) {
      assert.ok(whole.files.get(`${folder}/${WEIGHTS}`)!.equals(made[at]!.weights), folder);
      assert.ok(whole.files.get(`${folder}/${CONFIG}`)!.equals(Buffer.from(made[at]!.config)), folder);
    }
    assert.deepEqual(
      whole.lines.map(({ index, target, state, folder }) => [index, target, state, folder]),
      [
        [0, 0, 'succeeded', 'chat/r2'],
        [0, 1, 'succeeded', 'chat/r1-vllm'],
        [1, 0, 'failed', null],
        [1, 1, 'succeeded', 'chat-2/r1-vllm'],
        [2, 0, 'succeeded', 'chat-3/r2'],
        [2, 1, 'succeeded', 'chat-3/r1-vllm'],
        [3, 0, 'failed', null],
        [3, 1, 'failed', null],
      ],
    );

    assert.equal((await server.fetch(`/v1/adapters/${gone}`, { method: 'DELETE' })).status, 204);
    await expire(server, expired!);
    const left = await unpacked(batch.id);
    assert.deepEqual(
      [...left.files.keys()],
      [...whole.files.keys()].filter((path) => !path.startsWith('chat-3')),
    );
    assert.deepEqual(
      left.lines.slice(4, 6).map(({ state, folder, result_id }) => [state, folder, result_id]),
      [
        ['succeeded', null, gone],
        ['succeeded', null, expired],
      ],
    );
  });

  it('has the results so far of a running batch', async () => {
    const batch = await submit(['0', '1'], [{ rank: 2 }]);
    const jobs = await server.jobsOf(batch);
    assert.deepEqual([...(await unpacked(batch.id)).files.keys()], []);
    await succeed(jobs[1]!, tinyAdapter(9));
    const { files, lines } = await unpacked(batch.id);
    assert.deepEqual([...files.keys()], [`1/r2/${CONFIG}`, `1/r2/${WEIGHTS}`]);
    assert.deepEqual(
      lines.map(({ state, folder }) => [state, folder]),
      [
        ['queued', null],
        ['succeeded', '1/r2'],
      ],
    );
    await problemIn(await server.fetch(`/v1/batches/${MISSING_BATCH}/archive`), 404, 'BATCH_NOT_FOUND');
  });

  it('breaks off, and is recognisably incomplete, if a file cannot be read', async () => {
    const batch = await submit(['a', 'b'], [{ rank: 2 }]);
    const jobs = await server.jobsOf(batch);
    await succeed(jobs[0]!, tinyAdapter(20));
    const [second] = await succeed(jobs[1]!, tinyAdapter(21));
    const { adapters } = server.workspaces.of('default');
    const stored = adapters.stored.bind(adapters);
    adapters.stored = async (...asked) => {
      const found = await stored(...asked);
      const lost = found.files.map((file) => ({ ...file, inline: null, content: 'none' }));
      return asked[0] === second ? { ...found, files: lost } : found;
    };
    try {
      const request = get(`${server.url}/v1/batches/${batch.id}/archive`, { agent: false });
      request.on('error', () => undefined);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.on('error', () => undefined).resume();
      await new Promise((resolve) => response.once('close', resolve));
      assert.equal(response.complete, false);
    } finally {
      adapters.stored = stored;
    }
    assert.equal((await unpacked(batch.id)).files.size, 4, 'the service goes on');
  });
});
