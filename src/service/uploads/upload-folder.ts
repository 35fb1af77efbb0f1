import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, storageError } from '../../storage/storage-error.ts';
import { isDataFile, readManifest, type UploadManifest, writeManifest } from './upload-manifest.ts';

const UPLOAD_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** Ids come from clients: only well-formed ones may become paths. */
export const isUploadId = (value: string): boolean => UPLOAD_ID.test(value);

/** An upload as it is on the disk at this moment. */
export interface StoredUpload {
  readonly id: string;
  readonly manifest: UploadManifest;
  readonly dataPath: string;
  readonly receivedBytes: number;
  /** When its last byte came, or it was made. */
  readonly touchedAtMs: number;
}

/** The uploads of a tenant as folders, each with a manifest and a file of bytes. All methods throw AppError STORAGE_*. */
export class UploadFolder {
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** @returns undefined where there is none, whatever `id` is */
  find(id: string): Promise<StoredUpload | undefined> {
    if (!isUploadId(id)) return Promise.resolve(undefined);
    return attempt('read an upload', async () => {
      const manifest = await readManifest(this.pathOf(id));
      if (!manifest) return undefined;
      const dataPath = join(this.pathOf(id), manifest.dataFile);
      const file = await unlessMissing(stat(dataPath));
      // Gone in between: removed or replaced by another request.
      if (!file) return undefined;
      return { id, manifest, dataPath, receivedBytes: file.size, touchedAtMs: file.mtimeMs };
    });
  }

  /** In code unit order. */
  ids(): Promise<string[]> {
    return attempt('list uploads', async () => {
      const names = (await unlessMissing(readdir(this.root))) ?? [];
      return names.filter(isUploadId).sort();
    });
  }

  async all(): Promise<StoredUpload[]> {
    const found = await Promise.all((await this.ids()).map((id) => this.find(id)));
    return found.filter((upload) => upload !== undefined);
  }

  /** Makes an upload without bytes, or writes what is now known of one. */
  put(id: string, manifest: UploadManifest): Promise<void> {
    return attempt('write an upload', async () => {
      const dataPath = await this.makePlace(id, manifest);
      await unlessTaken(writeFile(dataPath, '', { flag: 'wx' }));
      await writeManifest(this.pathOf(id), manifest);
    });
  }

  /** Where the bytes of an upload go; its folder is there afterwards. */
  makePlace(id: string, { dataFile }: Pick<UploadManifest, 'dataFile'>): Promise<string> {
    return attempt('write an upload', async () => {
      await mkdir(this.pathOf(id), { recursive: true });
      return join(this.pathOf(id), dataFile);
    });
  }

  remove(id: string): Promise<void> {
    return attempt('remove an upload', () => rm(this.pathOf(id), { recursive: true, force: true }));
  }

  /** Removes bytes that no manifest names: of an upload that was replaced, or never got so far. */
  async tidy(id: string): Promise<void> {
    const upload = await this.find(id);
    await attempt('tidy an upload', async () => {
      if (!upload) return rm(this.pathOf(id), { recursive: true, force: true });
      for (const name of (await unlessMissing(readdir(this.pathOf(id)))) ?? [])
        if (isDataFile(name) && name !== upload.manifest.dataFile)
          await rm(join(this.pathOf(id), name), { force: true });
    });
  }

  /** The only way from an id to a path. */
  private pathOf(id: string): string {
    if (!isUploadId(id)) throw new TypeError(`Not the id of an upload: ${JSON.stringify(id.slice(0, 80))}`);
    return join(this.root, id);
  }
}

export async function attempt<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TypeError ? error : storageError(operation, error);
  }
}

const unless =
  (...errnos: readonly string[]) =>
  async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (errnos.includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  };

const unlessMissing = unless('ENOENT', 'ENOTDIR');
const unlessTaken = unless('EEXIST');
