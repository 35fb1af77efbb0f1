import type { FileRole } from '../adapter/file-names.ts';
import { URL_NAMES, type UrlSink, type UrlSource } from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';

type UrlFile<End extends UrlSource | UrlSink> = NonNullable<End['files'][keyof End['files']]>;

/** What is said of a file, under whichever of its names; undefined: nothing. */
export function urlFile<End extends UrlSource | UrlSink>(
  { files }: End,
  role: FileRole,
): UrlFile<End> | undefined {
  const said = files as Readonly<Record<string, UrlFile<End> | undefined>>;
  return URL_NAMES[role].map((name) => said[name]).find((file) => file !== undefined);
}

/** @throws AppError VALIDATION_FAILED where a file is said twice, or the weights are not */
export function checkUrlFiles(end: UrlSource | UrlSink): void {
  for (const names of Object.values(URL_NAMES)) {
    if (names.filter((name) => name in end.files).length > 1)
      throw invalid(`files has both "${names[0]}" and "${names[1]}", which are the same file`);
  }
  if (urlFile(end, 'weights') === undefined)
    throw invalid(`files has no "${URL_NAMES.weights[0]}" and no "${URL_NAMES.weights[1]}"; it needs one`);
}

const invalid = (detail: string): AppError =>
  new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: '/files', detail }] });
