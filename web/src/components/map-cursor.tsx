import type { ECharts } from 'echarts/core';
import { layersPerColumn } from '../../../src/charts/layer-heat-map.ts';
import type { ModuleGrid } from '../../../src/charts/module-grid.ts';

interface MapCursorProps {
  readonly chart: ECharts;
  readonly grid: ModuleGrid;
  /** The index of the module under the cursor. */
  readonly cursor: number;
  readonly words: string;
  readonly onCursor: (module: number) => void;
  readonly onToggle: () => void;
}

const AXES = { xAxisIndex: 0, yAxisIndex: 0 };
/** The size of a cell in a map with only one row or column, where no neighbour gives the distance. */
const LONE_PX = 40;
const DIRECTIONS: Readonly<Record<string, readonly [columns: number, rows: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * The keyboard cursor of the map: arrow keys move it and Space selects. Screen readers announce the cell
 * under it.
 */
export function MapCursor({ chart, grid, cursor, words, onCursor, onToggle }: MapCursorProps) {
  const perColumn = layersPerColumn(grid);
  const { row, column: layer } = grid.places[cursor]!;
  const column = Math.floor(layer / perColumn);
  const pixelOf = (x: number, y: number) => chart.convertToPixel(AXES, [x, y]) as [number, number];
  const [left, top] = pixelOf(column, row);
  if (!Number.isFinite(left) || !Number.isFinite(top)) return null;
  const lastColumn = Math.ceil(grid.columns.length / perColumn) - 1;
  const lastRow = grid.rows.length - 1;
  const width = lastColumn > 0 ? (pixelOf(lastColumn, row)[0] - pixelOf(0, row)[0]) / lastColumn : LONE_PX;
  const height = lastRow > 0 ? (pixelOf(column, lastRow)[1] - pixelOf(column, 0)[1]) / lastRow : LONE_PX;

  function onKeyDown(event: KeyboardEvent): void {
    const direction = DIRECTIONS[event.key];
    if (!direction) return;
    onCursor(moduleTowards(grid, cursor, direction));
    event.preventDefault();
  }
  return (
    <>
      <button
        type="button"
        class="map-cursor"
        aria-label={`Cell of the map: ${words}`}
        style={{
          left: `${left - width / 2}px`,
          top: `${top - height / 2}px`,
          width: `${Math.max(8, width)}px`,
          height: `${Math.max(8, height)}px`,
        }}
        onKeyDown={onKeyDown}
        onClick={onToggle}
      />
      <span class="unseen" role="status">
        {words}
      </span>
    </>
  );
}

/** The next module in a direction, skipping empty cells; at the edge, the same module. */
function moduleTowards(
  { places, rows, columns }: ModuleGrid,
  from: number,
  [columnStep, rowStep]: readonly [number, number],
): number {
  const at = new Map(places.map(({ row, column }, index) => [column * rows.length + row, index]));
  let { row, column } = places[from]!;
  for (;;) {
    [row, column] = [row + rowStep, column + columnStep];
    if (row < 0 || column < 0 || row >= rows.length || column >= columns.length) return from;
    const found = at.get(column * rows.length + row);
    if (found !== undefined) return found;
  }
}
