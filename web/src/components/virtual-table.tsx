import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

const ROW_PX = { wide: 40, narrow: 60 };
const HEAD_PX = 40;
/** The visible height of the table. */
const HEIGHT_PX = 480;
/**
 * Extra rows above and below the visible ones, so that scrolling does not flicker and keyboard focus can
 * move on.
 */
const SPARE = 6;

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Whether the title is only for screen readers, because the cells speak for themselves. */
  readonly isTitleHidden?: boolean;
  /** The sort key of a row; without it the column cannot be sorted. */
  readonly by?: (row: Row) => number | string;
  readonly width?: string;
  readonly isNumber?: boolean;
  /** Whether the column is hidden on narrow pages. */
  readonly isExtra?: boolean;
  /** Whether the column is shown only on the widest pages, and not where other panels narrow the table. */
  readonly isLowPriority?: boolean;
  readonly isLowestPriority?: boolean;
}

interface VirtualTableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly isSelected?: (row: Row) => boolean;
}

/** On a phone each row has one more line, for the content of columns that are hidden there. */
const narrow = matchMedia('(max-width: 720px)');
const isNarrow = signal(narrow.matches);
narrow.addEventListener('change', ({ matches }) => {
  isNarrow.value = matches;
});

/** A table with any number of rows, of which only the visible ones are in the document. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, columns, keyOf, isSelected } = props;
  const rowPx = isNarrow.value ? ROW_PX.narrow : ROW_PX.wide;
  const [sort, setSort] = useState(() => ({ column: columns.findIndex(({ by }) => by), isDown: false }));
  const [top, setTop] = useState(0);
  const host = useRef<HTMLDivElement>(null);
  const order = useRef<Order>({ keys: [], indices: [] });
  const sorted = useMemo(() => {
    const { by } = columns[sort.column] ?? {};
    if (!by) return rows;
    order.current = orderOf(rows.map(by), sort.isDown, order.current);
    return order.current.indices.map((index) => rows[index]!);
  }, [rows, sort]);
  useEffect(() => {
    host.current!.scrollTop = 0;
  }, [sort, rows.length]);

  const first = Math.max(0, Math.floor(top / rowPx) - SPARE);
  const last = Math.min(sorted.length, Math.ceil((top + HEIGHT_PX) / rowPx) + SPARE);
  const sortOf = (column: number) => {
    if (sort.column !== column) return undefined;
    return sort.isDown ? 'descending' : 'ascending';
  };
  return (
    <section
      class="scroll virtual"
      ref={host}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ maxHeight: `${HEIGHT_PX}px` }}
      onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}
    >
      <table aria-rowcount={sorted.length + 1}>
        <thead style={{ height: `${HEAD_PX}px` }}>
          <tr aria-rowindex={1}>
            {columns.map(
              (
                { title, isTitleHidden, by, width, isNumber, isExtra, isLowPriority, isLowestPriority },
                column,
              ) => (
                <th
                  key={title}
                  scope="col"
                  class={cellClass({ isNumber, isExtra, isLowPriority, isLowestPriority })}
                  aria-sort={sortOf(column)}
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
                    <span class={isTitleHidden ? 'unseen' : ''}>{title}</span>
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
              {columns.map(({ title, cell, isNumber, isExtra, isLowPriority, isLowestPriority }) => (
                <td key={title} class={cellClass({ isNumber, isExtra, isLowPriority, isLowestPriority })}>
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

/** Takes up the space of the rows that are not rendered. */
const Gap = ({ px }: { px: number }) =>
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: the row never takes the focus
  px > 0 ? <tr aria-hidden="true" class="gap" style={{ height: `${px}px` }} /> : null;

type CellTraits = {
  readonly [Trait in 'isNumber' | 'isExtra' | 'isLowPriority' | 'isLowestPriority']: boolean | undefined;
};

const cellClass = ({ isNumber, isExtra, isLowPriority, isLowestPriority }: CellTraits): string =>
  [isNumber && 'number', isExtra && 'extra', isLowPriority && 'rare', isLowestPriority && 'rarest']
    .filter(Boolean)
    .join(' ');

/** The order of rows by their sort keys. */
interface Order {
  readonly keys: readonly (number | string)[];
  readonly isDown?: boolean;
  readonly indices: readonly number[];
}

const { compare } = new Intl.Collator('en', { numeric: true });

/**
 * Sorts keys, unless they are those of the last order: comparing thousands of names takes longer than a frame, and
 * while a slider is dragged only other columns change.
 */
function orderOf(keys: Order['keys'], isDown: boolean, last: Order): Order {
  const isSame = isDown === last.isDown && keys.length === last.keys.length;
  if (isSame && keys.every((key, index) => key === last.keys[index])) return last;
  const sign = isDown ? -1 : 1;
  const indices = keys.map((_, index) => index);
  indices.sort((x, y) => {
    const [a, b] = [keys[x]!, keys[y]!];
    return sign * (typeof a === 'string' || typeof b === 'string' ? compare(String(a), String(b)) : a - b);
  });
  return { keys, isDown, indices };
}
