/** A file, identified by its content. */
export interface DigestedFile {
  readonly name: string;
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** A complete file on this machine. */
export interface LocalFile extends DigestedFile {
  readonly path: string;
}

/** A finished file in a scratch folder of the store, with what was learned about it while it was written. */
export interface IncomingFile extends LocalFile {
  /** The name under which the client sent it, if any. */
  readonly sentAs?: string;
}
