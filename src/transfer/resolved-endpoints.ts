import type {
  HubSink,
  HubSource,
  S3Credentials,
  S3Sink,
  S3Source,
  UrlSink,
  UrlSource,
} from '../contract/transfer.ts';

type WithoutCredentials<T> = Omit<T, 'connection' | 'credentials' | 'token'>;

/** A bucket with the credentials for it. */
interface BucketAccess {
  /** own: the identity of the process, as the AWS SDK finds it. */
  readonly credentials: S3Credentials | 'own';
  /** Whether the bucket is in the path; undefined: it is if there is an endpoint. */
  readonly path_style?: boolean | undefined;
}
export type ResolvedS3Source = WithoutCredentials<S3Source> & BucketAccess;
export type ResolvedS3Sink = WithoutCredentials<S3Sink> & BucketAccess;

export type ResolvedHubSource = WithoutCredentials<HubSource> & { readonly token?: string | undefined };
/** Without a token, the Hub itself refuses the request. */
export type ResolvedHubSink = WithoutCredentials<HubSink> & { readonly token?: string | undefined };

/** Headers with credentials, which are sent to their own server only. */
interface ServerAccess {
  readonly secretHeaders?: Readonly<Record<string, string>> | undefined;
}
export type ResolvedUrlSource = WithoutCredentials<UrlSource> &
  ServerAccess & {
    /** Whether a missing configuration is accepted, because the request did not name one. */
    readonly guessesConfig?: boolean;
  };
export interface ResolvedUrlSink extends ServerAccess {
  readonly kind: 'url';
  /** The URL of each file; files without one are not delivered. */
  readonly files?: UrlSink['files'];
  /** The URL of a folder for all files, without a trailing slash. */
  readonly folder?: string;
}

/** A source with everything that is needed to fetch it. */
export type ResolvedSource = ResolvedUrlSource | ResolvedS3Source | ResolvedHubSource;
/** A sink with everything that a delivery needs. */
export type ResolvedSink = ResolvedUrlSink | ResolvedS3Sink | ResolvedHubSink;
