import { CONFIG_FILE, isWeightsName } from '../adapter/file-names.ts';
import { invalidField } from '../errors/field-errors.ts';
import type { Outbound } from '../net/outbound.ts';
import { DEFAULT_STALL_TIMEOUT_MS } from './fetch-adapter.ts';
import { findAdapters, type ListedAdapter } from './find-adapters.ts';
import { pathsOnHub } from './hub/hub-source.ts';
import type { ResolvedSource } from './resolved-endpoints.ts';
import { openClient } from './s3/s3-client.ts';
import { pathsInBucket } from './s3/s3-source.ts';

export interface ListOptions {
  readonly outbound: Outbound;
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  readonly signal?: AbortSignal | undefined;
  readonly stallTimeoutMs?: number;
}

/** The most files that a prefix may contain, because a bucket may have billions. */
const MAX_LISTED_FILES = 200_000;

/**
 * The adapters below a folder of a bucket or of a repository, in the order of their paths.
 * @param source the folder
 * @throws AppError VALIDATION_FAILED if the source consists of URLs, or has more than MAX_LISTED_FILES files below
 *   it; OUTBOUND_*; the reason of the signal
 */
export async function listAdapters(source: ResolvedSource, options: ListOptions): Promise<ListedAdapter[]> {
  const found: string[] = [];
  let seen = 0;
  for await (const path of pathsBelow(source, options)) {
    seen += 1;
    if (seen > MAX_LISTED_FILES)
      throw invalidField(
        '',
        `the prefix has more than ${MAX_LISTED_FILES} files below it; use several prefixes with fewer files`,
      );
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name === CONFIG_FILE || isWeightsName(name)) found.push(path);
  }
  return findAdapters(found);
}

/** The paths of all files below the source, relative to it. */
async function* pathsBelow(source: ResolvedSource, options: ListOptions): AsyncGenerator<string> {
  const { outbound, hubEndpoint, signal, stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS } = options;
  switch (source.kind) {
    case 'url':
      throw invalidField(
        '',
        'the files below a URL cannot be listed: name each adapter, or use s3:// or hf://',
      );
    case 's3': {
      const client = openClient(source, outbound, stallTimeoutMs);
      try {
        yield* pathsInBucket(client, source, signal);
      } finally {
        client.destroy();
      }
      return;
    }
    case 'hub': {
      const { repo, token } = source;
      yield* await pathsOnHub(source, { outbound, hubEndpoint, repo, token, signal });
    }
  }
}
