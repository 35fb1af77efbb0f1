import { isWeightsName, USUAL_WEIGHTS } from '../../adapter/file-names.ts';
import type { JobRequest } from '../../contract/job-request.ts';
import type { Sink, SinkObject, Source } from '../../contract/transfer.ts';
import type { Deliver, DeliverPrefix } from '../../contract/transfer-job.ts';
import { invalidField } from '../../errors/field-errors.ts';
import { readSinkText, type UrlText } from '../../transfer/place-text.ts';
import { urlFile } from '../../transfer/transfer-endpoints.ts';
import { inFolder, targetFolders } from '../jobs/destinations.ts';
import type { EndpointRecorder } from '../jobs/endpoint-recorder.ts';

/** A revision that follows the name of a repository of the Hub. */
const HUB_REVISION = /^(hf:\/\/[^/@]+\/[^/@]+)@(?:refs\/(?:pr|convert)\/[^/]+|[^/]+)/;

/** The text of a source for display: without a query, which may be a secret. */
export function sourceText(source: Source): string {
  if (typeof source === 'string') return withoutQuery(source);
  switch (source.kind) {
    case 's3':
      return joined('s3:/', source.bucket, source.prefix.replace(/\/+$/, ''), source.weights);
    case 'hub': {
      const revision = source.revision === undefined ? '' : `@${source.revision}`;
      return joined('hf:/', `${source.repo}${revision}`, source.subfolder, source.filename);
    }
    case 'url':
      return withoutQuery(urlFile(source, 'weights')?.url ?? '');
  }
}

/** The name of an item by its source: the last part of the path that is not a prescribed name. */
export function nameAtSource(source: Source): string {
  const text = sourceText(source).replace(HUB_REVISION, '$1');
  const [, ...parts] = text.split('://').at(-1)!.split('/').filter(Boolean);
  const last = parts.at(-1) ?? '';
  const named = USUAL_WEIGHTS.includes(last) ? (parts.at(-2) ?? '') : last;
  return (isWeightsName(named) ? named.replace(/\.(?:safetensors|gguf)$/, '') : named) || 'adapter';
}

/** The folder for the results of all items. */
export interface ResultsFolder {
  readonly end: SinkObject | UrlText;
  readonly include: DeliverPrefixFields['include'];
}
type DeliverPrefixFields = Exclude<DeliverPrefix, string>;

/**
 * The prefix below which items are delivered. Its connection is determined once for all items.
 * @throws AppError as EndpointRecorder.sink; VALIDATION_FAILED if it names files
 */
export async function resultsFolder(
  deliver: DeliverPrefix,
  recorder: EndpointRecorder,
): Promise<ResultsFolder> {
  const { to, include } = typeof deliver === 'string' ? { to: deliver } : deliver;
  const end = typeof to === 'string' ? readSinkText(to) : to;
  if (end.kind === 'url' && 'files' in end) {
    const detail = '"deliver" names the URLs of single files; give a folder instead';
    throw invalidField('', detail);
  }
  const { connection } = await recorder.sink(to);
  const isPinned = end.kind !== 'url' && connection !== undefined;
  return { end: isPinned ? { ...end, connection } : end, include };
}

/** The sink of an item. */
export function deliverTo(
  { end, include }: ResultsFolder,
  name: string,
): Exclude<Deliver, string | unknown[]> {
  return { to: below(end, folderNames(name, end.kind)), ...(include && { include }) };
}

/** The folders for the results of an item, as texts that are equal if the folders are. */
export function resultFolderNames({ end }: ResultsFolder, name: string, job: JobRequest): string[] {
  const folder = folderNames(name, end.kind).join('/');
  const targets = 'targets' in job ? job.targets : [];
  return targets.length > 1 ? targetFolders(targets).map((target) => `${folder}/${target}`) : [folder];
}

function below(end: SinkObject | UrlText, folders: readonly string[]): Sink {
  if ('url' in end) return [end.url.replace(/\/+$/, ''), ...folders.map(encodeURIComponent)].join('/');
  return folders.reduce<Sink>(inFolder, end);
}

/** The folder names for an item's name: none of them leads out of its folder, and the Hub allows few characters. */
const folderNames = (name: string, kind: SinkObject['kind']): string[] =>
  name.split('/').map((part) => {
    const plain = part.replaceAll(/[\\\p{Cc}]/gu, '_').replace(/^\.{0,2}$/, '_');
    return kind === 'hub' ? plain.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]/, '_') : plain;
  });

const withoutQuery = (text: string): string => text.split(/[?#]/, 1)[0]!;

const joined = (...parts: readonly (string | undefined)[]): string => parts.filter(Boolean).join('/');
