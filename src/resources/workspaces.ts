import { LRUCache } from 'lru-cache';
import type { Database } from '../database/database.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { JobQueue } from '../dispatch/job-queue.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { AdapterService } from './adapters/service.ts';
import { DraftStore } from './batches/draft-store.ts';
import { BatchIntake } from './batches/intake.ts';
import { ItemStore } from './batches/item-store.ts';
import { BatchResultStore } from './batches/result-store.ts';
import { BatchService } from './batches/service.ts';
import { BatchStore } from './batches/store.ts';
import { ConnectionStore } from './connections/store.ts';
import { EventStore } from './events/event-store.ts';
import { EventTail } from './events/event-tail.ts';
import { JobControl } from './jobs/control.ts';
import type { JobChangesParts, JobObserver } from './jobs/executions/job-changes.ts';
import { JobForecasts } from './jobs/forecasts.ts';
import { QueueAge } from './jobs/queue-age.ts';
import { JobService } from './jobs/service.ts';
import { JobStore } from './jobs/store.ts';
import type { TransferRequests } from './jobs/transfer-requests.ts';
import { RunService } from './runs/service.ts';
import { RunStore } from './runs/store.ts';
import { type Limits, TenantLimits } from './tenants/limits.ts';
import { TenantService } from './tenants/service.ts';
import type { DeliveryQueue } from './webhooks/delivery-queue.ts';
import { DeliveryReconciler } from './webhooks/delivery-reconciler.ts';
import { DeliveryStore } from './webhooks/delivery-store.ts';
import type { RequestWebhooks } from './webhooks/request-webhook.ts';
import { WebhookStore } from './webhooks/store.ts';

/** The records of one tenant. Every part of a workspace reads and writes the rows of this tenant only. */
export interface Workspace {
  readonly tenant: string;
  readonly database: Database;
  readonly dispatcher: Pick<Dispatcher, 'secondsUntilStart'>;
  readonly store: BlobStore;
  readonly adapters: AdapterService;
  readonly jobs: JobService;
  readonly jobStore: JobStore;
  readonly jobControl: JobControl;
  readonly forecasts: JobForecasts;
  readonly batches: BatchService;
  readonly batchIntake: BatchIntake;
  readonly batchResults: BatchResultStore;
  readonly runs: RunService;
  readonly runStore: RunStore;
  /** The limits of the tenant, at most a few seconds old. @throws AppError STORAGE_* */
  readonly limits: () => Promise<Limits>;
  /** See QueueAge. @throws AppError QUEUE_TOO_OLD, DATABASE_UNAVAILABLE */
  readonly checkQueueAge: () => Promise<void>;
  readonly connectionStore: ConnectionStore;
  readonly webhookStore: WebhookStore;
  readonly deliveryStore: DeliveryStore;
  readonly eventStore: EventStore;
  readonly eventTail: EventTail;
}

/** How long records are kept unless a request specifies it; undefined: they do not expire. */
export interface DefaultTtls {
  readonly adapterTtlSeconds?: number | undefined;
  readonly jobTtlSeconds?: number | undefined;
}

export interface WorkspacesParts {
  readonly store: BlobStore;
  readonly database: Database;
  readonly queue: JobQueue;
  readonly dispatcher: JobChangesParts['dispatcher'];
  /** undefined if other processes queue the deliveries to webhooks. */
  readonly deliveries?: DeliveryQueue | undefined;
  readonly ttls?: DefaultTtls;
  /** The limits of tenants without limits of their own. Default: none. */
  readonly defaultLimits?: Limits | undefined;
  /** New jobs of a tenant are refused while its oldest one has waited longer than this; undefined: never. */
  readonly maxQueueAgeSeconds?: number | undefined;
  readonly observer?: JobObserver;
  /** Wakes the streams of events. Default: one that notices what is written through these workspaces. */
  readonly eventTail?: EventTail;
  /** undefined: requests cannot have webhooks. */
  readonly requestWebhooks?: RequestWebhooks | undefined;
  /** See JobChangesParts. */
  readonly origin?: () => string | null;
  /** undefined: adapters are neither fetched nor delivered. */
  readonly transfers?: TransferRequests | undefined;
}

