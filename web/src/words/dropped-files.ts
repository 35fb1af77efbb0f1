import { ProblemError } from '../api/problem.ts';

/** A file, and the folder it was found in. */
export interface FoundFile {
  readonly file: File;
  /** As a path from what was dropped or picked; empty for a file that came without a folder. */
  readonly folder: string;
}

/** A folder deeper than this is not an adapter's. */
const MAX_DEPTH = 3;
const MAX_FILES = 5_000;

/**
 * All files of what was dropped, folders opened.
 * @throws ProblemError where there are too many of them
 */
export async function droppedFiles(transfer: DataTransfer): Promise<FoundFile[]> {
  // Entries have to be taken before anything is waited for.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, folder: '' }));
  const found: FoundFile[] = [];
  for (const entry of entries) await collect(entry, found, '', 0);
  return found;
}

/** Files from a picker, of which the one for folders says where each of them lies. */
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
