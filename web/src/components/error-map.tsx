import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { formatPercent } from '../../../src/charts/format.ts';
import { type HeatCell, heatMapHeight, layerHeatMap } from '../../../src/charts/layer-heat-map.ts';
import { moduleGrid } from '../../../src/charts/module-grid.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import type { SucceededTargetReport } from '../../../src/contract/report.ts';
import { scheme } from '../state/scheme.ts';
import { describeTarget } from '../text/describe-target.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { Panel } from './panel.tsx';

interface ErrorMapProps {
  readonly target: SucceededTargetReport;
  /** The end of the scale, for maps that are compared; 0: the largest error. */
  readonly maximum?: number;
  readonly class?: string;
  readonly actions?: ComponentChildren;
  /** The index of the picked module. */
  readonly picked: number | undefined;
  readonly onPick: (module: number) => void;
}

/** The measured error of every module of a result, as a map of the layers. A click picks a module. */
export function ErrorMap({ target, maximum = 0, picked, onPick, actions, ...props }: ErrorMapProps) {
  const palette = paletteOf(scheme.value);
  const { modules } = target;
  const grid = useMemo(() => moduleGrid(modules.map(({ name }) => name)), [modules]);
  const option = useMemo(
    () =>
      layerHeatMap({
        palette,
        grid,
        what: 'error',
        modules: modules.map(({ name, relative_error: value }) => ({ name, value })),
        details: (index) => [`rank ${modules[index]!.rank}`],
        ...(picked !== undefined && { selected: new Set([modules[picked]!.name]) }),
        ...(maximum > 0 && { maximum }),
      }),
    [palette, modules, grid, maximum, picked],
  );
  return (
    <Panel
      title="Where the error is"
      class={props.class ?? ''}
      actions={actions}
      note="Click a cell to pick its module."
    >
      <Chart
        option={option}
        height={heatMapHeight(grid)}
        label={`Relative error of every module by ${grid.columnName} and projection, for ${describeTarget(target.target)}.`}
        onPick={({ componentType, data }) => {
          if (componentType === 'series') onPick((data as unknown as HeatCell).index);
        }}
      >
        <ChartTable
          caption="Error by module"
          head={['Module', 'Rank', 'Error']}
          rows={() =>
            modules.map(({ name, rank, relative_error: error }) => [name, rank, formatPercent(error)])
          }
        />
      </Chart>
    </Panel>
  );
}
