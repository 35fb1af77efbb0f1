import type {
  HubSink,
  HubSource,
  S3Credentials,
  S3Sink,
  S3Source,
  UrlSink,
  UrlSource,
} from '../contract/transfer.ts';

type Bare<T> = Omit<T, 'connection' | 'credentials' | 'token'>;

/** A bucket with what opens it. */
interface OpenBucket {
  /** own: the process goes as itself, with what the AWS SDK finds. */
  readonly credentials: S3Credentials | 'own';
  /** Whether the bucket is in the path; undefined: if there is an endpoint. */
  readonly path_style?: boolean | undefined;
}
export type ReadyS3Source = Bare<S3Source> & OpenBucket;
export type ReadyS3Sink = Bare<S3Sink> & OpenBucket;

export type ReadyHubSource = Bare<HubSource> & { readonly token?: string | undefined };
/** The Hub itself refuses who has no token. */
export type ReadyHubSink = Bare<HubSink> & { readonly token?: string | undefined };

/** Headers that open what URLs lead to, for their own server only. */
interface OpenServer {
  readonly secretHeaders?: Readonly<Record<string, string>> | undefined;
}
export type ReadyUrlSource = Bare<UrlSource> &
  OpenServer & {
    /** Whether a missing configuration is accepted, because the request did not name one. */
    readonly guessesConfig?: boolean;
  };
export interface ReadyUrlSink extends OpenServer {
  readonly kind: 'url';
  /** Where each file goes; what is not named stays here. */
  readonly files?: UrlSink['files'];
  /** URL of a folder that all files go to, without a slash at its end. */
  readonly folder?: string;
}

/** Where an adapter comes from, with all that it takes to get it. */
export type ReadySource = ReadyUrlSource | ReadyS3Source | ReadyHubSource;
/** A sink with everything that a delivery needs. */
export type ReadySink = ReadyUrlSink | ReadyS3Sink | ReadyHubSink;
