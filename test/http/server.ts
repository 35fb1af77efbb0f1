import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app/http-app.ts';
import type { HttpDependencies, HttpLimits } from '../../src/app/http-dependencies.ts';
import { ProcessReadiness } from '../../src/app/readiness.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { Quotas } from '../../src/contract/tenant.ts';
import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import type { Database } from '../../src/database/database.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { ERROR_KINDS, type ErrorCode } from '../../src/errors/error-kinds.ts';
import type { Problem } from '../../src/http/problem.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { Outbound } from '../../src/net/outbound.ts';
import type { AdapterService } from '../../src/resources/adapters/service.ts';
import { EventTail } from '../../src/resources/events/event-tail.ts';
import { ClaimStore } from '../../src/resources/idempotency/claim-store.ts';
import type { JobService } from '../../src/resources/jobs/service.ts';
import type { JobStore } from '../../src/resources/jobs/store.ts';
import { TransferRequests } from '../../src/resources/jobs/transfer-requests.ts';
import { KeyService } from '../../src/resources/keys/service.ts';
import { UploadService } from '../../src/resources/uploads/service.ts';
import { RequestWebhooks } from '../../src/resources/webhooks/request-webhook.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { SecretBox } from '../../src/transfer/secret-box.ts';
import { sqliteIn } from '../database/dialects.ts';
import { jobsOf } from '../resources/batches/insert-batch.ts';
import { FakeWorker } from '../resources/jobs/fake-worker.ts';
import { MemoryDeliveryQueue } from './memory-delivery-queue.ts';
import { MemoryQueue } from './memory-queue.ts';
import { formOf, type TinyAdapter, tinyAdapter } from './tiny-adapter.ts';

/** A listening service with a store in a temporary folder, and a queue in memory. */
export interface TestServer {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly port: number;
  readonly root: string;
  /** The workspace of the default tenant. */
  readonly store: BlobStore;
  readonly wholeStore: BlobStore;
  readonly database: Database;
  readonly queue: MemoryQueue;
  /** No work is done unless the test does it. */
  readonly worker: FakeWorker;
  readonly deliveries: MemoryDeliveryQueue;
  readonly adapters: AdapterService;
  readonly jobs: JobService;
  readonly jobStore: JobStore;
  readonly workspaces: Workspaces;
  readonly keys: KeyService;
  readonly metrics: Metrics;
  stopping: boolean;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The record as it is read later: without the fields that only the response to an upload has. */
  upload(adapter?: TinyAdapter, headers?: Readonly<Record<string, string>>): Promise<AdapterRecord>;
  /** Ids of the jobs of a batch of the default tenant, in order. */
  jobsOf(batch: { readonly id: string }): Promise<string[]>;
  /** Gives the default tenant these quotas, which no caller can do over REST if no keys are required. */
  limit(quotas: Quotas): Promise<void>;
  /** Fails unless all incomplete files disappear soon. */
  assertNoLeftovers(): Promise<void>;
  close(): Promise<void>;
}

