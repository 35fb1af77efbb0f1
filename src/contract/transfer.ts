import { type Static, Type } from 'typebox';
import { AdapterFile } from './adapter.ts';
import { choice, nullable, oneOf } from './choice.ts';
import { ConnectionName } from './connection-name.ts';
import { RepositoryFolder, Revision, Sha256, Token, Url, WeightsName } from './place-fields.ts';

/** The names under which a URL may be given for a file of an adapter. */
export const URL_NAMES = {
  weights: ['adapter_model.safetensors', 'weights'],
  config: ['adapter_config.json', 'config'],
  card: ['card'],
  report: ['report'],
} as const;

const closed = { additionalProperties: false };

/** The discriminator of sources and sinks. */
const PLACE_TAG = 'kind';

const S3Place = {
  bucket: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' }),
  prefix: Type.String({
    pattern: '^[^/\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$|^$',
    maxLength: 900,
    description: 'Folder before the names of the files; a slash is inserted between them',
  }),
  region: Type.Optional(Type.String({ pattern: '^[a-z0-9-]+$', maxLength: 64, default: 'us-east-1' })),
  endpoint: Type.Optional(
    Type.String({
      pattern: '^https?://[!-\\[\\]-~]+$',
      maxLength: 512,
      description: 'URL of a store other than AWS; the bucket is then part of the path',
    }),
  ),
};
export const S3Credentials = Type.Object(
  {
    access_key_id: Type.String({ pattern: '^[!-~]+$', maxLength: 256 }),
    secret_access_key: Type.String({ pattern: '^[!-~]+$', maxLength: 512 }),
    session_token: Type.Optional(Type.String({ pattern: '^[!-~]+$', maxLength: 8192 })),
  },
  {
    $id: 'S3Credentials',
    ...closed,
    description: 'Never shown again',
  },
);
export type S3Credentials = Static<typeof S3Credentials>;

const Connection = Type.Optional({
  ...ConnectionName,
  description: 'Name of the connection to use, which has the credentials',
} as typeof ConnectionName);

/** Longer than the longest S3 key, because URLs may be presigned. */
const MAX_TEXT = 8192;
const SourceText = Type.String({
  pattern: '^(s3|hf|https?)://[^\\u0000-\\u001f\\u007f]+$',
  maxLength: MAX_TEXT,
  description:
    '`s3://bucket/folder`, `hf://owner/repo@revision/folder` or `https://host/folder`, or a weights file ' +
    'instead of the folder. The connection for it provides the credentials; public repositories of the Hub ' +
    'and public servers need none',
  examples: ['s3://models/in/support-chat', 'hf://owner/adapter@main'],
});
const SinkText = Type.String({
  pattern: '^(s3|hf|https?)://[^\\u0000-\\u001f\\u007f]+$',
  maxLength: MAX_TEXT,
  description:
    '`s3://bucket/folder`, `hf://owner/repo@branch/folder` or `https://host/folder`. The connection for it ' +
    'provides the credentials',
  examples: ['s3://models/out/support-chat'],
});

const SourceFile = Type.Object({ url: Url, sha256: Type.Optional(Sha256) }, { $id: 'SourceFile', ...closed });
const UrlSource = Type.Object(
  {
    kind: Type.Literal('url'),
    files: Type.Object(
      {
        'adapter_model.safetensors': Type.Optional(SourceFile),
        weights: Type.Optional(SourceFile),
        'adapter_config.json': Type.Optional(SourceFile),
        config: Type.Optional(SourceFile),
        card: Type.Optional(SourceFile),
      },
      {
        ...closed,
        minProperties: 1,
        description:
          'The weights, in any format and under either name; the configuration, if the format has one; the card',
      },
    ),
    connection: Connection,
  },
  { $id: 'UrlSource', ...closed, description: 'Files at any URLs' },
);
const S3Source = Type.Object(
  {
    kind: Type.Literal('s3'),
    ...S3Place,
    weights: Type.Optional(WeightsName),
    connection: Connection,
    credentials: Type.Optional(S3Credentials),
  },
  {
    $id: 'S3Source',
    ...closed,
    description: 'A folder in a bucket. Without `credentials` a connection is used',
  },
);
const HubSource = Type.Object(
  {
    kind: Type.Literal('hub'),
    repo: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$',
      examples: ['owner/adapter'],
    }),
    revision: Type.Optional(Revision),
    subfolder: Type.Optional(RepositoryFolder),
    filename: Type.Optional(WeightsName),
    connection: Connection,
    token: Type.Optional(Token),
  },
  { $id: 'HubSource', ...closed, description: 'A model repository on the Hugging Face Hub' },
);

