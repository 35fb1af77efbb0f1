import { CONFIG_FILE } from '../../adapter/file-names.ts';

/** Limit of a job as JSON, in which 4,096 ranks by the full names of their modules fit. */
export const MAX_JOB_BYTES = 512 * 1024;

/** Boundaries and part headers of a few parts, rounded up generously. */
export const MAX_MULTIPART_OVERHEAD_BYTES = 64 * 1024;

/** The parts that a multipart body may have; each at most once. */
export interface BodyParts {
  /** Files that must be sent. */
  readonly files: readonly string[];
  readonly optionalFiles: readonly string[];
  /** Files that are read and not stored. */
  readonly droppedFiles: readonly string[];
  /** Whether the weights may have any name of a weights file, or only PEFT's. */
  readonly isAnyFormat: boolean;
  /** Parts that are values and not files. */
  readonly fields: readonly string[];
  /** One more than allowed, so that a surplus part can be refused by its name. */
  readonly maxParts: number;
}

/** The part of POST /v1/squeeze that holds the SqueezeRequest. Other calls refuse it by its name. */
export const REQUEST_FIELD = 'request';

/** The files that may be as large as weights. */
export const largeFiles = ({ files, optionalFiles }: BodyParts): readonly string[] =>
  [...files, ...optionalFiles].filter((name) => name !== CONFIG_FILE);