export async function startServer(
  limits: Partial<HttpLimits> = {},
  change: Partial<HttpDependencies> = {},
): Promise<TestServer> {
  const root = await mkdtemp(join(tmpdir(), 'http-test-'));
  const disk = await DiskStore.open(root);
  const store = change.store ?? disk;
  const database = await sqliteIn(root);
  const queue = new MemoryQueue();
  const deliveries = new MemoryDeliveryQueue();
  const outbound = new Outbound({ allowedHosts: ['receiver.test'] });
  const metrics = new Metrics({ version: '9.9.9' });
  const box = new SecretBox(randomBytes(32));
  const transfers = new TransferRequests({ outbound, box, hubEndpoint: 'https://hub.test' });
  const { observer } = metrics;
  const changes = { store, database, dispatcher: new Dispatcher({ database, queue }), deliveries, observer };
  const requestWebhooks = new RequestWebhooks({ outbound, box });
  const eventTail = new EventTail({ database, queue, pollMs: limits.eventStreams?.pollMs });
  const workspaces = new Workspaces({ ...changes, queue, transfers, requestWebhooks, eventTail });
  const worker = new FakeWorker(changes);
  const own = workspaces.of(DEFAULT_TENANT);
  const keys = new KeyService(database);
  const { tenants } = workspaces;
  const bounds = { maxUploadBytes: 1_000_000, uploadIdleTimeoutMs: 10_000, ...limits };
  const uploads = new UploadService({
    database,
    folder: join(root, 'uploads'),
    maxUploadBytes: bounds.maxUploadBytes,
    ttlMs: 86_400_000,
  });
  const state = { stopping: false };
  const app = await buildApp({
    workspaces,
    tenants,
    webhooks: { outbound, box, queue: deliveries },
    places: { outbound, box },
    keys,
    claims: new ClaimStore(database),
    auth: { mode: 'open' },
    store,
    readiness: new ProcessReadiness({ store, database, queue }),
    metrics,
    version: '9.9.9',
    logger: false,
    uploads,
    limits: bounds,
    connections: { lingerMs: 200 },
    isShuttingDown: () => state.stopping,
    ...change,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    url,
    port,
    root,
    store: own.store,
    wholeStore: store,
    database,
    queue,
    worker,
    deliveries,
    adapters: own.adapters,
    jobs: own.jobs,
    jobStore: own.jobStore,
    workspaces,
    keys,
    metrics,
    get stopping() {
      return state.stopping;
    },
    set stopping(value) {
      state.stopping = value;
    },
    fetch: (path, init) => fetch(`${url}${path}`, init),
    async upload(adapter = tinyAdapter(), headers = {}) {
      const response = await fetch(`${url}/v1/adapters`, { method: 'POST', headers, body: formOf(adapter) });
      assert.equal(response.status, 201, await response.clone().text());
      return readRecord(await response.json());
    },
    jobsOf: (batch) => jobsOf(own.batches, batch),
    async limit(quotas) {
      await tenants.put(DEFAULT_TENANT, { quotas });
      workspaces.limits.forget(DEFAULT_TENANT);
    },
    async assertNoLeftovers() {
      const leftovers = (): string[] => {
        try {
          return (readdirSync(join(root, 'tmp'), { recursive: true }) as string[]).slice(1);
        } catch (error) {
          // A folder that was removed while it was read.
          return [String(error)];
        }
      };
      for (let tries = 0; tries < 1000 && leftovers().length > 0; tries++) await sleep(20);
      assert.deepEqual(leftovers(), []);
    },
    async close() {
      app.server.closeAllConnections();
      await app.close();
      await outbound.close();
      uploads.close();
      await disk.close();
      await database.close();
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** An adapter's record as it is read after its upload. */
export function readRecord(uploaded: unknown): AdapterRecord {
  const { content_known: _, ...record } = uploaded as AdapterRecord;
  return record;
}

/** Makes an adapter expire: the shortest time to live that may be requested is longer than a test. */
export async function expire({ database }: TestServer, id: string): Promise<void> {
  const { numUpdatedRows } = await database.write((writer) =>
    writer
      .updateTable('adapter')
      .set({ expires_at: Date.now() - 1_000 })
      .where('id', '=', id)
      .executeTakeFirst(),
  );
  assert.equal(numUpdatedRows, 1n);
}

/** Checks that a response is a well-formed problem document with that code, and returns it. */
export async function problemIn(response: Response, status: number, code: string): Promise<Problem> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  return checkedProblem(JSON.parse(text), status, code);
}

/** A place in a file; times, which also have colons, do not match. */
const STACK_FRAME = /\bat .+(?:\.\w+|node:\S+):\d+:\d+/;

export function checkedProblem(problem: Problem, status: number, code: string): Problem {
  assert.equal(problem.code, code, JSON.stringify(problem));
  assert.equal(problem.status, status);
  assert.equal(problem.type, `urn:lora-squeeze:problem:${code}`);
  assert.equal(problem.retryable, ERROR_KINDS[problem.code as ErrorCode].retryable);
  assert.match(problem.instance, /^urn:lora-squeeze:request:.+/);
  assert.ok(problem.title.length > 5);
  assert.match(problem.detail, /^\S.*\S$/s);
  const allowed = ['type', 'title', 'status', 'detail', 'code', 'retryable', 'instance', 'errors', 'context'];
  assert.deepEqual(
    Object.keys(problem).filter((key) => !allowed.includes(key)),
    [],
  );
  const text = JSON.stringify(problem);
  assert.ok(!text.includes(tmpdir()) && !text.includes('node_modules') && !STACK_FRAME.test(text), text);
  return problem;
}