/** Where to import an adapter from. */
const SourceObject = oneOf(PLACE_TAG, [UrlSource, S3Source, HubSource]);
export const Source = Type.Union([SourceObject, SourceText], { $id: 'Source' });
export type Source = Static<typeof Source>;
export type SourceObject = Exclude<Source, string>;

/** A location of many adapters whose contents can be listed. */
export const SourcePrefix = Type.Union(
  [
    oneOf(PLACE_TAG, [S3Source, HubSource]),
    Type.String({
      pattern: '^(s3|hf)://[^\\u0000-\\u001f\\u007f]+$',
      maxLength: MAX_TEXT,
      description: 'The same, as text: `s3://bucket/folder` or `hf://owner/repo@revision/folder`',
      examples: ['s3://models/in'],
    }),
  ],
  {
    $id: 'SourcePrefix',
    description:
      'A folder of a bucket or of a repository, with every adapter below it. An adapter is a folder with ' +
      'adapter_config.json, or a weights file',
  },
);
export type SourcePrefix = Static<typeof SourcePrefix>;
export type UrlSource = Static<typeof UrlSource>;
export type S3Source = Static<typeof S3Source>;
export type HubSource = Static<typeof HubSource>;

const SinkFile = Type.Object(
  {
    url: Url,
    headers: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
        Type.String({ pattern: '^[ -~]*$', maxLength: 4096 }),
        {
          ...closed,
          maxProperties: 16,
          description: 'Headers that the signature requires, such as x-ms-blob-type',
        },
      ),
    ),
  },
  { $id: 'SinkFile', ...closed },
);
const UrlSink = Type.Object(
  {
    kind: Type.Literal('url'),
    files: Type.Object(
      {
        'adapter_model.safetensors': Type.Optional(SinkFile),
        weights: Type.Optional(SinkFile),
        'adapter_config.json': Type.Optional(SinkFile),
        config: Type.Optional(SinkFile),
        card: Type.Optional(SinkFile),
        report: Type.Optional(SinkFile),
      },
      {
        ...closed,
        minProperties: 1,
        description:
          'The weights, under either name; the configuration, the card (README.md) and the report, if they exist',
      },
    ),
    connection: Connection,
  },
  {
    $id: 'UrlSink',
    ...closed,
    description: 'Files, each sent by PUT, usually to presigned URLs. A file without a URL is not sent',
  },
);
const S3Sink = Type.Object(
  {
    kind: Type.Literal('s3'),
    ...S3Place,
    connection: Connection,
    credentials: Type.Optional(S3Credentials),
  },
  {
    $id: 'S3Sink',
    ...closed,
    description:
      'A folder in a bucket; existing files of the same names are replaced. Without `credentials` a connection ' +
      'is used',
  },
);
const HubSink = Type.Object(
  {
    kind: Type.Literal('hub'),
    repo: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$',
      examples: ['owner/adapter'],
    }),
    revision: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]*$',
        maxLength: 200,
        default: 'main',
        description: 'Branch; it must exist',
      }),
    ),
    path_in_repo: Type.Optional(RepositoryFolder),
    connection: Connection,
    token: Type.Optional(Token),
    commit_message: Type.Optional(Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]+$', maxLength: 200 })),
    create: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Creates the repository, as a private one, if it does not exist',
      }),
    ),
  },
  { $id: 'HubSink', ...closed, description: 'A model repository on the Hugging Face Hub, as one commit' },
);

/** Where to export a result to. */
const SinkObject = oneOf(PLACE_TAG, [UrlSink, S3Sink, HubSink]);
export const Sink = Type.Union([SinkObject, SinkText], { $id: 'Sink' });
export type Sink = Static<typeof Sink>;
export type SinkObject = Exclude<Sink, string>;
export type UrlSink = Static<typeof UrlSink>;
export type S3Sink = Static<typeof S3Sink>;
export type HubSink = Static<typeof HubSink>;

