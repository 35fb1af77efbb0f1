import { isWeightsName } from '../adapter/file-names.ts';
import type { AppError } from '../errors/app-error.ts';
import { invalidField } from '../errors/field-errors.ts';

export type PlaceKind = 's3' | 'hub' | 'url';

/**
 * A location, split into parts so that it can be compared exactly as it will be requested. No part is empty, leads to
 * a parent folder, or contains a slash, in any encoding.
 */
export interface Place {
  readonly kind: PlaceKind;
  /** `s3://bucket`, `hf:/`, or scheme, host and port. */
  readonly root: string;
  /** What follows the root: folders and a name, or owner, repository and folders. */
  readonly parts: readonly string[];
}

/** A place on the Hub, at a branch, tag or commit. */
export interface HubPlace extends Place {
  readonly revision: string | undefined;
}

const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;
/** The syntax of huggingface_hub: https://huggingface.co/docs/huggingface_hub/guides/hf_file_system. */
const HUB = /^hf:\/\/([^/@]+(?:\/[^/@]+)?)(?:@(refs\/(?:pr|convert)\/[^/]+|[^/]+))?(?:\/(.*))?$/s;
const URL_PATH = /^https?:\/\/[^/?#]*(?:\/([^?#]*))?([?#]?)/is;
const HUB_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const HUB_FOLDER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;

const ENCODED = /%([0-9a-f]{2})/gi;
/** RFC 3986, 2.3: these characters mean the same whether they are encoded or not. */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** Characters that URL parsers treat differently. */
const AMBIGUOUS = /[\\\p{Cc}\p{Z}]/u;
const SEPARATOR = /[/\\\p{Cc}]/u;

const SCHEMES: Readonly<Record<string, PlaceKind>> = {
  's3:': 's3',
  'hf:': 'hub',
  'https:': 'url',
  'http:': 'url',
};

/** The kind of a place, by its scheme: `s3://…`, `hf://…`, `https://…`. */
export const kindOfPlace = (text: string): PlaceKind | undefined =>
  SCHEMES[text.slice(0, text.indexOf('//')).toLowerCase()];

/**
 * Reads a place.
 * @param text `s3://bucket/folder`, `hf://owner/repo@revision/folder` or `https://host/folder`; a slash at the end is
 *   ignored
 * @throws AppError VALIDATION_FAILED with the reason
 */
export function readPlace(text: string): Place {
  switch (kindOfPlace(text)) {
    case 's3':
      return readS3(text);
    case 'hub':
      return readHub(text);
    case 'url':
      return readUrl(text);
    default:
      throw wrong(text, 'it must begin with s3://, hf:// or https://');
  }
}

/** A folder, or an object, of a bucket. @throws AppError as readPlace */
export const s3Place = (bucket: string, prefix: string): Place => readS3(`s3://${bucket}/${prefix}`);

/** A repository, or a folder of it. @throws AppError as readPlace */
export function hubPlace(repo: string, folder = ''): Place {
  return {
    kind: 'hub',
    root: 'hf:/',
    parts: [...repo.split('/'), ...partsOf(`hf://${repo}/${folder}`, folder)],
  };
}

function readS3(text: string): Place {
  const [found, bucket, path = ''] = BUCKET.exec(text) ?? [];
  if (found === undefined) throw wrong(text, 'the name of its bucket is not valid');
  return { kind: 's3', root: `s3://${bucket}`, parts: partsOf(text, path) };
}

/** @throws AppError as readPlace */
export function readHub(text: string): HubPlace {
  const [found, repo = '', written, path = ''] = HUB.exec(text) ?? [];
  const names = repo.split('/');
  const isRead = found !== undefined && names.every((name) => HUB_NAME.test(name));
  if (!isRead || (names.length < 2 && path !== ''))
    throw wrong(text, 'hf:// must be followed by owner/repository');
  const revision = written?.replaceAll(/%2f/gi, '/');
  if (revision !== undefined && (names.length < 2 || !REVISION.test(revision)))
    throw wrong(text, `${JSON.stringify(shown(revision))} cannot be a branch, tag or commit of a repository`);
  const folders = partsOf(text, path);
  const named = folders.filter((folder, index) => index < folders.length - 1 || !isWeightsName(folder));
  if (!named.every((folder) => HUB_FOLDER.test(folder)))
    throw wrong(
      text,
      'the folders of a repository may have letters, digits, dots, hyphens and underscores only, and must not begin ' +
        'with a dot',
    );
  return { kind: 'hub', root: 'hf:/', parts: [...names, ...folders], revision };
}

function readUrl(text: string): Place {
  if (AMBIGUOUS.test(text)) throw wrong(text, 'it contains a space, a backslash or a control character');
  const [found, path = '', more] = URL_PATH.exec(text) ?? [];
  if (found === undefined || !URL.canParse(text)) throw wrong(text, 'it cannot be read as a URL');
  if (more !== '')
    throw wrong(text, 'it has a query or a fragment; give such a URL in an object, as one of its "files"');
  const written = partsOf(text, path);
  const { origin, pathname, username, password } = new URL(text);
  if (username !== '' || password !== '')
    throw wrong(text, 'it has a user name or a password before the host');
  const parts = pathname
    .split('/')
    .slice(1, 1 + written.length)
    .map(normalisedPart);
  return { kind: 'url', root: origin, parts };
}

/** A part of a URL, with only those characters encoded that must be. */
const normalisedPart = (part: string): string =>
  part.replaceAll(ENCODED, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : encoded.toUpperCase();
  });

/** @throws AppError VALIDATION_FAILED */
function partsOf(text: string, path: string): string[] {
  const parts = path.split('/');
  if (parts.at(-1) === '') parts.pop();
  for (const part of parts) {
    const decoded = fullyDecoded(part);
    if (part === '') throw wrong(text, 'it has an empty part: two slashes in a row');
    if (decoded === '.' || decoded === '..')
      throw wrong(text, `it has the part ${JSON.stringify(part)}, which leads elsewhere`);
    if (SEPARATOR.test(decoded))
      throw wrong(
        text,
        `its part ${JSON.stringify(shown(part))} contains a slash, a backslash or a control character`,
      );
  }
  return parts;
}

/** A part after decoding it until it no longer changes: some servers decode more than once. */
function fullyDecoded(part: string): string {
  for (let text = part; ; ) {
    const decoded = text.replaceAll(ENCODED, (_encoded, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (decoded === text) return text;
    text = decoded;
  }
}

/**
 * Whether a location equals a prefix or is below it: `s3://models/in` includes `s3://models/in/x` but not
 * `s3://models/index`.
 */
export const isWithin = (place: Place, prefix: Place): boolean =>
  place.kind === prefix.kind &&
  place.root === prefix.root &&
  prefix.parts.every((part, index) => place.parts[index] === part);

/** The text of a place, without its revision. */
export const placeText = ({ root, parts }: Place): string => [root, ...parts].join('/');

const MAX_SHOWN = 120;
const shown = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

/** The message shows the location without its query, which may be a secret. */
function wrong(text: string, why: string): AppError {
  const detail = `${JSON.stringify(shown(text.split(/[?#]/, 1)[0]!))} is not a usable location: ${why}`;
  return invalidField('', detail);
}
