import { pathToFileURL } from 'node:url';
import { commitIter, createRepo, HubApiError } from '@huggingface/hub';
import type { LocalFile } from '../../adapter/digested-file.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ResolvedHubSink } from '../resolved-endpoints.ts';
import { HubCalls, type HubOptions } from './hub-calls.ts';

const HTTP_CONFLICT = 409;
const DEFAULT_MESSAGE = 'Add adapter squeezed by LoRA-Squeeze';

/**
 * Commits an adapter to the Hub, in one commit. Repeating it is harmless: large files that exist are not sent again.
 * They are sent as Git LFS objects.
 * @param onBytes progress of a file; the Hub's library reports it by files and, for very large ones, by parts
 * @returns the commit
 * @throws AppError OUTBOUND_*; the reason of the signal
 */
export async function commitToHub(
  sink: ResolvedHubSink,
  files: readonly LocalFile[],
  onBytes: (file: LocalFile, done: number) => void,
  options: HubOptions,
): Promise<string> {
  const calls = new HubCalls(options);
  if (sink.create) await calls.attempt(() => makeRepository(sink, calls));
  const inFolder = (name: string): string => [sink.path_in_repo, name].filter(Boolean).join('/');
  return calls.attempt(async () => {
    const events = commitIter({
      ...calls.parameters,
      branch: sink.revision ?? 'main',
      title: sink.commit_message ?? DEFAULT_MESSAGE,
      operations: files.map(({ name, path }) => ({
        operation: 'addOrUpdate',
        path: inFolder(name),
        content: pathToFileURL(path),
      })),
      useXet: false,
      ...(options.signal && { abortSignal: options.signal }),
    });
    for (;;) {
      const { done, value } = await events.next();
      if (done) {
        const oid: unknown = value?.commit.oid;
        if (typeof oid !== 'string') {
          const { host } = new URL(options.hubEndpoint);
          throw new AppError('OUTBOUND_FAILED', `${host} does not name the commit it made.`, { host });
        }
        for (const file of files) onBytes(file, file.bytes);
        return oid;
      }
      if (value.event !== 'fileProgress' || value.state !== 'uploading') continue;
      const file = files.find(({ name }) => inFolder(name) === value.path);
      if (file) onBytes(file, Math.round(value.progress * file.bytes));
    }
  });
}

/** Creates a private repository; its owner can publish it on the Hub. */
async function makeRepository(sink: ResolvedHubSink, calls: HubCalls): Promise<void> {
  try {
    await createRepo({ ...calls.parameters, accessToken: sink.token ?? '', visibility: 'private' });
  } catch (error) {
    if (!(error instanceof HubApiError && error.statusCode === HTTP_CONFLICT)) throw error;
  }
}
