/**
 * Longest JSON header. The reference allows 100 MB, which takes a JavaScript parser seconds and half a gigabyte;
 * 8 MiB still holds MAX_TENSORS entries of ordinary length.
 */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024;

/** Most tensors of a file. The largest adapters known (every linear layer of 100+ layers) have a few thousand. */
export const MAX_TENSORS = 65_536;

/** Longest tensor name in UTF-8. Module paths stay under 200 bytes. */
export const MAX_NAME_BYTES = 512;

/** Most dimensions of a tensor, which is the limit of PyTorch and NumPy. */
export const MAX_DIMENSIONS = 64;

/** The header nests a list in an object in the header object: 3. More leaves room for readers' extensions. */
export const MAX_HEADER_DEPTH = 8;

/** The little-endian u64 before the header. */
export const LENGTH_FIELD_BYTES = 8;

/** The data section starts at a multiple of this, so that every dtype can be aligned (format README). */
export const DATA_ALIGNMENT_BYTES = 8;
