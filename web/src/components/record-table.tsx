import type { ComponentChildren } from 'preact';
import { Term } from './term.tsx';

export interface RecordColumn<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly isNumber?: boolean;
  /** Whether the column is hidden on narrow pages. */
  readonly isExtra?: boolean;
}

interface RecordTableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly RecordColumn<Row>[];
  readonly keyOf: (row: Row) => string | number;
}

/** Records as a table, with one row for each. */
export function RecordTable<Row>({ label, rows, columns, keyOf }: RecordTableProps<Row>) {
  return (
    <table class="rows" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ title, isNumber, isExtra }) => (
            <th key={title} scope="col" class={classOf(isNumber, isExtra)}>
              <Term title={title} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ title, cell, isNumber, isExtra }) => (
              <td key={title} class={classOf(isNumber, isExtra)}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const classOf = (isNumber = false, isExtra = false): string =>
  [isNumber && 'number', isExtra && 'extra'].filter(Boolean).join(' ');
