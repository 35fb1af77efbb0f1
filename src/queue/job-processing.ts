import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ProviderInfo } from '../contract/job.ts';
import { AppError, fromPlainError, type PlainError, toAppError } from '../errors/app-error.ts';
import type { ComputeUse } from '../metrics/resources.ts';
import { PROVIDER_PROBE } from '../places.ts';
import { JobWorker, type WorkerOptions } from './job-worker.ts';

/**
 * Time between two probes: a missing driver or library rarely appears by itself, and a probe takes a process about a
 * second.
 */
const PROBE_AGAIN_MS = 30_000;

export interface JobProcessingOptions extends Omit<WorkerOptions, 'provider'> {
  readonly onProvider: (provider: ProviderInfo) => void;
  /** Whether compute processes are started before jobs are taken. */
  readonly warmsUp?: boolean;
  /** Shorter in tests. */
  readonly probeAgainMs?: number;
}

/**
 * Runs jobs once the requested execution provider works. Until then it takes none, so that other workers can, and
 * reports why.
 */
export class JobProcessing {
  private readonly options: JobProcessingOptions;
  private worker: JobWorker | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failure = new AppError('PROVIDER_UNAVAILABLE', 'The execution provider is not known yet.');
  private isClosed = false;

  constructor(options: JobProcessingOptions) {
    this.options = options;
  }

  /** Starts; without a provider, as soon as one works. */
  async start(): Promise<void> {
    const { options } = this;
    try {
      const provider = await probeProvider(options.computeEnv);
      if (this.isClosed) return;
      options.onProvider(provider);
      options.logger.info({ provider }, `jobs run on ${provider.name}`);
      const worker = new JobWorker({ ...options, provider });
      if (options.warmsUp) await worker.warmUp();
      if (this.isClosed) return await worker.close(0);
      this.worker = worker;
      worker.start();
    } catch (error) {
      this.failure = toAppError(error);
      options.logger.error({ reason: this.failure.message }, 'the worker cannot be started, so no jobs run');
      if (this.isClosed) return;
      this.timer = setTimeout(() => void this.start(), options.probeAgainMs ?? PROBE_AGAIN_MS);
    }
  }

  /** @throws AppError PROVIDER_UNAVAILABLE while the worker cannot be started */
  async check(): Promise<void> {
    if (!this.worker) throw this.failure;
  }

  /** As JobWorker; also undefined while the worker cannot be started. */
  async computeUse(): Promise<ComputeUse | undefined> {
    return this.worker?.computeUse();
  }

  /** Closes as JobWorker does. */
  async close(graceMs: number): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.worker?.close(graceMs);
  }
}

/** What the probe process sends. */
export type ProbeAnswer = { readonly provider: ProviderInfo } | { readonly error: PlainError };

/**
 * Determines where jobs will be computed, before the first one arrives. This is done in a separate process, because
 * ONNX Runtime (and with it the GPU's memory) must not be loaded here.
 * @param computeEnv environment of the compute processes
 * @throws AppError PROVIDER_UNAVAILABLE if the requested provider does not work
 */
async function probeProvider(computeEnv: NodeJS.ProcessEnv): Promise<ProviderInfo> {
  const probe = fork(PROVIDER_PROBE, { env: computeEnv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let answer: ProbeAnswer | undefined;
  probe.once('message', (message) => {
    answer = message as ProbeAnswer;
  });
  const [code, signal] = await once(probe, 'close');
  if (!answer) {
    throw new AppError(
      'PROVIDER_UNAVAILABLE',
      `ONNX Runtime cannot be loaded: the process that tried to load it ended with ${signal ?? code}.`,
    );
  }
  if ('error' in answer) throw fromPlainError(answer.error);
  return answer.provider;
}
