/** Which storage this is, for a database to know its own. */
export const STORAGE_ID_KEY = 'storage-id';

export const CONTENT_PREFIX = 'content/';

/** Digits of a time in hex that name a folder: it holds 2^20 ms. */
const WRITE_FOLDER_DIGITS = 7;

/**
 * Where a write puts its bytes: in a folder for each quarter of an hour. What the bytes are, the database knows.
 * @param writeId or id of a content
 */
export const contentKey = (writeId: string): string =>
  `${CONTENT_PREFIX}${writeId.slice(0, WRITE_FOLDER_DIGITS)}/${writeId}`;
