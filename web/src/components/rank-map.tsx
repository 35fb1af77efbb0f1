import type { ECElementEvent } from 'echarts';
import type { ECharts } from 'echarts/core';
import { useMemo, useState } from 'preact/hooks';
import { formatPercent } from '../../../src/charts/format.ts';
import {
  type HeatCell,
  type HeatMapInput,
  heatMapHeight,
  layerHeatMap,
  layersPerColumn,
} from '../../../src/charts/layer-heat-map.ts';
import type { ModuleGrid } from '../../../src/charts/module-grid.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { scheme } from '../state/scheme.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { MapCursor } from './map-cursor.tsx';
import type { ModuleRow } from './module-table.tsx';
import { Panel } from './panel.tsx';
import { PinBar, type PinBarProps } from './pin-bar.tsx';
import { Term } from './term.tsx';

interface RankMapProps extends Omit<PinBarProps, 'onRow' | 'onLayer' | 'hasLayers'> {
  readonly rows: readonly ModuleRow[];
  readonly grid: ModuleGrid;
  /** The index of the module under the cursor. */
  readonly cursor: number;
  readonly onCursor: (module: number) => void;
}

const VIEWS = { rank: 'Rank', energy: 'Energy', error: 'Error' } as const;
type View = keyof typeof VIEWS;

/**
 * A map of the layers that shows each module's rank, energy or error, and in which modules are selected and
 * pinned.
 */
export function RankMap(props: RankMapProps) {
  const { rows, grid, selected, cursor, onCursor, onSelected } = props;
  const [view, setView] = useState<View>('rank');
  const palette = paletteOf(scheme.value);
  const option = useMemo(() => {
    const names = new Set([...selected].map((index) => rows[index]!.name));
    return layerHeatMap({
      palette,
      grid,
      selected: names,
      details: (index) => describeModule(rows[index]!),
      ...viewValues(view, rows),
    });
  }, [palette, rows, grid, view, selected]);
  const inRow = (row: number) => modulesWhere(grid, (place) => place.row === row);
  const inColumn = (column: number) => modulesWhere(grid, (place) => place.column === column);
  const here = grid.places[cursor]!;

  function onPick({ componentType, data, event, dataIndex }: ECElementEvent): void {
    const click = event?.event as MouseEvent | undefined;
    const isMore = click !== undefined && (click.shiftKey || click.ctrlKey || click.metaKey);
    if (componentType === 'series') {
      const { index } = data as unknown as HeatCell;
      onCursor(index);
      onSelected(toggled(selected, [index], isMore));
    } else if (componentType === 'yAxis' && dataIndex !== undefined)
      onSelected(toggled(selected, inRow(dataIndex), isMore));
    else if (componentType === 'xAxis' && dataIndex !== undefined)
      onSelected(toggled(selected, inColumn(dataIndex * layersPerColumn(grid)), isMore));
  }
  const overlay = (chart: ECharts) => (
    <MapCursor
      chart={chart}
      grid={grid}
      cursor={cursor}
      words={`${rows[cursor]!.name}: ${describeModule(rows[cursor]!).join(', ')}${selected.has(cursor) ? ', selected' : ''}`}
      onCursor={onCursor}
      onToggle={() => onSelected(toggled(selected, [cursor], true))}
    />
  );
  return (
    <Panel
      title="Map of the layers"
      class="map"
      note={
        <>
          Click a cell, or the name of a row or layer, to select its modules; hold Ctrl or Shift to select
          several. With the keyboard, use the arrows and Space. Selected modules can be{' '}
          <Term title="pinned" />.
        </>
      }
      actions={
        <fieldset class="switch">
          <legend class="unseen">What the map shows</legend>
          {(Object.keys(VIEWS) as View[]).map((one) => (
            <button key={one} type="button" aria-pressed={view === one} onClick={() => setView(one)}>
              {VIEWS[one]}
            </button>
          ))}
        </fieldset>
      }
    >
      <Chart
        option={option}
        height={heatMapHeight(grid)}
        label={`The ${view} of every module, by ${grid.columnName} and projection.`}
        overlay={overlay}
        onPick={onPick}
      >
        <PinBar
          {...props}
          hasLayers={grid.columns.length > 1 && grid.columnName === 'layer'}
          onRow={() => onSelected(new Set([...selected, ...inRow(here.row)]))}
          onLayer={() => onSelected(new Set([...selected, ...inColumn(here.column)]))}
        />
        <ChartTable
          caption="Rank, energy and error by module"
          head={['Module', 'Rank', 'Share of the energy', 'Error']}
          rows={() =>
            rows.map(({ name, newRank, share = 0, error = 0 }) => [
              name,
              newRank,
              formatPercent(share),
              formatPercent(error),
            ])
          }
        />
      </Chart>
    </Panel>
  );
}

/** The values that a view of the map shows for the modules. */
function viewValues(
  view: View,
  rows: readonly ModuleRow[],
): Pick<HeatMapInput, 'modules' | 'what' | 'inWords' | 'maximum' | 'numbers'> {
  switch (view) {
    case 'rank':
      return {
        what: 'rank',
        modules: rows.map(({ name, newRank = 0 }) => ({ name, value: newRank })),
        inWords: String,
        maximum: rows.reduce((maximum, { rank }) => Math.max(maximum, rank), 1),
        numbers: String,
      };
    case 'energy':
      return { what: 'energy', modules: rows.map(({ name, share = 0 }) => ({ name, value: share })) };
    case 'error':
      return { what: 'error', modules: rows.map(({ name, error = 0 }) => ({ name, value: error })) };
  }
}

const describeModule = ({ rank, newRank = rank, error = 0, share = 0, isPinned }: ModuleRow): string[] => [
  `rank ${newRank} of ${rank}${isPinned ? ', pinned' : ''}`,
  `error ${formatPercent(error)}`,
  `${formatPercent(share)} of the energy`,
];

function modulesWhere(
  { places }: ModuleGrid,
  is: (place: ModuleGrid['places'][number]) => boolean,
): number[] {
  return places.flatMap((place, index) => (is(place) ? [index] : []));
}

/**
 * The next selection: the modules alone, or with those selected before. If all of them are selected already,
 * they are deselected.
 */
function toggled(
  selected: ReadonlySet<number>,
  modules: readonly number[],
  isMore: boolean,
): ReadonlySet<number> {
  const areAll = modules.every((index) => selected.has(index));
  if (!isMore) return areAll && selected.size === modules.length ? new Set() : new Set(modules);
  const next = new Set(selected);
  for (const index of modules) areAll ? next.delete(index) : next.add(index);
  return next;
}
