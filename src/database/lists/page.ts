/** The requested part of a list. */
export interface PageRequest {
  /** Most items of a page. */
  readonly limit: number;
  /** Id of the last item of the previous page. */
  readonly after?: string | undefined;
  /** Milliseconds since 1970; both are exclusive. */
  readonly createdAfterMs?: number | undefined;
  readonly createdBeforeMs?: number | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** The `after` of the next page; null at the end. */
  readonly next: string | null;
}
