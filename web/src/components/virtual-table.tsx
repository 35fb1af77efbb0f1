import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

const ROW_PX = 40;
const HEAD_PX = 40;
/** As much of it is seen at once. */
const HEIGHT_PX = 480;
/** Rows above and below what is seen, so that nothing flashes and the keyboard finds its way. */
const SPARE = 6;

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What to sort by; none: it cannot be sorted by. */
  readonly by?: (row: Row) => number | string;
  readonly width?: string;
  readonly isNumber?: boolean;
  /** Left out where the page is narrow. */
  readonly isExtra?: boolean;
  /** Left out as well where other panels narrow the table. */
  readonly isRare?: boolean;
}

interface VirtualTableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly isSelected?: (row: Row) => boolean;
}

/** A table of any number of rows, of which only those in sight are in the document. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, columns, keyOf, isSelected } = props;
  const [sort, setSort] = useState({ column: 0, isDown: false });
  const [top, setTop] = useState(0);
  const host = useRef<HTMLDivElement>(null);
  const sorted = useMemo(() => sortedRows(rows, columns[sort.column]?.by, sort.isDown), [rows, sort]);
  useEffect(() => {
    host.current!.scrollTop = 0;
  }, [sorted]);

  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE);
  const last = Math.min(sorted.length, Math.ceil((top + HEIGHT_PX) / ROW_PX) + SPARE);
  const order = (column: number) => {
    if (sort.column !== column) return undefined;
    return sort.isDown ? 'descending' : 'ascending';
  };
  return (
    <section
      class="scroll virtual"
      ref={host}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ maxHeight: `${HEIGHT_PX}px` }}
      onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}
    >
      <table aria-rowcount={sorted.length + 1}>
        <thead style={{ height: `${HEAD_PX}px` }}>
          <tr aria-rowindex={1}>
            {columns.map(({ title, by, width, isNumber, isExtra, isRare }, column) => (
              <th
                key={title}
                scope="col"
                class={cellClass(isNumber, isExtra, isRare)}
                aria-sort={order(column)}
                style={width === undefined ? undefined : { width }}
              >
                {by ? (
                  <button
                    type="button"
                    onClick={() =>
                      setSort({ column, isDown: sort.column === column ? !sort.isDown : isNumber === true })
                    }
                  >
                    {title}
                  </button>
                ) : (
                  title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={first} />
          {sorted.slice(first, last).map((row, index) => (
            <tr
              key={keyOf(row)}
              aria-rowindex={first + index + 2}
              class={isSelected?.(row) ? 'is-selected' : ''}
              style={{ height: `${ROW_PX}px` }}
            >
              {columns.map(({ title, cell, isNumber, isExtra, isRare }) => (
                <td key={title} class={cellClass(isNumber, isExtra, isRare)}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
          <Gap rows={sorted.length - last} />
        </tbody>
      </table>
    </section>
  );
}

/** Stands for rows that are not there. */
const Gap = ({ rows }: { rows: number }) =>
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus
  rows > 0 ? <tr aria-hidden="true" class="gap" style={{ height: `${rows * ROW_PX}px` }} /> : null;

const cellClass = (isNumber = false, isExtra = false, isRare = false): string =>
  [isNumber && 'number', isExtra && 'extra', isRare && 'rare'].filter(Boolean).join(' ');

function sortedRows<Row>(
  rows: readonly Row[],
  by: ((row: Row) => number | string) | undefined,
  isDown = false,
): readonly Row[] {
  if (!by) return rows;
  const sign = isDown ? -1 : 1;
  const { compare } = new Intl.Collator('en', { numeric: true });
  return [...rows].sort((x, y) => {
    const [a, b] = [by(x), by(y)];
    return sign * (typeof a === 'string' || typeof b === 'string' ? compare(String(a), String(b)) : a - b);
  });
}
