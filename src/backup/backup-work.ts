import type { Database } from '../database/database.ts';
import type { BlobStore } from '../storage/blob-store.ts';

/** How far the work is, in one of its steps. */
export interface BackupProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

/** What is saved, restored or verified, and who hears of it. */
export interface BackupWork {
  readonly database: Database;
  readonly store: BlobStore;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BackupProgress) => void;
}
