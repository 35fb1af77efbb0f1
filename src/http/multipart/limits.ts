/** 16 targets with all their options fit many times. */
export const MAX_REQUEST_FIELD_BYTES = 64 * 1024;

/** Boundaries and part headers of a few parts, rounded up generously. */
export const MAX_MULTIPART_OVERHEAD_BYTES = 64 * 1024;

/** A model card that came along is read to this and dropped. */
export const MAX_CARD_BYTES = 1024 * 1024;

/** Two files, a card, the request and one too many, so that the one too many is answered by name. */
export const MAX_PARTS = 5;

/** Two files, a card, labels, a time to live and one too many. */
export const MAX_ADAPTER_PARTS = 6;

/** Three files, two fields and one too many. */
export const MAX_CHECKPOINT_PARTS = 6;

/** Parts have two or three headers of a line each. */
export const MAX_PART_HEADERS = 16;
export const MAX_PART_HEADER_BYTES = 8 * 1024;
export const MAX_PART_NAME_BYTES = 100;
