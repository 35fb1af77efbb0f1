import { ProblemError } from '../api/problem.ts';

/** A file with the folder in which it was found. */
export interface FoundFile {
  readonly file: File;
  /** The path from the dropped or picked item; empty for a file without a folder. */
  readonly folder: string;
}

/** Deeper folders do not belong to an adapter. */
const MAX_DEPTH = 3;
const MAX_FILES = 5_000;

/**
 * All dropped files, including those in folders.
 * @throws ProblemError there are too many files
 */
export async function droppedFiles(transfer: DataTransfer): Promise<FoundFile[]> {
  // The entries must be read before the first await, after which the browser clears them.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, folder: '' }));
  const found: FoundFile[] = [];
  for (const entry of entries) await collect(entry, found, '', 0);
  return found;
}

/** The files of a picker; a picker for folders gives the path of each. */
export const pickedFiles = (files: Iterable<File>): FoundFile[] =>
  [...files].map((file) => ({ file, folder: file.webkitRelativePath.split('/').slice(0, -1).join('/') }));

async function collect(entry: FileSystemEntry, found: FoundFile[], folder: string, depth: number) {
  if (depth > MAX_DEPTH) return;
  if (entry.isFile) {
    if (found.length >= MAX_FILES) throw tooMany();
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ file, folder });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (part.length === 0) return;
    for (const one of part) await collect(one, found, path, depth + 1);
  }
}

const tooMany = () =>
  new ProblemError({
    title: 'Too many files',
    detail: `More than ${MAX_FILES.toLocaleString('en')} files were dropped. Drop only the folders of the adapters.`,
    code: 'TOO_MANY_FILES',
    status: 0,
    retryable: false,
  });
