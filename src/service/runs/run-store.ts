import type { BlobStore } from '../../storage/blob-store.ts';
import { blobKey, checkpointKey, checkpointPrefix, runKey } from '../layout.ts';
import { keepBlob } from '../retention/keep-blob.ts';
import type { ModuleList } from './checkpoint-upload.ts';
import type { CheckpointManifest, RunManifest } from './run-manifest.ts';

/** A run may have thousands of checkpoints; so many of them are read at once. */
const READ_AT_ONCE = 32;

/**
 * Runs and the logs of their checkpoints. Entries are numbered, and a number can be written once: who appends has seen
 * every entry before, or is told that another process was faster. That is all the agreement several API processes
 * need.
 * All methods throw AppError STORAGE_FAILED or STORAGE_FULL.
 */
export class RunStore {
  private readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  async create(run: RunManifest): Promise<void> {
    await this.blobs.create(runKey(run.id), encode(run));
  }

  get(runId: string): Promise<RunManifest | undefined> {
    return this.read<RunManifest>(runKey(runId));
  }

  /**
   * Every checkpoint of a run, oldest first.
   * @param after only those with a higher sequence number
   */
  async log(runId: string, after = 0): Promise<CheckpointManifest[]> {
    const keys = await this.blobs.list(checkpointPrefix(runId), { after: checkpointKey(runId, after) });
    const log: CheckpointManifest[] = [];
    for (let begin = 0; begin < keys.length; begin += READ_AT_ONCE) {
      const some = keys.slice(begin, begin + READ_AT_ONCE);
      log.push(...(await Promise.all(some.map(async (key) => (await this.read<CheckpointManifest>(key))!))));
    }
    return log;
  }

  /** How many checkpoints a run has, and the newest of them. */
  async end(runId: string): Promise<{ count: number; newest: CheckpointManifest | undefined }> {
    const keys = await this.blobs.list(checkpointPrefix(runId));
    const last = keys.at(-1);
    return {
      count: keys.length,
      newest: last === undefined ? undefined : await this.read<CheckpointManifest>(last),
    };
  }

  /** Adds an entry at its sequence number. False when there is one already: the log was not at its end. */
  append(checkpoint: CheckpointManifest): Promise<boolean> {
    return this.blobs.create(checkpointKey(checkpoint.run_id, checkpoint.sequence), encode(checkpoint));
  }

  /** Keeps a list of modules under its digest; a run with the same modules all along keeps one. */
  async keepModules({ sha256, bytes }: ModuleList): Promise<void> {
    await keepBlob(this.blobs, { sha256, bytes: bytes.byteLength }, (key) => this.blobs.put(key, bytes));
  }

  modules(sha256: string): Promise<Uint8Array | undefined> {
    return this.blobs.get(blobKey(sha256));
  }

  private async read<T>(key: string): Promise<T | undefined> {
    const bytes = await this.blobs.get(key);
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as T);
  }
}

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
