/** Which calls may answer with a code, where it is not of a service alone. */
export type ErrorGroup =
  /** Any call. */
  | 'any'
  /** Calls that need a key. */
  | 'access'
  /** Calls on what a tenant has, which an administrator may make for it. */
  | 'of-tenant'
  /** Those of them that submit new work. */
  | 'of-tenant-write'
  /** Calls that can be repeated with an Idempotency-Key. */
  | 'idempotency'
  /** Those of them whose answer has a secret, which is kept sealed. */
  | 'secret-answer'
  /** JSON, before it is checked against its schema. */
  | 'json'
  /** Calls with JSON as their body, besides 'json'. */
  | 'json-body'
  /** Calls without a body that were sent one. */
  | 'bodiless'
  /** Calls that send an adapter: the body, the files, the LoRA inside. */
  | 'upload'
  /** Calls that send one file. */
  | 'content'
  /** Calls that make an adapter of files that came before. */
  | 'use-uploads'
  /** Calls that read or write files. */
  | 'storage';

/**
 * A failure that the service can answer with. The code is the stable part of a problem document (RFC 9457).
 */
export interface ErrorKind {
  readonly status: number;
  readonly title: string;
  /** Whether another attempt can help; the queue retries such jobs. */
  readonly retryable: boolean;
  /** How long a client should wait, if that is known. */
  readonly retryAfterSeconds?: number;
  readonly groups?: readonly ErrorGroup[];
  /** Codes of Fastify and its plugins that mean this. */
  readonly framework?: readonly string[];
}

type More = Omit<ErrorKind, 'status' | 'title' | 'retryable'>;

export const permanent = (status: number, title: string, more: More = {}): ErrorKind => ({
  ...{ status, title, retryable: false },
  ...more,
});
export const transient = (status: number, title: string, more: More = {}): ErrorKind => ({
  ...{ status, title, retryable: true },
  ...more,
});
