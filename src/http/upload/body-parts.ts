import { CONFIG_FILE, WEIGHTS_FILE } from '../../service/adapter-service.ts';
import { OPTIMIZER_FILE } from '../../service/runs/checkpoint-upload.ts';
import { MAX_CHECKPOINT_PARTS, MAX_PARTS } from './limits.ts';

/** The parts that a multipart body may have; each at most once. */
export interface BodyParts {
  /** Files that have to be there. */
  readonly files: readonly string[];
  readonly optionalFiles: readonly string[];
  /** Parts that are values and not files. */
  readonly fields: readonly string[];
  /** One more than it may have, so that the one too many is answered by name. */
  readonly maxParts: number;
}

/** The part of POST /v1/squeeze that holds the SqueezeRequest. */
export const REQUEST_FIELD = 'request';
export const STEP_FIELD = 'step';
export const REWIND_FIELD = 'rewind';

export const ADAPTER_BODY: BodyParts = {
  files: [WEIGHTS_FILE, CONFIG_FILE],
  optionalFiles: [],
  fields: [],
  maxParts: MAX_PARTS,
};

export const SQUEEZE_BODY: BodyParts = { ...ADAPTER_BODY, fields: [REQUEST_FIELD] };

export const CHECKPOINT_BODY: BodyParts = {
  ...ADAPTER_BODY,
  optionalFiles: [OPTIMIZER_FILE],
  fields: [STEP_FIELD, REWIND_FIELD],
  maxParts: MAX_CHECKPOINT_PARTS,
};