const Place = Type.String({
  description: 'The location, without secrets',
});

/** What a record says about how an adapter was imported. */
export const Import = Type.Object(
  {
    kind: choice(['url', 's3', 'hub']),
    place: Place,
    revision: nullable(Type.String(), {
      description: 'The revision that was requested; for the Hub only',
    }),
    commit: nullable(Type.String(), {
      description: 'The commit that `revision` named at that time; for the Hub only',
    }),
    bytes: Type.Integer({ minimum: 0, description: 'All files together' }),
    files: Type.Array(AdapterFile),
    finished_at: Type.String({ format: 'date-time' }),
  },
  closed,
);
export type Import = Static<typeof Import>;

/** What a record says about a result that was exported. */
export const Delivery = Type.Object(
  {
    kind: choice(['url', 's3', 'hub']),
    place: Place,
    commit: nullable(Type.String(), {
      description: 'The new commit; for the Hub only',
    }),
    bytes: Type.Integer({ minimum: 0, description: 'All files together' }),
    files: Type.Array(AdapterFile),
    finished_at: Type.String({ format: 'date-time' }),
  },
  closed,
);
export type Delivery = Static<typeof Delivery>;

const Encrypted = Type.Optional(
  Type.String({
    description: 'The source or sink, encrypted; never sent to clients',
  }),
);
const RecordedPlace = { place: Place, encrypted: Encrypted, connection: Connection };
/** URLs are recorded only without secrets: those that use a connection or need no credentials. */
const RecordedFiles = Type.Optional(
  Type.Record(Type.String(), Type.Object({ url: Url, sha256: Type.Optional(Sha256) })),
);
const RecordedBucket = {
  bucket: Type.Optional(S3Place.bucket),
  prefix: Type.Optional(S3Place.prefix),
};

/** A source as it is recorded, without any secret in plain text. */
export const RecordedSource = oneOf(
  PLACE_TAG,
  [
    Type.Object(
      {
        kind: Type.Literal('url'),
        ...RecordedPlace,
        url: Type.Optional(Type.String({ description: 'The URL that was requested' })),
        files: RecordedFiles,
      },
      { $id: 'RecordedUrlSource', ...closed },
    ),
    Type.Object(
      { kind: Type.Literal('s3'), ...RecordedPlace, ...RecordedBucket, weights: Type.Optional(WeightsName) },
      { $id: 'RecordedS3Source', ...closed },
    ),
    Type.Object(
      {
        kind: Type.Literal('hub'),
        ...RecordedPlace,
        repo: HubSource.properties.repo,
        revision: HubSource.properties.revision,
        subfolder: HubSource.properties.subfolder,
        filename: HubSource.properties.filename,
        has_token: Type.Boolean(),
      },
      { $id: 'RecordedHubSource', ...closed },
    ),
  ],
  { $id: 'RecordedSource' },
);
export type RecordedSource = Static<typeof RecordedSource>;

/** A sink as it is recorded, without any secret in plain text. */
export const RecordedSink = oneOf(
  PLACE_TAG,
  [
    Type.Object(
      {
        kind: Type.Literal('url'),
        ...RecordedPlace,
        url: Type.Optional(Type.String({ description: 'The URL that was requested' })),
        files: RecordedFiles,
      },
      { $id: 'RecordedUrlSink', ...closed },
    ),
    Type.Object(
      { kind: Type.Literal('s3'), ...RecordedPlace, ...RecordedBucket },
      { $id: 'RecordedS3Sink', ...closed },
    ),
    Type.Object(
      {
        kind: Type.Literal('hub'),
        ...RecordedPlace,
        repo: HubSink.properties.repo,
        revision: HubSink.properties.revision,
        path_in_repo: HubSink.properties.path_in_repo,
        commit_message: HubSink.properties.commit_message,
        create: HubSink.properties.create,
      },
      { $id: 'RecordedHubSink', ...closed },
    ),
  ],
  { $id: 'RecordedSink' },
);
export type RecordedSink = Static<typeof RecordedSink>;
