export interface S3Options {
  readonly bucket: string;
  /** In front of every key, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** The bucket in the path of the URL and not in the host name. */
  readonly forcePathStyle: boolean;
  /** Most bytes of local copies, besides those in use. */
  readonly cacheBytes: number;
}

/** Where an object lies. */
export interface ObjectAddress {
  readonly Bucket: string;
  readonly Key: string;
}
