/** A file, known by its content. */
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

/** A finished file in a scratch folder of the store, with what was found out while it was written. */
export interface IncomingFile extends LocalFile {
  /** What the client called it, where it did. */
  readonly sentAs?: string;
}
