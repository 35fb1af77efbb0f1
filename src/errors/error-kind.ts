/** Which calls may answer with a code, for codes that several resources share. */
export type ErrorGroup =
  /** Any call. */
  | 'any'
  /** Calls that need a key. */
  | 'access'
  /** Calls on the records of a tenant, which an administrator may also make on its behalf. */
  | 'of-tenant'
  /** The calls of 'of-tenant' that submit new work. */
  | 'of-tenant-write'
  /** Calls that can be repeated with an Idempotency-Key. */
  | 'idempotency'
  /** The calls of 'idempotency' whose response contains a secret, which is stored encrypted. */
  | 'secret-answer'
  /** JSON, before it is checked against its schema. */
  | 'json'
  /** Calls whose whole body is JSON; JSON in a part of a multipart body belongs to 'json' only. */
  | 'json-body'
  /** Calls that take no body but were sent one. */
  | 'bodiless'
  /** Calls that upload an adapter: faults of the body, of its files and of the LoRA tensors in them. */
  | 'upload'
  /** Calls that send one file. */
  | 'content'
  /** Calls that create an adapter from earlier uploads. */
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
