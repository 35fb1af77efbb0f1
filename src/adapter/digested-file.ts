/** A file, known by its content. */
export interface DigestedFile {
  readonly name: string;
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** One that lies finished on this machine. */
export interface LocalFile extends DigestedFile {
  readonly path: string;
}
