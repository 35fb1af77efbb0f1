import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { type BodyParts, REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { MAX_ADAPTER_PARTS, MAX_PARTS } from '../../../http/multipart/limits.ts';

/** How long an adapter is kept, and what it is called by. */
export const NAME_FIELD = 'name';
export const LABELS_FIELD = 'labels';
export const TTL_FIELD = 'ttl_seconds';

export const ADAPTER_BODY: BodyParts = {
  files: [WEIGHTS_FILE],
  // Where the format has one its reader asks for it.
  optionalFiles: [CONFIG_FILE],
  droppedFiles: [CARD_FILE],
  isAnyFormat: true,
  fields: [NAME_FIELD, LABELS_FIELD, TTL_FIELD],
  maxParts: MAX_ADAPTER_PARTS,
};

export const SQUEEZE_BODY: BodyParts = { ...ADAPTER_BODY, fields: [REQUEST_FIELD], maxParts: MAX_PARTS };