/** Workspaces that are kept for the next request: more than there are active tenants. */
const MAX_WORKSPACES = 10_000;

/** The workspaces of tenants, which are created when they are used. */
export class Workspaces {
  readonly store: BlobStore;
  readonly database: Database;
  readonly tenants: TenantService;
  readonly limits: TenantLimits;
  /** Maintains deliveries to webhooks; undefined if other processes do. */
  readonly deliveryKeeper: DeliveryReconciler | undefined;
  readonly eventTail: EventTail;
  private readonly queueAge: QueueAge;
  private readonly parts: WorkspacesParts;
  private readonly changes: JobChangesParts;
  private readonly workspaces = new LRUCache<string, Workspace>({ max: MAX_WORKSPACES });

  constructor(parts: WorkspacesParts) {
    const { store, database, deliveries, ttls = {} } = parts;
    this.parts = parts;
    const { jobTtlSeconds, adapterTtlSeconds } = ttls;
    this.eventTail = parts.eventTail ?? new EventTail(parts);
    const onEvents = (tenant: string): void => this.eventTail.notify(tenant);
    this.changes = { ...parts, jobTtlSeconds, adapterTtlSeconds, onEvents };
    this.store = store;
    this.database = database;
    this.deliveryKeeper = deliveries && new DeliveryReconciler(database, deliveries);
    this.tenants = new TenantService(database);
    this.limits = new TenantLimits(this.tenants, parts.defaultLimits);
    this.queueAge = new QueueAge(database, parts.maxQueueAgeSeconds);
  }

  /** @param tenant the id of an existing tenant; ids from outside must be looked up first */
  of(tenant: string): Workspace {
    const known = this.workspaces.get(tenant);
    if (known) return known;
    const {
      store,
      database,
      dispatcher,
      queue,
      observer = {},
      ttls = {},
      transfers,
      requestWebhooks,
    } = this.parts;
    const jobStore = new JobStore(this.changes, tenant);
    const batchStore = new BatchStore(this.changes, tenant);
    const adapters = new AdapterService(database, store, tenant, ttls.adapterTtlSeconds, (bytes) =>
      observer.onUsed?.(tenant, { bytes, computeMs: 0 }),
    );
    const shared = { blobs: store, jobStore, batchStore, adapters, queue, observer };
    const connectionStore = new ConnectionStore(database, tenant);
    const transferParts = { transfers: transfers?.of(connectionStore), requestWebhooks };
    const jobs = new JobService({ ...shared, ...transferParts });
    const jobControl = new JobControl({ ...shared, jobs });
    const itemStore = new ItemStore(this.changes, tenant);
    const batchIntake = new BatchIntake({
      ...{ ...shared, ...transferParts, jobs, itemStore, draftStore: new DraftStore(this.changes, tenant) },
      defaultTtlSeconds: ttls.jobTtlSeconds,
    });
    const runStore = new RunStore(this.changes, tenant);
    const workspace = {
      tenant,
      database,
      dispatcher: this.changes.dispatcher,
      store,
      adapters,
      jobs,
      jobStore,
      jobControl,
      forecasts: new JobForecasts({ ...shared, ...transferParts, database, dispatcher, tenant, jobs }),
      batches: new BatchService({ intake: batchIntake, batchStore, itemStore, control: jobControl }),
      batchIntake,
      batchResults: new BatchResultStore(database, jobStore),
      runs: new RunService({
        ...{ database, runs: runStore, blobs: store, adapters, jobs, jobStore, requestWebhooks },
      }),
      runStore,
      limits: () => this.limits.of(tenant),
      checkQueueAge: () => this.queueAge.check(tenant),
      connectionStore,
      webhookStore: new WebhookStore(database, tenant),
      deliveryStore: new DeliveryStore(database, tenant),
      eventStore: new EventStore(database, tenant),
      eventTail: this.eventTail,
    };
    this.workspaces.set(tenant, workspace);
    return workspace;
  }
}
