/**
 * Longest header, from the magic to the last tensor's entry. Those of adapters have kilobytes, those of models with
 * their vocabulary up to 10 MB.
 */
export const MAX_GGUF_HEADER_BYTES = 16 * 1024 * 1024;

/** Most tensors of a file, as for safetensors. */
export const MAX_GGUF_TENSORS = 65_536;

/** Most keys of the metadata. Models have about 50. */
export const MAX_KEYS = 4096;

/** Longest key in bytes (ggml/docs/gguf.md, "gguf_metadata_kv_t"). */
export const MAX_KEY_BYTES = 65_535;

/** Longest string of the metadata. Chat templates and licences have some 10 kB. */
export const MAX_STRING_BYTES = 1024 * 1024;

/** Most elements of all arrays together: three lists of the largest vocabularies known (262,144 words). */
export const MAX_ARRAY_ELEMENTS = 1024 * 1024;

/** Longest tensor name in bytes (ggml/docs/gguf.md; GGML_MAX_NAME in ggml.h includes the zero at the end). */
export const MAX_GGUF_NAME_BYTES = 63;

/** ggml.h, GGML_MAX_DIMS. */
export const MAX_GGUF_DIMENSIONS = 4;

/** The alignment of files that name none (ggml/docs/gguf.md, general.alignment). */
export const DEFAULT_ALIGNMENT = 32;

/** ggml/docs/gguf.md requires a multiple of 8, ggml a power of two. */
export const MIN_ALIGNMENT = 8;
export const MAX_ALIGNMENT = 64 * 1024;
