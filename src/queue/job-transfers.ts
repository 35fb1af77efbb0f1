import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Progress } from '../contract/job.ts';
import type { RecordedSink, RecordedSource } from '../contract/transfer.ts';
import type { DeliveredAdapter, ImportedAdapter } from '../contract/transfer-job.ts';
import { AppError } from '../errors.ts';
import type { Outbound } from '../net/outbound.ts';
import { type AdapterService, MAX_CONFIG_BYTES, weightsOf } from '../service/adapter-service.ts';
import { deliverAdapter } from '../transfer/deliver-adapter.ts';
import { fetchAdapter } from '../transfer/fetch-adapter.ts';
import type { SecretBox } from '../transfer/secret-box.ts';
import { openSink, openSource } from '../transfer/secrets.ts';

export interface TransferParts {
  readonly outbound: Outbound;
  readonly box: SecretBox | undefined;
  /** URL of the Hub, without a slash at its end. */
  readonly hubEndpoint: string;
  readonly maxUploadBytes: number;
}

/** What a transfer needs of the attempt it is a part of. */
export interface TransferContext {
  readonly jobId: string;
  readonly adapters: Pick<AdapterService, 'source' | 'readFile' | 'register' | 'openGate'>;
  readonly scratchDir: string;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/** Fetches and brings the adapters of jobs. */
export class JobTransfers {
  private readonly parts: TransferParts;

  constructor(parts: TransferParts) {
    this.parts = parts;
  }

  /**
   * Fetches an adapter and registers it.
   * @throws AppError SECRETS_*, OUTBOUND_*, TRANSFER_*, CANCELLED, whatever an upload is refused with
   */
  async fetch(recorded: RecordedSource, context: TransferContext): Promise<ImportedAdapter> {
    const source = openSource(recorded, this.parts.box);
    const folder = join(context.scratchDir, 'import');
    await mkdir(folder);
    const { files, import: imported } = await stoppable(context.signal, () =>
      fetchAdapter(source, {
        ...this.parts,
        folder,
        limits: { maxUploadBytes: this.parts.maxUploadBytes, maxConfigBytes: MAX_CONFIG_BYTES },
        gate: () => context.adapters.openGate(),
        onProgress: tell('import', context),
        signal: context.signal,
      }),
    );
    const { record } = await context.adapters.register(files, { parentId: null, jobId: context.jobId });
    return { adapter_id: record.id, ...imported };
  }

  /**
   * Brings an adapter that is here to its place.
   * @throws AppError SECRETS_*, OUTBOUND_*, ADAPTER_NOT_FOUND, CANCELLED
   */
  async bring(
    recorded: RecordedSink,
    adapterId: string,
    context: TransferContext,
  ): Promise<DeliveredAdapter> {
    const sink = openSink(recorded, this.parts.box);
    const { record, weightsPath } = await context.adapters.source(adapterId);
    const weights = weightsOf(record);
    const files = [{ ...weights, path: weightsPath }];
    for (const [index, file] of record.files.entries()) {
      if (file === weights) continue;
      const path = join(context.scratchDir, `${adapterId}-${index}`);
      const { stream } = await context.adapters.readFile(adapterId, file.name);
      await pipeline(stream, createWriteStream(path));
      files.push({ ...file, path });
    }
    const delivery = await stoppable(context.signal, () =>
      deliverAdapter(sink, files, {
        ...this.parts,
        onProgress: tell('deliver', context),
        signal: context.signal,
      }),
    );
    return { adapter_id: adapterId, ...delivery };
  }
}

const tell =
  (phase: 'import' | 'deliver', { onProgress }: TransferContext) =>
  ({ done, total }: { readonly done: number; readonly total: number | null }): void =>
    onProgress({ phase, done, total: total ?? 0, module: null });

/** A transfer that is stopped fails as a computation does. */
async function stoppable<T>(signal: AbortSignal, transfer: () => Promise<T>): Promise<T> {
  try {
    return await transfer();
  } catch (error) {
    if (signal.aborted) throw new AppError('CANCELLED', 'The job was stopped in mid-transfer.');
    throw error;
  }
}
