import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

const ROW_PX = { wide: 40, narrow: 60 };
const HEAD_PX = 40;
/** As much of it is seen at once. */
const HEIGHT_PX = 480;
/** Rows above and below what is seen, so that nothing flashes and the keyboard finds its way. */
const SPARE = 6;

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Told, but not shown, where the cells speak for themselves. */
  readonly isTitleUnseen?: boolean;
  /** The key to sort by; without it the column cannot be sorted. */
  readonly by?: (row: Row) => number | string;
  readonly width?: string;
  readonly isNumber?: boolean;
  /** Left out where the page is narrow. */
  readonly isExtra?: boolean;
  /** Left out as well where other panels narrow the table, and but on the widest pages. */
  readonly isRare?: boolean;
  readonly isRarest?: boolean;
}

interface VirtualTableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly isSelected?: (row: Row) => boolean;
}

/** On a phone a row has a line more, for what is in a column of its own elsewhere. */
const narrow = matchMedia('(max-width: 720px)');
const isNarrow = signal(narrow.matches);
narrow.addEventListener('change', ({ matches }) => {
  isNarrow.value = matches;
});

/** A table of any number of rows. Only the visible ones are in the document. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, columns, keyOf, isSelected } = props;
  const rowPx = isNarrow.value ? ROW_PX.narrow : ROW_PX.wide;
  const [sort, setSort] = useState(() => ({ column: columns.findIndex(({ by }) => by), isDown: false }));
  const [top, setTop] = useState(0);
  const host = useRef<HTMLDivElement>(null);
  const sorted = useMemo(() => sortedRows(rows, columns[sort.column]?.by, sort.isDown), [rows, sort]);
  useEffect(() => {
    host.current!.scrollTop = 0;
  }, [sort, rows.length]);

  const first = Math.max(0, Math.floor(top / rowPx) - SPARE);
  const last = Math.min(sorted.length, Math.ceil((top + HEIGHT_PX) / rowPx) + SPARE);
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
            {columns.map(
              ({ title, isTitleUnseen, by, width, isNumber, isExtra, isRare, isRarest }, column) => (
                <th
                  key={title}
                  scope="col"
                  class={cellClass({ isNumber, isExtra, isRare, isRarest })}
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
                    <span class={isTitleUnseen ? 'unseen' : ''}>{title}</span>
                  )}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          <Gap px={first * rowPx} />
          {sorted.slice(first, last).map((row, index) => (
            <tr
              key={keyOf(row)}
              aria-rowindex={first + index + 2}
              class={isSelected?.(row) ? 'is-selected' : ''}
              style={{ height: `${rowPx}px` }}
            >
              {columns.map(({ title, cell, isNumber, isExtra, isRare, isRarest }) => (
                <td key={title} class={cellClass({ isNumber, isExtra, isRare, isRarest })}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
          <Gap px={(sorted.length - last) * rowPx} />
        </tbody>
      </table>
    </section>
  );
}

/** Stands for rows that are not there. */
const Gap = ({ px }: { px: number }) =>
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus
  px > 0 ? <tr aria-hidden="true" class="gap" style={{ height: `${px}px` }} /> : null;

type CellTraits = {
  readonly [Trait in 'isNumber' | 'isExtra' | 'isRare' | 'isRarest']: boolean | undefined;
};

const cellClass = ({ isNumber, isExtra, isRare, isRarest }: CellTraits): string =>
  [isNumber && 'number', isExtra && 'extra', isRare && 'rare', isRarest && 'rarest']
    .filter(Boolean)
    .join(' ');

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
