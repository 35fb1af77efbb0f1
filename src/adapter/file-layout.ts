/** A file of tensors before it is filled: where everything goes. */
export interface FileLayout {
  /** The file up to its data. */
  readonly headerBytes: Uint8Array;
  /** First byte of each tensor from the start of the file, in the order the tensors were given. */
  readonly offsets: readonly number[];
  readonly totalBytes: number;
}
