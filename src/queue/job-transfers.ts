import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncomingFile } from '../adapter/digested-file.ts';
import type { AdapterFile } from '../contract/adapter.ts';
import type { Progress } from '../contract/job.ts';
import type { Delivery, RecordedSink, RecordedSource } from '../contract/transfer.ts';
import type { ImportedAdapter } from '../contract/transfer-job.ts';
import { AppError } from '../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../formats/peft/limits.ts';
import type { Outbound } from '../net/outbound.ts';
import { weightsOf } from '../resources/adapters/files.ts';
import { AnyWeightsGate } from '../resources/adapters/weights-gate.ts';
import { localFile } from '../resources/contents/content-files.ts';
import type { TaskSource } from '../resources/jobs/executions/task.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { deliverAdapter } from '../transfer/deliver-adapter.ts';
import { fetchAdapter } from '../transfer/fetch-adapter.ts';
import type { SecretBox } from '../transfer/secret-box.ts';
import { unsealSink, unsealSource } from '../transfer/secrets.ts';

export interface TransferParts {
  readonly outbound: Outbound;
  readonly box: SecretBox | undefined;
  /** URL of the Hub, without a slash at its end. */
  readonly hubEndpoint: string;
  readonly maxUploadBytes: number;
}

/** What a transfer needs of the attempt it is a part of. */
export interface TransferContext {
  readonly blobs: Pick<BlobStore, 'localFile'>;
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
   * @throws AppError SECRETS_*, OUTBOUND_*, TRANSFER_*, CANCELLED, whatever the weights of an upload are refused with
   */
  async fetch(
    recorded: RecordedSource,
    context: TransferContext,
  ): Promise<{ files: readonly IncomingFile[]; imported: Omit<ImportedAdapter, 'adapter_id'> }> {
    const source = unsealSource(recorded, this.parts.box);
    const folder = join(context.scratchDir, 'import');
    await mkdir(folder);
    const { files, imported } = await stoppable(context.signal, () =>
      fetchAdapter(source, {
        ...this.parts,
        folder,
        limits: { maxUploadBytes: this.parts.maxUploadBytes, maxConfigBytes: MAX_CONFIG_BYTES },
        gate: () => new AnyWeightsGate(),
        onProgress: tell('import', context),
        signal: context.signal,
      }),
    );
    return { files, imported };
  }

  /**
   * Delivers an adapter whose files are stored.
   * @throws AppError SECRETS_*, OUTBOUND_*, STORAGE_*, CANCELLED
   */
  async deliver(
    recorded: RecordedSink,
    { files }: Pick<TaskSource, 'files'>,
    context: TransferContext,
  ): Promise<Delivery> {
    const sink = unsealSink(recorded, this.parts.box);
    const weights = weightsOf({ files });
    const local: (AdapterFile & { readonly path: string })[] = [];
    for (const file of [weights, ...files.filter((other) => other !== weights)]) {
      const { name, sha256, bytes } = file;
      local.push({ name, sha256, bytes, path: await localFile(context.blobs, file, context.scratchDir) });
    }
    return stoppable(context.signal, () =>
      deliverAdapter(sink, local, {
        ...this.parts,
        onProgress: tell('deliver', context),
        signal: context.signal,
      }),
    );
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
