import { Readable } from 'node:stream';
import type { ArchivedResultLine, BatchResultLine } from '../../contract/batch-result.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ZipEntry } from '../../http/zip-archive.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { AdapterService } from '../adapters/service.ts';
import { type StoredFile, streamContent } from '../contents/content-files.ts';
import { targetFolders } from '../jobs/destinations.ts';
import { ArchiveFolders, RESULTS_FILE, safePart } from './archive-folders.ts';
import { itemSlices, resultLines } from './result-lines.ts';
import type { BatchResultStore, ItemWithJob } from './result-store.ts';

/** The sources of an archive. */
export interface ArchiveSources {
  readonly store: BlobStore;
  readonly adapters: AdapterService;
  readonly batchResults: BatchResultStore;
}

/** The errors for a result that was removed. */
const GONE = ['ADAPTER_NOT_FOUND', 'ADAPTER_EXPIRED'];

/**
 * The files of all results of a batch that still exist, in a folder for each item with a folder for each target, and
 * finally the lines with all outcomes. Each group is read when the previous one has been consumed.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*; BATCH_NOT_FOUND if the batch is deleted while it is read
 */
export async function* archiveEntries(
  sources: ArchiveSources,
  batch: { readonly id: string; readonly total: number },
): AsyncGenerator<ZipEntry, void, undefined> {
  const folders = new ArchiveFolders();
  /** The folders of the lines of each item, by its index. */
  const held = new Map<number, string[]>();
  for await (const items of itemSlices(sources.batchResults, batch)) {
    for (const one of items) {
      const { index, name } = one.item;
      let folder: string | undefined;
      const own: string[] = [];
      for (const [at, line] of resultLines(one).entries()) {
        const files = line.result_id === null ? undefined : await filesOf(sources.adapters, line.result_id);
        if (!files) continue;
        folder ??= folders.take(name, index);
        own[at] = `${folder}/${targetFolder(one, line, at)}`;
        for (const file of files) yield entryOf(own[at]!, file, sources.store);
      }
      if (folder !== undefined) held.set(index, own);
    }
  }
  const open = async () => Readable.from(lines(sources, batch, held), { objectMode: false });
  yield { name: RESULTS_FILE, open };
}

const entryOf = (folder: string, file: StoredFile, store: BlobStore): ZipEntry => ({
  name: `${folder}/${safePart(file.name)}`,
  open: () => streamContent(store, file),
});

/** The name of the folder of a line: the same as that of its target when results are delivered. */
function targetFolder({ job }: ItemWithJob, { kind, target }: BatchResultLine, at: number): string {
  if (kind === 'import') return 'imported';
  const targets = job && 'targets' in job.request ? job.request.targets : undefined;
  return target !== null && targets ? targetFolders(targets)[target]! : String(at);
}

/** undefined: the adapter was removed or has expired. */
async function filesOf(adapters: AdapterService, id: string): Promise<readonly StoredFile[] | undefined> {
  try {
    return (await adapters.stored(id)).files;
  } catch (error) {
    if (error instanceof AppError && GONE.includes(error.code)) return undefined;
    throw error;
  }
}

async function* lines(
  { batchResults }: ArchiveSources,
  batch: { readonly id: string; readonly total: number },
  held: ReadonlyMap<number, readonly string[]>,
): AsyncGenerator<string, void, undefined> {
  for await (const items of itemSlices(batchResults, batch)) {
    const linesOfItems = items.flatMap((one) =>
      resultLines(one).map(
        (line, at): ArchivedResultLine => ({ ...line, folder: held.get(line.index)?.[at] ?? null }),
      ),
    );
    yield linesOfItems.map((line) => `${JSON.stringify(line)}\n`).join('');
  }
}
