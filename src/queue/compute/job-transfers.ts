import { hash } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncomingFile, LocalFile } from '../../adapter/digested-file.ts';
import { REPORT_FILE, roleOf } from '../../adapter/file-names.ts';
import { isShardFile } from '../../adapter/shard-names.ts';
import type { Progress } from '../../contract/job.ts';
import type { Delivery } from '../../contract/transfer.ts';
import type { ImportedAdapter } from '../../contract/transfer-job.ts';
import { AppError } from '../../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../../formats/peft/limits.ts';
import { MAX_INDEX_BYTES } from '../../formats/shards/shard-index.ts';
import type { Outbound } from '../../net/outbound.ts';
import { weightsOf } from '../../resources/adapters/files.ts';
import { joinPieces } from '../../resources/adapters/upload/join-pieces.ts';
import { WeightsValidator } from '../../resources/adapters/weights-validator.ts';
import { localFile, readContent } from '../../resources/contents/content-files.ts';
import { fillPlaceholders } from '../../resources/jobs/executions/report-ids.ts';
import type { DeliveryInput, FetchInput, TaskReport } from '../../resources/jobs/executions/task.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { ConnectionAccess } from '../../transfer/connection-access.ts';
import { type ConnectionRoute, withConnectionRoute } from '../../transfer/connection-route.ts';
import { deliverAdapter } from '../../transfer/deliver-adapter.ts';
import { type Fetched, fetchAdapter } from '../../transfer/fetch-adapter.ts';
import { resolveSink, resolveSource } from '../../transfer/resolve-endpoints.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';

export interface TransferParts {
  readonly outbound: Outbound;
  readonly box: SecretBox | undefined;
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  /** The token of the Hub that belongs to the service; undefined if it has none. */
  readonly hubToken?: string | undefined;
  readonly maxUploadBytes: number;
}

/** The parts of an attempt that a transfer needs. */
export interface TransferContext {
  readonly blobs: Pick<BlobStore, 'localFile' | 'get'>;
  readonly scratchDir: string;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/** Fetches and delivers the adapters of jobs. */
export class JobTransfers {
  private readonly parts: TransferParts;

  constructor(parts: TransferParts) {
    this.parts = parts;
  }

  /**
   * Fetches the files of an adapter into the scratch folder.
   * @throws AppError SECRETS_*, CONNECTION_*, AMBIENT_UNAVAILABLE, OUTBOUND_*, TRANSFER_*, CANCELLED, and the errors
   *   with which uploaded weights are refused
   */
  async fetch(
    { source: recorded, access }: Pick<FetchInput, 'source' | 'access'>,
    context: TransferContext,
  ): Promise<Omit<Fetched, 'imported'> & { imported: Omit<ImportedAdapter, 'adapter_id'> }> {
    const source = resolveSource(recorded, { ...this.parts, access });
    const folder = join(context.scratchDir, 'import');
    await mkdir(folder);
    const { imported, files, license } = await this.through(access, context.signal, (route) =>
      fetchAdapter(source, {
        ...route,
        folder,
        limits: {
          maxUploadBytes: this.parts.maxUploadBytes,
          maxConfigBytes: MAX_CONFIG_BYTES,
          maxIndexBytes: MAX_INDEX_BYTES,
        },
        validator: () => new WeightsValidator(),
        onProgress: progressReporter('import', context),
        signal: context.signal,
      }),
    );
    return {
      files: await inOneFile(files, folder),
      license,
      imported: { ...imported, place: recorded.place },
    };
  }

  /**
   * Delivers an adapter whose files are stored.
   * @throws AppError SECRETS_*, CONNECTION_*, AMBIENT_UNAVAILABLE, REPORT_NOT_READY, OUTBOUND_*, STORAGE_*, CANCELLED
   */
  async deliver(
    { to, access, adapter, include, report }: Omit<DeliveryInput['deliveries'][number], 'index'>,
    context: TransferContext,
  ): Promise<Delivery> {
    const sink = resolveSink(to, { ...this.parts, access });
    const { files } = adapter;
    const weights = weightsOf({ files });
    const local: LocalFile[] = [];
    for (const file of [weights, ...files.filter((other) => other !== weights)]) {
      const { name, sha256, bytes } = file;
      if (roleOf(name) === 'card' && !include.includes('card')) continue;
      local.push({ name, sha256, bytes, path: await localFile(context.blobs, file, context.scratchDir) });
    }
    if (include.includes('report')) local.push(await reportFile(adapter.id, report, context));
    const delivery = await this.through(access, context.signal, (route) =>
      deliverAdapter(sink, local, {
        ...route,
        onProgress: progressReporter('deliver', context),
        signal: context.signal,
      }),
    );
    return { ...delivery, place: to.place };
  }

  /** Runs a transfer through a connection, if there is one. */
  private through<T>(
    access: ConnectionAccess | null,
    signal: AbortSignal,
    transfer: (route: ConnectionRoute) => Promise<T>,
  ): Promise<T> {
    return stoppable(signal, () => withConnectionRoute(access, this.parts, transfer));
  }
}

/**
 * The files of an adapter; weights that came in several files are joined. @throws AppError FILE_MISSING,
 * SHARDS_MISMATCH, ST_*
 */
async function inOneFile(files: readonly LocalFile[], folder: string): Promise<readonly IncomingFile[]> {
  const pieces = files.filter(({ name }) => isShardFile(name));
  if (pieces.length === 0) return files;
  return [await joinPieces(pieces, folder), ...files.filter((file) => !pieces.includes(file))];
}

/** A report with the ids of its job, in a file. @throws AppError REPORT_NOT_READY, STORAGE_* */
async function reportFile(
  adapterId: string,
  report: TaskReport | null,
  { blobs, scratchDir }: TransferContext,
): Promise<LocalFile> {
  if (!report)
    throw new AppError(
      'REPORT_NOT_READY',
      `Adapter ${adapterId} has no report: the adapter was uploaded or fetched, or the job that made it was ` +
        'deleted.',
      { adapter_id: adapterId },
    );
  const data = fillPlaceholders(await readContent(blobs, report.file), report.job);
  const path = join(await mkdtemp(join(scratchDir, 'report-')), REPORT_FILE);
  await writeFile(path, data);
  return { name: REPORT_FILE, sha256: hash('sha256', data), bytes: data.byteLength, path };
}

const progressReporter =
  (phase: 'import' | 'deliver', { onProgress }: TransferContext) =>
  ({ done, total }: { readonly done: number; readonly total: number | null }): void =>
    onProgress({ phase, done, total: total ?? 0, module: null });

/** Makes a stopped transfer fail with CANCELLED, as a stopped computation does. */
async function stoppable<T>(signal: AbortSignal, transfer: () => Promise<T>): Promise<T> {
  try {
    return await transfer();
  } catch (error) {
    if (signal.aborted) throw new AppError('CANCELLED', 'The job was stopped during a transfer.');
    throw error;
  }
}
