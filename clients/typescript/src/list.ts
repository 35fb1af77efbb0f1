import { jsonOf, type Transport } from './transport.ts';
import type { CallOptions } from './types.ts';

interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

/** Everything that matches a query; pages are requested as they are needed. */
export async function* listAll<T>(
  transport: Transport,
  path: string,
  query: object,
  options: CallOptions,
): AsyncGenerator<T, void, undefined> {
  let cursor = (query as { readonly cursor?: string }).cursor ?? null;
  do {
    const page: Page<T> = await transport.call(
      { ...options, method: 'GET', path, query: { ...query, cursor } },
      jsonOf<Page<T>>,
    );
    yield* page.data;
    cursor = page.next_cursor;
  } while (cursor !== null);
}
