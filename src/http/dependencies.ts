import type { FastifyBaseLogger } from 'fastify';
import type { Metrics } from '../metrics/metrics.ts';
import type { AdapterService } from '../service/adapter-service.ts';
import type { JobQueue } from '../service/job-queue.ts';
import type { JobService } from '../service/job-service.ts';
import type { RunService } from '../service/runs/run-service.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { QueueBoardOptions } from './plugins/queue-board.ts';

export interface HttpLimits {
  /** Largest weights file. */
  readonly maxUploadBytes: number;
  /** An upload from which (almost) nothing comes for this long is refused. */
  readonly uploadIdleTimeoutMs: number;
  /** A request that is not an upload has to be complete after this; default 30 s. */
  readonly bodyTimeoutMs?: number;
  /** How long the rest of a refused upload is read and discarded before the connection is cut; default 2 s. */
  readonly lingerMs?: number;
}

/** What the probes and /metrics need: all a worker serves. */
export interface ProbeDependencies {
  readonly store: Pick<BlobStore, 'check'>;
  readonly queue: Pick<JobQueue, 'check'>;
  readonly metrics: Metrics;
  readonly version: string;
  readonly logger: FastifyBaseLogger | false;
  /** Default: requests are not traced. */
  readonly tracing?: Tracing;
  /** True from the first signal to stop: new work is refused, what runs may finish. */
  readonly isShuttingDown?: () => boolean;
}

export interface HttpDependencies extends ProbeDependencies {
  readonly adapters: AdapterService;
  readonly jobs: JobService;
  readonly runs: RunService;
  readonly store: BlobStore;
  readonly limits: HttpLimits;
  /** undefined: there is no board. */
  readonly queueBoard?: QueueBoardOptions | undefined;
}
