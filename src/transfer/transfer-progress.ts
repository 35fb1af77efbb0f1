export interface BytesProgress {
  /** The bytes of all files so far; the number decreases if a file starts over. */
  readonly done: number;
  /** The bytes of all files; null while the size of one is unknown. */
  readonly total: number | null;
}

/** Called for every transferred piece, which is often; callers report progress at intervals. */
export type OnProgress = (progress: BytesProgress) => void;

/** Adds up the progress of several files. */
export class TransferProgress {
  private readonly files = new Map<string, { done: number; total: number | undefined }>();
  private readonly onProgress: OnProgress | undefined;

  /** @param sizes bytes of every file, by its name; undefined if not known yet */
  constructor(sizes: Readonly<Record<string, number | undefined>>, onProgress: OnProgress | undefined) {
    for (const [name, total] of Object.entries(sizes)) this.files.set(name, { done: 0, total });
    this.onProgress = onProgress;
  }

  /** Sets the progress of a file, in bytes. */
  set(name: string, done: number, total: number | undefined): void {
    this.files.set(name, { done, total });
    const files = [...this.files.values()];
    const totals = files.map((file) => file.total);
    this.onProgress?.({
      done: files.reduce((sum, file) => sum + file.done, 0),
      total: totals.includes(undefined) ? null : totals.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    });
  }
}
