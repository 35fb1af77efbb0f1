import { CARD_FILE, CONFIG_FILE, isWeightsName, WEIGHTS_FILE } from '../adapter/file-names.ts';
import type { HubSink, HubSource, S3Sink, S3Source } from '../contract/transfer.ts';
import { invalidField } from '../errors/field-errors.ts';
import { type Place, placeText, readHub, readPlace } from './place.ts';

/** Files at a URL that was given as text. */
export interface UrlText {
  readonly kind: 'url';
  readonly url: string;
}

/**
 * Reads a source that was given as text: a folder, or a weights file.
 * @throws AppError VALIDATION_FAILED
 */
export function readSourceText(text: string): S3Source | HubSource | UrlText {
  const place = readPlace(text);
  const { folders, file } = split(place);
  if (place.kind === 'url') return { kind: 'url', url: placeText(place) };
  if (place.kind === 's3')
    return {
      ...{ kind: 's3', bucket: bucketOf(place), prefix: folders.join('/') },
      ...(file !== undefined && { weights: file }),
    };
  const { repo, revision, folder } = repositoryOf(text, folders);
  return {
    ...{ kind: 'hub', repo },
    ...(revision !== undefined && { revision }),
    ...(folder !== '' && { subfolder: folder }),
    ...(file !== undefined && { filename: file }),
  };
}

/**
 * Reads a sink that was given as text, which must be a folder.
 * @throws AppError VALIDATION_FAILED
 */
export function readSinkText(text: string): S3Sink | HubSink | UrlText {
  const place = readPlace(text);
  if (split(place).file !== undefined) {
    const detail = `${JSON.stringify(text)} names a file; a sink must be a folder`;
    throw invalidField('', detail);
  }
  if (place.kind === 'url') return { kind: 'url', url: placeText(place) };
  if (place.kind === 's3') return { kind: 's3', bucket: bucketOf(place), prefix: place.parts.join('/') };
  const { repo, revision, folder } = repositoryOf(text, place.parts);
  return {
    ...{ kind: 'hub', repo },
    ...(revision !== undefined && { revision }),
    ...(folder !== '' && { path_in_repo: folder }),
  };
}

/** The URLs of the weights of a source that was given as text, and of the files that may lie beside them. */
export function sourceUrls(url: string): Readonly<Record<'weights' | 'config' | 'card', string>> {
  const place = readPlace(url);
  const { folders, file = WEIGHTS_FILE } = split(place);
  const folder = placeText({ ...place, parts: folders });
  return {
    weights: `${folder}/${file}`,
    config: `${folder}/${CONFIG_FILE}`,
    card: `${folder}/${CARD_FILE}`,
  };
}

function split({ parts }: Place): { readonly folders: readonly string[]; readonly file: string | undefined } {
  const last = parts.at(-1);
  const isFile = last !== undefined && isWeightsName(last);
  return isFile ? { folders: parts.slice(0, -1), file: last } : { folders: parts, file: undefined };
}

const bucketOf = ({ root }: Place): string => root.slice('s3://'.length);

/** @throws AppError VALIDATION_FAILED if only an owner is named */
function repositoryOf(text: string, parts: readonly string[]) {
  const [owner, name, ...folders] = parts;
  if (name !== undefined)
    return { repo: `${owner}/${name}`, revision: readHub(text).revision, folder: folders.join('/') };
  const detail = `${JSON.stringify(text)} names no repository: hf:// must be followed by owner/repository`;
  throw invalidField('', detail);
}
