import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { licenseOfCard } from '../adapter/card-license.ts';
import { CONFIG_FILE, MAX_CARD_BYTES, WEIGHTS_FILE } from '../adapter/file-names.ts';
import { disableTelemetry } from '../app/compute-settings.ts';
import { hashFile } from '../bytes/hash-file.ts';
import { ComputePool } from '../compute/pool.ts';
import { SharedPool } from '../compute/shared-pool.ts';
import { PHASES } from '../contract/job.ts';
import { newJobId } from '../database/ids.ts';
import { AppError, type ErrorContext } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { adapterDigest, describeAdapter } from '../resources/adapters/describe-adapter.ts';
import { checkTargets } from '../serving/check-targets.ts';
import type { JobOutcome, SourceFiles } from '../squeeze/job-context.ts';
import { type RequestInput, runRequest } from '../squeeze/run-request.ts';
import { UsageError } from './command-error.ts';
import {
  type Engine,
  type EngineContext,
  type EngineOutcome,
  type EngineTarget,
  type EngineTask,
  jobRequest,
  type ResultFile,
} from './engine.ts';
import { withFlagNames } from './flag-names.ts';
import { refusePlaces } from './place.ts';
import { beginningOf, sourcePaths, wholeWeights } from './source-folder.ts';

export interface LocalEngineOptions {
  readonly provider: 'auto' | 'cpu' | 'cuda';
  readonly threads: number;
  readonly cudaMemoryBytes: number;
}

/** An adapter that is read in place, with the description that a service would give it. */
interface LocalSource {
  readonly files: SourceFiles;
  /** The same files under the names of their format, for a result that equals the source. */
  readonly itself: readonly ResultFile[];
}

/** The service's own engine, in threads of this process: without a server, a queue or a storage. */
export class LocalEngine implements Engine {
  readonly steps: readonly string[] = PHASES.filter((phase) => phase !== 'done');
  readonly tasksAtOnce: number;
  /** Started after the first adapter has been read successfully. */
  readonly #pool: SharedPool;

  constructor({ provider, threads, cudaMemoryBytes }: LocalEngineOptions) {
    disableTelemetry();
    // One more than there are threads, so that one task reads and writes while the others compute.
    this.tasksAtOnce = threads + 1;
    this.#pool = new SharedPool(() => ComputePool.start(provider, threads, cudaMemoryBytes));
  }

  check({ sources, targets, deliver }: Pick<EngineTask, 'sources' | 'targets' | 'deliver'>): void {
    refusePlaces([...sources.map(({ folder }) => folder), deliver]);
    try {
      checkTargets(targets);
    } catch (error) {
      throw error instanceof AppError ? new UsageError(withFlagNames(error.message, true)) : error;
    }
  }

  async run(task: EngineTask, { workDir, onProgress, signal }: EngineContext): Promise<EngineOutcome> {
    onProgress({ step: 'load', done: 0, total: 0 });
    const byFolder = new Map<string, LocalSource>();
    for (const { folder } of task.sources) {
      if (!byFolder.has(folder)) byFolder.set(folder, await localSource(folder, workDir, signal));
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

/**
 * The outcome in the form in which the service would return it, with ids derived from the content. @throws AppError
 * if no target succeeded
 */
async function finished(
  { report, targets }: JobOutcome,
  source: LocalSource,
  workDir: string,
): Promise<EngineOutcome> {
  const [first] = targets;
  if (first?.state === 'failed' && targets.every(({ state }) => state === 'failed')) {
    const { code, detail, context = {} } = first.error;
    throw new AppError(code as ErrorCode, detail, context as ErrorContext);
  }
  if (!report) throw new Error('a job with a result must have a report');
  const engineTargets: EngineTarget[] = [];
  for (const [index, target] of targets.entries()) {
    if (target.state === 'failed') {
      engineTargets.push({ state: 'failed', error: target.error });
      continue;
    }
    const adapter = target.files ?? (await copies(source.itself, join(workDir, `itself-${index}`)));
    const result = { ...target.result, adapter_id: localIdOf(adapter) };
    engineTargets.push({ state: 'succeeded', result, files: [...adapter, ...target.extra] });
  }
  const targetReports = report.targets.map((target, index) => {
    const one = engineTargets[index];
    return one?.state === 'succeeded' ? { ...target, adapter_id: one.result.adapter_id } : target;
  });
  return {
    report: { ...report, job_id: newJobId(Date.now()), targets: targetReports },
    targets: engineTargets,
    deliveries: [],
  };
}

/** Copies a result that equals its source, so that changing one does not change the other. */
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

/** Without a service there are no ids, so adapters are identified by their content. */
const localId = (digest: string): string => `ad_${digest.slice(0, 32)}`;
const localIdOf = (files: readonly ResultFile[]): string => localId(adapterDigest(files));

/**
 * Checks and hashes the files of an adapter.
 * @param source a folder, or a weights file
 * @param workDir folder for weights that must be joined
 * @throws AppError FILE_MISSING, PICKLE_REFUSED, SHARDS_MISMATCH, UNEXPECTED_PART for a configuration that the format
 *   does not have, and the errors of its reader (ST_*, CONFIG_*, LORA_*, …)
 */
async function localSource(source: string, workDir: string, signal: AbortSignal): Promise<LocalSource> {
  const paths = await sourcePaths(source);
  const { config } = paths;
  const weightsPath = await wholeWeights(paths, workDir);
  const configBytes = config === null ? null : await readFile(config);
  // The fast check comes first.
  await readAdapter({ weightsPath, configBytes });
  const weights = await hashFile(weightsPath, signal);
  const read: ResultFile[] = [{ name: WEIGHTS_FILE, path: weightsPath, ...weights }];
  if (config !== null && configBytes !== null) {
    const sha256 = createHash('sha256').update(configBytes).digest('hex');
    read.push({ name: CONFIG_FILE, path: config, sha256, bytes: configBytes.length });
  }
  const { digest, sha256, base_model, license, files } = await describeAdapter(
    read,
    paths.card === null ? undefined : licenseOfCard(await beginningOf(paths.card, MAX_CARD_BYTES)),
  );
  const known = { id: localId(digest), sha256, bytes: weights.bytes, base_model };
  return {
    files: { ...known, ...(license !== undefined && { license }), weightsPath, configBytes },
    // Weights and configuration, in the same order in both lists.
    itself: files.map((file, index) => ({ ...file, path: read[index]!.path })),
  };
}
