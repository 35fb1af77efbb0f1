import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { disableTelemetry } from '../app/config.ts';
import { KeptPool } from '../compute/kept-pool.ts';
import { ComputePool } from '../compute/pool.ts';
import { PHASES } from '../contract/job.ts';
import type { Target } from '../contract/target.ts';
import { newJobId } from '../database/ids.ts';
import { AppError, type ErrorContext } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { checkTargets } from '../serving/check-targets.ts';
import type { JobOutcome, SourceFiles } from '../squeeze/job-context.ts';
import { type RequestInput, runRequest } from '../squeeze/run-request.ts';
import { UsageError } from './command-error.ts';
import {
  type Engine,
  type EngineContext,
  type EngineOutcome,
  type EngineTask,
  jobRequest,
  type ResultFile,
} from './engine.ts';
import { type LocalSource, localIdOf, localSource } from './local-source.ts';

export interface LocalEngineOptions {
  readonly provider: 'auto' | 'cpu' | 'cuda';
  readonly threads: number;
  readonly cudaMemoryBytes: number;
}

/** The service's own engine in threads of this process: no server, no queue, no storage. */
export class LocalEngine implements Engine {
  readonly steps: readonly string[] = PHASES.filter((phase) => phase !== 'done');
  /** Started when the first adapter turned out to be readable. */
  readonly #pool: KeptPool;

  constructor({ provider, threads, cudaMemoryBytes }: LocalEngineOptions) {
    disableTelemetry();
    this.#pool = new KeptPool(() => ComputePool.start(provider, threads, cudaMemoryBytes));
  }

  check(target: Target): void {
    try {
      checkTargets([target]);
    } catch (error) {
      throw error instanceof AppError ? new UsageError(error.message.replace(/^targets\[0\]: /, '')) : error;
    }
  }

  async run(task: EngineTask, { workDir, onProgress, signal }: EngineContext): Promise<EngineOutcome> {
    onProgress({ step: 'load', done: 0, total: 0 });
    const byFolder = new Map<string, LocalSource>();
    for (const { folder } of task.sources) {
      if (!byFolder.has(folder)) byFolder.set(folder, await localSource(folder, signal));
    }
    const sources = task.sources.map(({ folder }) => byFolder.get(folder)!);
    const ids = sources.map(({ files }) => files.id);
    const input: RequestInput = {
      request: jobRequest(task, ids),
      sources: new Map(sources.map(({ files }): [string, SourceFiles] => [files.id, files])),
      optimizerPath: null,
      scratchDir: workDir,
      onProgress: ({ phase, done, total }) => onProgress({ step: phase, done, total }),
      signal,
    };
    const outcome = await this.#pool.use((pool) => runRequest(input, pool));
    signal.throwIfAborted();
    return finished(outcome, sources[0]!, workDir);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** The outcome as the service would tell it, with ids of the content. @throws AppError of a target that failed */
async function finished(
  { report, targets: [made] }: JobOutcome,
  source: LocalSource,
  workDir: string,
): Promise<EngineOutcome> {
  if (made?.state === 'failed') {
    const { code, detail, context = {} } = made.error;
    throw new AppError(code as ErrorCode, detail, context as ErrorContext);
  }
  if (!report) throw new Error('a job whose target did not fail has a report');
  if (!made) return { report: { ...report, job_id: newJobId(Date.now()) }, result: null, files: [] };
  const adapter = made.files ?? (await copies(source.itself, join(workDir, 'itself')));
  const adapter_id = localIdOf(adapter);
  return {
    report: {
      ...report,
      job_id: newJobId(Date.now()),
      targets: report.targets.map((target) => ({ ...target, adapter_id })),
    },
    result: { ...made.result, adapter_id },
    files: [...adapter, ...made.extra],
  };
}

/** A result that is the source itself is a copy: whoever changes one must not change the other. */
async function copies(files: readonly ResultFile[], folder: string): Promise<ResultFile[]> {
  await mkdir(folder);
  return Promise.all(
    files.map(async (file) => {
      const path = join(folder, file.name);
      await copyFile(file.path, path);
      return { ...file, path };
    }),
  );
}
