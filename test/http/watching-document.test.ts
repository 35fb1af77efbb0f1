import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { acceptedJob } from '../../src/resources/jobs/accepted-job.ts';
import { insertSampleAdapter } from '../resources/adapters/sample-adapter.ts';
import { withoutReuse } from '../resources/jobs/job-rows.ts';
import { startServer, type TestServer } from './server.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Much shorter than the pause of the clients, and longer than the pauses between two looks at the watchers. */
const LIFE_MS = 200;

/** A block of docs/watching.md that defines a name, exactly as written. */
async function block(language: string, name: string): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/watching.md'), 'utf8');
  const found = [...text.matchAll(/```(\w+)\n(.*?)```/gs)].find(
    ([, of, code]) => of === language && code!.includes(name),
  );
  assert.ok(found, `${language} ${name}`);
  return found[2]!;
}

/** A job whose stream ends too early, so that a client has to reconnect; it ends while the client is away. */
async function withJob(work: (server: TestServer, jobId: string, key: string) => Promise<string[]>) {
  const server = await startServer(
    { eventStreams: { lifeMs: LIFE_MS, heartbeatMs: 100, pollMs: 50 } },
    { auth: { mode: 'keys' } },
  );
  try {
    const scopes = ['read', 'write'] as const;
    const { key } = await server.keys.create({ tenant: 'default', name: '', scopes, expiresAt: null });
    const adapter_id = await insertSampleAdapter(server.database);
    const job = acceptedJob(`job_${'0'.repeat(31)}1`, { kind: 'analyze', adapter_id });
    await server.jobStore.accept(withoutReuse(job));
    const received = work(server, job.id, key);
    // The first stream has ended, after one event.
    while (server.queue.watchers.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    while (server.queue.watchers.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.worker.fail(job.id);
    assert.deepEqual(await received, ['queued', 'active', 'failed']);
  } finally {
    await server.close();
  }
}

/**
 * The same for a client that watches all jobs: a job is submitted and ends while the client is away. @returns
 * what the client received
 */
async function withEvents(work: (server: TestServer, key: string) => Promise<string[]>) {
  const server = await startServer(
    { eventStreams: { lifeMs: LIFE_MS, heartbeatMs: 100, pollMs: 50 } },
    { auth: { mode: 'keys' } },
  );
  try {
    const scopes = ['read', 'write'] as const;
    const { key } = await server.keys.create({ tenant: 'default', name: '', scopes, expiresAt: null });
    const received = work(server, key);
    while (server.queue.watchersOfAll.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    while (server.queue.watchersOfAll.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const adapter_id = await insertSampleAdapter(server.database);
    const job = acceptedJob(`job_${'0'.repeat(31)}1`, { kind: 'analyze', adapter_id });
    await server.jobStore.accept(withoutReuse(job));
    await server.worker.fail(job.id);
    const all = (await received).filter((type) => type !== 'stream.open');
    assert.deepEqual(all, ['job.queued', 'job.failed']);
  } finally {
    await server.close();
  }
}

describe('the clients in docs/watching.md', () => {
  it('in JavaScript follow a job to its end, over a stream that breaks off', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ls-watching-'));
    try {
      await writeFile(join(folder, 'watch.mjs'), await block('js', 'function* watchJob'));
      const { watchJob } = (await import(join(folder, 'watch.mjs'))) as {
        watchJob: (url: string, id: string, key: string) => AsyncIterable<{ event: string; data: JobRecord }>;
      };
      await withJob(async ({ url }, id, key) => {
        const received: string[] = [];
        for await (const { event, data } of watchJob(url, id, key))
          if (event === 'state') received.push(data.state);
        return received;
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('in JavaScript follow all jobs, over streams that break off', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ls-watching-'));
    try {
      await writeFile(join(folder, 'watch.mjs'), await block('js', 'function* watchEvents'));
      const { watchEvents } = (await import(join(folder, 'watch.mjs'))) as {
        watchEvents: (url: string, query: object, key: string) => AsyncIterable<{ type: string }>;
      };
      await withEvents(async ({ url }, key) => {
        const received: string[] = [];
        for await (const { type } of watchEvents(url, { types: 'job.queued,job.failed' }, key)) {
          received.push(type);
          if (type === 'job.failed') break;
        }
        return received;
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('in Python follow all jobs, over streams that break off', async (t) => {
    if (spawnSync('python3', ['--version']).status !== 0) return t.skip('there is no python3');
    const client = await block('python', 'def watch_events');
    await withEvents(async ({ url }, key) => {
      const program = `${client}
import sys
url, key = sys.argv[1:]
received = []
for _, event in watch_events(url, key, types="job.queued,job.failed"):
    received.append(event["type"])
    if event["type"] == "job.failed":
        break
print(json.dumps(received))`;
      const python = spawn('python3', ['-c', program, url, key], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      for await (const chunk of python.stdout.setEncoding('utf8')) text += chunk;
      return JSON.parse(text) as string[];
    });
    return undefined;
  });

  it('in Python follow a job to its end, over a stream that breaks off', async (t) => {
    if (spawnSync('python3', ['--version']).status !== 0) return t.skip('there is no python3');
    const client = await block('python', 'def watch_job');
    await withJob(async ({ url }, id, key) => {
      const program = `${client}
import sys
url, job_id, key = sys.argv[1:]
print(json.dumps([data["state"] for event, data in watch_job(url, job_id, key) if event == "state"]))`;
      const python = spawn('python3', ['-c', program, url, id, key], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      for await (const chunk of python.stdout.setEncoding('utf8')) text += chunk;
      return JSON.parse(text) as string[];
    });
    return undefined;
  });
});
