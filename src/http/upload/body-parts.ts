import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { OPTIMIZER_FILE } from '../../service/runs/checkpoint-upload.ts';
import { MAX_ADAPTER_PARTS, MAX_CHECKPOINT_PARTS, MAX_PARTS } from './limits.ts';

/** The parts that a multipart body may have; each at most once. */
export interface BodyParts {
  /** Files that have to be there. */
  readonly files: readonly string[];
  readonly optionalFiles: readonly string[];
  /** Files that are read and dropped. */
  readonly droppedFiles: readonly string[];
  /** The weights may be called anything that weights are called; else only as PEFT calls them. */
  readonly isAnyFormat: boolean;
  /** Parts that are values and not files. */
  readonly fields: readonly string[];
  /** One more than it may have, so that the one too many is answered by name. */
  readonly maxParts: number;
}

/** The part of POST /v1/squeeze that holds the SqueezeRequest. */
export const REQUEST_FIELD = 'request';
/** How long an adapter is kept, and what it is called by. */
export const NAME_FIELD = 'name';
export const LABELS_FIELD = 'labels';
export const TTL_FIELD = 'ttl_seconds';
export const STEP_FIELD = 'step';
export const REWIND_FIELD = 'rewind';

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

/** Training has PEFT's files, and tensors of its own beside them. */
export const CHECKPOINT_BODY: BodyParts = {
  files: [WEIGHTS_FILE, CONFIG_FILE],
  optionalFiles: [OPTIMIZER_FILE],
  droppedFiles: [],
  isAnyFormat: false,
  fields: [STEP_FIELD, REWIND_FIELD],
  maxParts: MAX_CHECKPOINT_PARTS,
};

/** The files that may be as large as weights. */
export const largeFiles = ({ files, optionalFiles }: BodyParts): readonly string[] =>
  [...files, ...optionalFiles].filter((name) => name !== CONFIG_FILE);
