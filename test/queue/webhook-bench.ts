import { randomBytes } from 'node:crypto';
import type { JobRecord } from '../../src/contract/job.ts';
import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import type { DeliveryRecord, NewWebhook, WebhookRequest } from '../../src/contract/webhook.ts';
import { newJobId } from '../../src/database/ids.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { BullDeliveryQueue } from '../../src/queue/webhooks/bull-delivery-queue.ts';
import { DeliveryWorker, type DeliveryWorkerOptions } from '../../src/queue/webhooks/delivery-worker.ts';
import { acceptedJob } from '../../src/resources/jobs/accepted-job.ts';
import type { AttemptResult } from '../../src/resources/webhooks/deliverer.ts';
import { DeliveryReconciler } from '../../src/resources/webhooks/delivery-reconciler.ts';
import { DeliveryService } from '../../src/resources/webhooks/delivery-service.ts';
import { DeliveryStore } from '../../src/resources/webhooks/delivery-store.ts';
import { Outbox } from '../../src/resources/webhooks/outbox.ts';
import { type NewRequestWebhook, RequestWebhooks } from '../../src/resources/webhooks/request-webhook.ts';
import { WebhookService } from '../../src/resources/webhooks/service.ts';
import { WebhookStore } from '../../src/resources/webhooks/store.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { SecretBox } from '../../src/transfer/secret-box.ts';
import { SAMPLE_ADAPTER } from '../resources/adapters/sample-adapter.ts';
import { FakeWorker } from '../resources/jobs/fake-worker.ts';
import { jobsIn, withoutReuse } from '../resources/jobs/job-rows.ts';
import { type Bench, PREFIX, SILENT, until, withBench } from './harness.ts';

/** The default number of attempts, without the hours between them. */
export const QUICK = [0, 30, 30, 30, 30, 30, 30, 30, 30, 30];
/** Receivers of tests run on this machine. */
export const LOOPBACK = { allowedHosts: ['127.0.0.1'] };

/** All parts of webhooks on a bench: real Redis, real files, real sockets. */
export class WebhookBench {
  readonly bench: Bench;
  readonly store: BlobStore;
  readonly key = randomBytes(32);
  readonly box = new SecretBox(this.key);
  readonly outbound = new Outbound(LOOPBACK);
  readonly queue: BullDeliveryQueue;
  readonly webhooks: WebhookService;
  readonly deliveries: DeliveryService;
  readonly outbox: Outbox;
  readonly keeper: DeliveryReconciler;
  readonly ofRequests: RequestWebhooks;
  readonly results: AttemptResult[] = [];
  private readonly closers: (() => Promise<unknown>)[] = [];

  constructor(bench: Bench) {
    this.bench = bench;
    this.store = bench.blobs;
    this.queue = new BullDeliveryQueue({ address: bench.address, prefix: PREFIX, logger: SILENT });
    const { queue, outbound, box } = this;
    const { database } = bench;
    const tenant = DEFAULT_TENANT;
    this.webhooks = new WebhookService(new WebhookStore(database, tenant), { outbound, box, queue });
    this.deliveries = new DeliveryService(new DeliveryStore(database, tenant), tenant, this.webhooks, queue);
    this.outbox = new Outbox({ database, tenant, queue });
    this.ofRequests = new RequestWebhooks({ outbound, box });
    this.keeper = new DeliveryReconciler(database, queue);
  }

  worker(options: Partial<DeliveryWorkerOptions> = {}): DeliveryWorker {
    const { outbound, box, bench } = this;
    const worker = new DeliveryWorker({
      address: bench.address,
      prefix: PREFIX,
      database: bench.database,
      outbound,
      box,
      logger: SILENT,
      schedule: QUICK,
      timeoutMs: 60_000,
      onAttempt: (result) => this.results.push(result),
      ...options,
    });
    this.closers.push(() => worker.close(0));
    worker.start();
    return worker;
  }

  create(url: string, request: Partial<WebhookRequest> = {}): Promise<NewWebhook> {
    return this.webhooks.create({ url, ...request });
  }

  /** A job that its worker has ended. @param tells whether the queue is notified */
  async endedJob({
    state = 'succeeded' as 'succeeded' | 'failed',
    labels = {} as JobRecord['labels'],
    tells = true,
    webhook = undefined as NewRequestWebhook | undefined,
  } = {}): Promise<JobRecord> {
    const { database } = this.bench;
    const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: SAMPLE_ADAPTER });
    const own = { ...job, labels, webhook_id: webhook?.id ?? null };
    await jobsIn(database).accept(withoutReuse(own).map((one) => ({ ...one, webhook })));
    const worker = new FakeWorker({ database, deliveries: tells ? this.queue : undefined });
    return state === 'failed' ? worker.fail(job.id) : worker.succeed(job.id, { results: [] });
  }

  async all(webhookId: string): Promise<readonly DeliveryRecord[]> {
    return (await this.deliveries.page(webhookId, undefined, { limit: 1_000 })).items;
  }

  /** Ids of the deliveries that are not final, of all webhooks. */
  async pending(): Promise<string[]> {
    const all = this.bench.database.reader.selectFrom('delivery').select('id');
    return (await all.where('state', '=', 'pending').execute()).map(({ id }) => id);
  }

  /** The only delivery of a webhook, once it is no longer pending. */
  final(webhookId: string): Promise<DeliveryRecord> {
    return until('the end of a delivery', async () => {
      const [delivery] = await this.all(webhookId);
      return delivery && delivery.state !== 'pending' ? delivery : undefined;
    });
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
    await this.queue.close();
    await this.outbound.close();
  }
}

/** A bench with a private Redis, and one or more receivers of events. */
export function withWebhooks(
  work: (webhooks: WebhookBench, broker: Parameters<Parameters<typeof withBench>[0]>[1]) => Promise<void>,
): Promise<void> {
  return withBench(async (bench, broker) => {
    const webhooks = new WebhookBench(bench);
    try {
      await work(webhooks, broker);
    } finally {
      await webhooks.close();
    }
  });
}
