import type { RecordedSink, RecordedSource } from '../../../src/contract/transfer.ts';

/** A recorded source or sink as text, as it is entered in a form; empty if it cannot be written as text. */
export function recordedPlace(end: RecordedSource | RecordedSink): string {
  switch (end.kind) {
    case 'url':
      return end.url ?? '';
    case 's3': {
      const file = 'weights' in end ? end.weights : undefined;
      return end.bucket === undefined ? '' : `s3://${joined(end.bucket, end.prefix, file)}`;
    }
    case 'hub': {
      const { repo, revision } = end;
      const folder =
        'path_in_repo' in end ? end.path_in_repo : 'subfolder' in end ? end.subfolder : undefined;
      const file = 'filename' in end ? end.filename : undefined;
      return `hf://${joined(`${repo}${revision === undefined ? '' : `@${revision}`}`, folder, file)}`;
    }
  }
}

const joined = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join('/');
