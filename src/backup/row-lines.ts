import type { SavedRow } from '../database/saved-tables.ts';

/** Rows that are handed on at once. */
const PAGE_ROWS = 500;

/** Bytes have no place in JSON. */
interface Base64 {
  readonly base64: string;
}

/** Rows as lines of JSON, the same for every database. @param onRows told how many at a time */
export async function* linesOf(
  pages: AsyncIterable<readonly SavedRow[]>,
  onRows: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const rows of pages) {
    onRows(rows.length);
    yield Buffer.from(rows.map((row) => `${JSON.stringify(encoded(row))}\n`).join(''));
  }
}

/** The rows of such lines, some at a time. @throws SyntaxError */
export async function* rowsOf(lines: AsyncIterable<Uint8Array>): AsyncGenerator<SavedRow[]> {
  const decoder = new TextDecoder();
  let rest = '';
  let rows: SavedRow[] = [];
  for await (const chunk of lines) {
    // Not node:readline, which takes U+2028 for the end of a line.
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      rows.push(decoded(JSON.parse(line) as Record<string, SavedRow[string] | Base64>));
      if (rows.length < PAGE_ROWS) continue;
      yield rows;
      rows = [];
    }
  }
  if (rest !== '') throw new SyntaxError('The last line has no end');
  if (rows.length > 0) yield rows;
}

const encoded = (row: SavedRow) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
    ]),
  );

const decoded = (row: Readonly<Record<string, SavedRow[string] | Base64>>): SavedRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value !== null && typeof value === 'object' && 'base64' in value
        ? Buffer.from(value.base64, 'base64')
        : value,
    ]),
  );
