import { CONFIG_FILE } from '../../adapter/file-names.ts';

/** A job as JSON: 4,096 ranks by the full names of their modules fit. */
export const MAX_JOB_BYTES = 512 * 1024;

/** Boundaries and part headers of a few parts, rounded up generously. */
export const MAX_MULTIPART_OVERHEAD_BYTES = 64 * 1024;

/** A model card that came along is read to this and dropped. */
export const MAX_CARD_BYTES = 1024 * 1024;

/** The parts that a multipart body may have; each at most once. */
export interface BodyParts {
  /** Files that have to be there. */
  readonly files: readonly string[];
  readonly optionalFiles: readonly string[];
  /** Files that are read and dropped. */
  readonly droppedFiles: readonly string[];
  /** Whether the weights may have any name of a weights file, or only PEFT's. */
  readonly isAnyFormat: boolean;
  /** Parts that are values and not files. */
  readonly fields: readonly string[];
  /** One more than it may have, so that the one too many is answered by name. */
  readonly maxParts: number;
}

/** The part of POST /v1/squeeze that holds the SqueezeRequest; refused by its name where it does not belong. */
export const REQUEST_FIELD = 'request';

/** The files that may be as large as weights. */
export const largeFiles = ({ files, optionalFiles }: BodyParts): readonly string[] =>
  [...files, ...optionalFiles].filter((name) => name !== CONFIG_FILE);
