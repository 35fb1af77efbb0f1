import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { counted } from '../../../src/errors/counted.ts';

const MAX_ROWS = 200;

interface ChartTableProps {
  readonly caption: string;
  readonly head: readonly string[];
  /** Called only when the user opens the table. */
  readonly rows: () => readonly (readonly ComponentChildren[])[];
}

/** The numbers of a chart as a table, on demand. */
export function ChartTable({ caption, head, rows }: ChartTableProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="chart-table" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{caption} as a table</summary>
      {isOpen && <Rows caption={caption} head={head} rows={rows()} />}
    </details>
  );
}

function Rows({
  caption,
  head,
  rows,
}: Omit<ChartTableProps, 'rows'> & { rows: ReturnType<ChartTableProps['rows']> }) {
  return (
    <section
      class="scroll"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
      tabIndex={0}
      aria-label={`Table: ${caption}`}
    >
      <table>
        <thead>
          <tr>
            {head.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, column) => (
                <td key={head[column]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && (
        <p class="note">
          {counted(rows.length - MAX_ROWS, 'more row is', 'more rows are')} only in the report.
        </p>
      )}
    </section>
  );
}
